"""What the commands have in common, built from settings: engine, resolver, media, platforms, state file.

The parts of a running bot are put together in `bot.parts`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from analysis.engine import EmbeddedAnalyzer
    from analysis.limits import Limits
    from analysis.model import Recall
    from bot.config import Settings
    from bot.credentials import Credentials
    from bot.keeping import Keeper
    from bot.platforms.base import Platform
    from bot.platforms.gate import Gate
    from bot.resolver import MediaStore, Resolver, Router
    from bot.resolver.base import Extractor
    from bot.resolver.fetcher import GuardedFetcher
    from bot.resolver.recording import Recorder
    from bot.resolver.router import Watch
    from bot.resolver.transport import Transport
    from bot.resolver.ytdlp.runner import OnProgress
    from detectors.base import Detector
    from state.store import Store


def build_analyzer(settings: Settings, recall: Recall | None = None) -> EmbeddedAnalyzer:
    """The engine; its detectors are loaded at `warm_up` or with the first medium.

    ``recall`` is its memory of near copies, if it shall have one.

    Raises:
        ConfigError: the device is not there, or a service that detectors ask cannot be used as configured.
        analysis.errors.ConfigurationError: the policy or the detectors cannot be used as configured.
        detectors.errors.UnknownDetector: a detector that does not exist.
    """
    from analysis.engine import EmbeddedAnalyzer
    from analysis.ensemble import create_policy
    from analysis.producers import producers_on
    from bot.bands import band_limits
    from bot.detector_services import ASKING, build_services
    from detectors import create, record, weights
    from detectors.backends import Backend, Choice

    chosen = settings.analysis
    for name in chosen.detectors:
        record(name)
    device = _device(chosen.device)
    services = None
    if not ASKING.isdisjoint(chosen.detectors):
        services = build_services(
            settings, lambda: _fetcher(settings, total_seconds=settings.services.page_timeout, attempts=1)
        )

    def load(name: str) -> Detector:
        return services.create(name) if services and name in ASKING else create(name, device=device)

    bands = band_limits(settings)
    policy = create_policy(
        chosen.policy,
        high_false_alarms=bands.high_false_alarms,
        low_misses=bands.low_misses,
        own=settings.own_calibration,
    )
    limits = media_limits(settings)
    choice = Choice(Backend(chosen.backend), chosen.exact, chosen.threads, weights.folder() / "converted")
    return EmbeddedAnalyzer(
        chosen.detectors,
        policy,
        limits,
        device=device,
        decode_workers=chosen.decode_workers,
        torch_threads=chosen.threads,
        queue_size=settings.analyst.in_flight,
        redelivery=chosen.redelivery,
        create=load,
        choice=choice,
        producers={**producers_on(device, limits, choice), **(services.producers() if services else {})},
        recall=recall,
    )


def build_recall(settings: Settings, store: Store) -> Recall | None:
    """The engine's memory of near copies, unless the settings forbid one."""
    from bot.recall import StoredRecall

    return StoredRecall(store) if settings.analysis.recognise_copies else None


def media_limits(settings: Settings) -> Limits:
    """What one medium may cost, as configured.

    Raises:
        ConfigError: the trust anchors cannot be used.
    """
    from analysis.limits import Limits, Sampling

    chosen = settings.analysis
    return Limits(
        max_bytes=chosen.max_bytes,
        max_pixels=chosen.max_pixels,
        max_duration=chosen.max_duration,
        frames_per_video=chosen.frames_per_video,
        sampling=Sampling(chosen.sampling),
        frames_in_a_row=chosen.frames_in_a_row,
        face_clip_stride=chosen.face_clip_stride or None,
        trust_anchors=_trust_anchors(chosen.trust_anchors),
        decode_seconds=chosen.decode_seconds,
        decode_memory_bytes=chosen.decode_memory_mb * 1_000_000,
    )


def _trust_anchors(file: Path | None) -> str | None:
    if file is None:
        return None
    from analysis.provenance.credentials import check_anchors

    mend = "name a file of certificates in PEM"
    try:
        check_anchors(file.read_text("ascii"))
    except (OSError, ValueError) as error:
        reason = (error.strerror or "unreadable").lower() if isinstance(error, OSError) else str(error)
        raise ConfigError(f"analysis.trust_anchors {file} cannot be used ({reason}); {mend}") from None
    return str(file.resolve())


def _device(wanted: str) -> str:
    if wanted == "cpu":
        return wanted
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise ConfigError("analysis.device is cuda, but no GPU can be used here; use auto or cpu")
    return "cpu"


def _fetcher(settings: Settings, transport: Transport | None = None, **tighter: float) -> GuardedFetcher:
    """The guarded fetcher as configured, with some of its limits drawn tighter."""
    from bot.resolver import FetchLimits
    from bot.resolver.fetcher import GuardedFetcher

    chosen = settings.fetch
    limits = FetchLimits(
        max_bytes=chosen.max_bytes,
        total_seconds=chosen.total_timeout,
        connect_seconds=chosen.connect_timeout,
        read_seconds=chosen.read_timeout,
        min_rate=chosen.min_rate,
        max_redirects=chosen.max_redirects,
        per_host=chosen.per_host,
        host_interval=chosen.host_interval,
        max_duration=settings.analysis.max_duration,
        attempts=chosen.attempts,
        ports=frozenset(chosen.ports),
    )
    limits = replace(limits, **{name: min(getattr(limits, name), most) for name, most in tighter.items()})
    return GuardedFetcher(
        limits, allow_networks=chosen.allow_networks, user_agent=chosen.user_agent, transport=transport
    )


def build_resolver(
    settings: Settings,
    store: Path | None = None,
    *,
    watch: Watch | None = None,
    on_progress: OnProgress | None = None,
    recorded: list[Recorder] | None = None,
) -> Resolver:
    """The resolver; media go to `store`, by default the data folder's.

    ``watch`` is told of every route that is tried, ``on_progress`` of what yt-dlp downloads. With a list as
    ``recorded`` a recorder of all that is asked and answered is put into it.
    """
    from bot.resolver import Resolver, Router
    from bot.resolver.ytdlp.runner import YtDlp

    fetcher, sites = _fetcher(settings), settings.sites
    files = open_media(settings, store)
    extractor: Extractor | None = None
    if sites.yt_dlp:
        extractor = YtDlp(fetcher.gate, children=sites.yt_dlp_processes, on_progress=on_progress)
    if recorded is not None:
        from bot.resolver.recording import Recorder

        recorder = Recorder(fetcher.transport, extractor)
        recorded.append(recorder)
        fetcher = _fetcher(settings, recorder)
        extractor = recorder if extractor else None
    router = Router(fetcher, extractor=extractor, keys=sites.keys(), order=sites.order())
    return Resolver(fetcher, files, router, watch)


def replaying_router(settings: Settings, fixture: Mapping[str, Any], keys: Mapping[str, str]) -> Router:
    """A router that asks a fixture in place of the network, in the order of routes that is configured."""
    from bot.resolver import Router
    from bot.resolver.replay import Fixture

    answers = Fixture(fixture)
    extractor = answers if settings.sites.yt_dlp else None
    return Router(_fetcher(settings, answers), extractor=extractor, keys=keys, order=settings.sites.order())


def open_media(settings: Settings, folder: Path | None = None) -> MediaStore:
    """The files in a folder, by default the data folder's.

    Raises:
        ConfigError: it cannot be written to.
    """
    from bot.resolver import MediaStore

    folder = folder or settings.data_dir / "media"
    try:
        return MediaStore(folder)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(f"data_dir: media cannot be kept in {folder} ({reason}); name another") from None


def build_keeper(settings: Settings, store: Store, files: MediaStore) -> Keeper:
    """What decides how long media are kept."""
    from bot.keeping import Keeper

    chosen = settings.media
    return Keeper(
        store,
        files,
        quota=chosen.quota,
        retention=chosen.retention_days * 86_400,
        keep_reviewed=chosen.keep_reviewed,
        drawn=tuple(settings.data_dir / name for name in ("evidence", "thumbnails", "cards")),
    )


def build_platforms(settings: Settings, gates: Mapping[str, Gate] | None = None) -> list[Platform]:
    """Every configured platform; in test mode replies go to `simulated/NAME.jsonl` in the data folder.

    Without ``gates`` each has one that knows nothing of other processes.

    Raises:
        ConfigError: none is configured, or one cannot be used as configured.
    """
    from bot.gates import build_gates
    from bot.platforms.access import Access
    from bot.platforms.registry import create_platform
    from bot.platforms.reply_log import ReplyLog
    from bot.platforms.simulated import simulate

    if not settings.platforms:
        raise ConfigError("platforms is empty, so there is nothing to watch; set it, or use --inbox FOLDER")
    gates = gates if gates is not None else build_gates(settings)
    platforms: list[Platform] = []
    for name in settings.platforms:
        access = Access(gates[name], open_credentials(settings, name))
        platform = create_platform(name, access, **platform_options(settings, name))
        if settings.test_mode:
            simulated = settings.data_dir / "simulated"
            simulated.mkdir(parents=True, exist_ok=True)
            platform = simulate(platform, ReplyLog(simulated / f"{name}.jsonl"))
        platforms.append(platform)
    return platforms


def open_credentials(settings: Settings, name: str) -> Credentials:
    """A platform's credentials: the secrets of its section, and the file that `veritag authorize` writes."""
    from pydantic import SecretStr

    from bot.credentials import Credentials

    section = dict(getattr(settings, name, ()))
    given = {key: value.get_secret_value() for key, value in section.items() if isinstance(value, SecretStr)}
    return Credentials(settings.data_dir / "credentials" / f"{name}.json", given)


def platform_options(settings: Settings, name: str) -> dict[str, object]:
    """A platform's section without its secrets and what is said to its gate: those it has by its access."""
    from bot.config.fields import leaves
    from bot.gates import GATE_SETTINGS

    section = getattr(settings, name, None)
    if section is None:
        return {}
    secrets = {key for key, field in leaves().items() if field.secret}
    apart = secrets | {f"{name}.{key}" for key in GATE_SETTINGS}
    return {key: value for key, value in section if f"{name}.{key}" not in apart}


def open_store(settings: Settings) -> Store:
    """The state file in the data folder, in the mode that is configured.

    Raises:
        ConfigError: it cannot be opened.
    """
    from sqlite3 import Error

    from state.errors import StateError
    from state.model import Mode
    from state.store import Store

    path = settings.data_dir / "state.sqlite3"
    try:
        return Store(path, Mode.TEST if settings.test_mode else Mode.LIVE)
    except (OSError, Error, StateError) as error:
        raise ConfigError(f"data_dir: {path} cannot be used ({error}); name another folder") from error
