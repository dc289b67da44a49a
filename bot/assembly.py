"""The parts of the bot, built from settings: the one place that knows both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError

if TYPE_CHECKING:
    from analysis.engine import EmbeddedAnalyzer

    from bot.config import Settings
    from bot.platforms.base import Platform
    from bot.resolver import Resolver


def build_analyzer(settings: Settings) -> EmbeddedAnalyzer:
    """The engine; its detectors are loaded at `warm_up` or with the first medium.

    Raises:
        ConfigError: the device is not there.
        analysis.errors.ConfigurationError: the policy or the detectors cannot be used as configured.
        detectors.errors.UnknownDetector: a detector that does not exist.
    """
    from analysis.engine import EmbeddedAnalyzer
    from analysis.ensemble import create_policy
    from analysis.limits import Limits

    from detectors import record

    chosen = settings.analysis
    for name in chosen.detectors:
        record(name)
    policy = create_policy(
        chosen.policy, high_false_alarms=chosen.high_false_alarms, low_misses=chosen.low_misses
    )
    limits = Limits(
        max_bytes=chosen.max_bytes,
        max_pixels=chosen.max_pixels,
        max_duration=chosen.max_duration,
        frames_per_video=chosen.frames_per_video,
        decode_seconds=chosen.decode_seconds,
        decode_memory_bytes=chosen.decode_memory_mb * 1_000_000,
    )
    return EmbeddedAnalyzer(
        chosen.detectors,
        policy,
        limits,
        device=_device(chosen.device),
        decode_workers=chosen.decode_workers,
        torch_threads=chosen.threads,
        queue_size=settings.analyst.in_flight,
    )


def _device(wanted: str) -> str:
    if wanted == "cpu":
        return wanted
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise ConfigError("analysis.device is cuda, but no GPU can be used here; use auto or cpu")
    return "cpu"


def build_resolver(settings: Settings, store: Path | None = None) -> Resolver:
    """The resolver; media go to `store`, by default the data folder's."""
    from bot.resolver import FetchLimits, MediaStore, Resolver
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
        attempts=chosen.attempts,
        ports=frozenset(chosen.ports),
    )
    fetcher = GuardedFetcher(limits, allow_networks=chosen.allow_networks, user_agent=chosen.user_agent)
    folder = store or settings.data_dir / "media"
    try:
        return Resolver(fetcher, MediaStore(folder))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(f"data_dir: media cannot be kept in {folder} ({reason}); name another") from None


def build_platforms(settings: Settings) -> list[Platform]:
    """Every configured platform; in test mode replies go to `simulated/NAME.jsonl` in the data folder.

    Raises:
        ConfigError: none is configured, or one cannot be used as configured.
    """
    from bot.platforms.registry import create_platform
    from bot.platforms.reply_log import ReplyLog
    from bot.platforms.simulated import SimulatedPlatform

    if not settings.platforms:
        raise ConfigError("platforms is empty, so there is nothing to watch; set it, or use --inbox FOLDER")
    platforms: list[Platform] = []
    for name in settings.platforms:
        platform = create_platform(name, **_platform_options(settings, name))
        if settings.test_mode:
            log = ReplyLog(settings.data_dir / "simulated" / f"{name}.jsonl")
            platform = SimulatedPlatform(platform, log)
        platforms.append(platform)
    return platforms


def _platform_options(settings: Settings, name: str) -> dict[str, object]:
    section = getattr(settings, name, None)
    return dict(section) if section is not None else {}
