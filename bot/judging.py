"""Judging inputs, files or URLs: one outcome each, in order, while the engine works ahead."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from analysis.errors import EngineFailed, MediumRefused
from analysis.provenance.model import Provenance
from analysis.sniff import HEAD_BYTES, sniff
from bot.errors import ResolveError

if TYPE_CHECKING:
    from analysis.model import Analysis
    from bot.resolver import MediumRef, Resolution, StoredMedium

_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an input, or one of its media, has no verdict.

    ``reason`` is a stable code: a `Refusal`, a `ResolveFailure`, or one of ``no_such_file``, ``is_a_folder``,
    ``not_a_file``, ``not_readable``, ``engine_failed``. ``unusable``: it lies with the input, not with us.
    """

    reason: str
    message: str
    unusable: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input: the analyses of its media, and the first fault, if any.

    ``paths``: the file of each analysis.
    """

    given: str
    analyses: tuple[Analysis, ...]
    fault: Fault | None
    paths: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object of `check --json`."""
        error = None if self.fault is None else {"reason": self.fault.reason, "message": self.fault.message}
        return {"input": self.given, "media": [medium_json(found) for found in self.analyses], "error": error}


def medium_json(analysis: Analysis) -> dict[str, Any]:
    """One medium of `check --json`; ``provenance`` only where the medium says anything of its origin."""
    verdict = analysis.verdict
    return {
        "sha256": analysis.sha256,
        "kind": analysis.probe.kind.value,
        "verdict": {
            "band": verdict.band.value,
            "probability": verdict.probability,
            "policy": verdict.policy,
            "reasons": [{"code": reason.code, "text": reason.text} for reason in verdict.reasons],
        },
        "scores": [
            {
                "detector": score.detector,
                "score": score.score,
                "applicable": score.applicable,
                "reason": score.reason,
            }
            for score in analysis.scores
        ],
        "timing": dict(analysis.timing),
        **({"provenance": asdict(analysis.provenance)} if analysis.provenance != Provenance() else {}),
    }


@dataclass(frozen=True, slots=True)
class Started:
    """An input whose media are on their way through the engine.

    ``paths``: the file of each future. ``files`` were fetched for it.
    """

    given: str
    futures: tuple[Future[Analysis], ...]
    fault: Fault | None
    files: tuple[Path, ...] = ()
    paths: tuple[Path, ...] = ()

    def finish(self) -> Outcome:
        """Wait for the engine."""
        analyses, paths = [], []
        fault = self.fault
        for future, path in zip(self.futures, self.paths, strict=True):
            try:
                analyses.append(future.result())
                paths.append(path)
            except MediumRefused as error:
                fault = fault or Fault(error.reason.value, str(error))
            except EngineFailed as error:
                fault = fault or _engine_fault(error)
            except CancelledError:
                fault = fault or Fault("engine_failed", "the analysis was cancelled", unusable=False)
        return Outcome(self.given, tuple(analyses), fault, tuple(paths))


class Submits(Protocol):
    """The one thing that judging asks of an engine; see `analysis.model.Analyzer`."""

    def submit(self, path: Path) -> Future[Analysis]:
        """Queue one file for analysis."""


class Resolves(Protocol):
    """What judging asks of a resolver; see `bot.resolver.Resolver`."""

    def resolve(self, url: str) -> Resolution:
        """What media a URL has."""

    def fetch(self, ref: MediumRef, *, file_root: Path | None) -> StoredMedium:
        """Bring one medium into the store."""


class Judge:
    """Judges inputs. The engine and the resolver are made when the first input needs them."""

    def __init__(self, analyzer: Callable[[], Submits], resolver: Callable[[], Resolves]) -> None:
        self._analyzer = analyzer
        self._resolver = resolver

    def run(self, inputs: Iterable[str]) -> Iterator[Outcome]:
        """One outcome for each input, in their order; never ends early because of one of them."""
        started: deque[Started] = deque()
        for given in inputs:
            started.append(self._start(given))
            if len(started) > _AHEAD:
                yield started.popleft().finish()
        while started:
            yield started.popleft().finish()

    def _start(self, given: str) -> Started:
        if "://" in given and not given.lower().startswith("file:"):
            return self.start_url(given)
        if not given:
            return Started(given, (), Fault("no_such_file", "the input is empty; name a file or URL"))
        if given == "-":
            text = "standard input is not read; save it to a file and name that"
            return Started(given, (), Fault("no_such_file", text))
        try:
            path = _path(given)
        except ResolveError as error:
            return Started(given, (), _resolve_fault(error))
        fault = file_fault(path) or _content_fault(path)
        if fault is not None:
            return Started(given, (), fault)
        return self.start_file(path, given)

    def start_file(self, path: Path, given: str) -> Started:
        """Hand a file to the engine; ``given`` is what it is called in the outcome."""
        try:
            return Started(given, (self._analyzer().submit(path),), None, paths=(path,))
        except EngineFailed as error:
            return Started(given, (), _engine_fault(error))

    def start_url(self, url: str) -> Started:
        """Fetch the media of a URL and hand them to the engine."""
        futures: list[Future[Analysis]] = []
        files: list[Path] = []
        paths: list[Path] = []
        fault: Fault | None = None
        try:
            refs = self._resolver().resolve(url).media
        except ResolveError as error:
            return Started(url, (), _resolve_fault(error))
        for ref in refs:
            try:
                stored = self._resolver().fetch(ref, file_root=None)
                files.append(stored.path)
                futures.append(self._analyzer().submit(stored.path))
                paths.append(stored.path)
            except ResolveError as error:
                fault = fault or _resolve_fault(error)
            except EngineFailed as error:
                fault = fault or _engine_fault(error)
        return Started(url, tuple(futures), fault, tuple(files), tuple(paths))


def _path(given: str) -> Path:
    """The path that an input names, which a file: URL does with percent signs.

    Raises:
        ResolveError: a file: URL of another machine, or one that names nothing.
    """
    from bot.resolver.files import local_path

    named = local_path(given) if given.lower().startswith("file:/") else None
    return named or Path(given)


def file_fault(path: Path) -> Fault | None:
    """Why there is no file to judge at this path; None where there is one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Fault("no_such_file", "there is no such file; check the path")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        return Fault("no_such_file", f"no file can be reached there ({words.lower()}); check the path")
    if stat.S_ISDIR(mode):
        return Fault("is_a_folder", "this is a folder; name the files in it")
    if not stat.S_ISREG(mode):
        return Fault("not_a_file", "this is a device or pipe; save its content to a file")
    if not os.access(path, os.R_OK):
        return Fault("not_readable", "this file may not be read; mend its mode")
    return None


def _content_fault(path: Path) -> Fault | None:
    """Why no decoder would take the file, by its first bytes: known before an engine has started."""
    try:
        with path.open("rb") as file:
            sniff(file.read(HEAD_BYTES))
    except MediumRefused as error:
        return Fault(error.reason.value, str(error))
    except OSError as error:
        words = (error.strerror or type(error).__name__).lower()
        return Fault("not_readable", f"this file cannot be read ({words}); copy it elsewhere")
    return None


def _resolve_fault(error: ResolveError) -> Fault:
    return Fault(error.reason.value, str(error))


def _engine_fault(error: EngineFailed) -> Fault:
    return Fault("engine_failed", str(error), unusable=False)
