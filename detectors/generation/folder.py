"""Whole folders: pairs made by several processes, killed and taken up again, always with the same result."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path

from detectors.errors import GenerationError, NotApplicable, Unsuitable
from detectors.generation import base, files, laundering, manifest
from detectors.generation.files import Original
from detectors.generation.making import Pair, Recipe, make
from detectors.generation.manifest import PassedOver, Row

Tick = Callable[[int, int], None]
_AHEAD = 4  # items per process that wait in the queue


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: pairs made now, pairs that were there already, and what was passed over."""

    made: int
    kept: int
    passed_over: tuple[PassedOver, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker process needs besides the item."""

    recipe: Recipe
    folder: Path
    target: Path
    donors: tuple[Original, ...]


def generate(
    folder: Path,
    target: Path,
    recipe: Recipe,
    *,
    count: int | None = None,
    workers: int = 1,
    tick: Tick | None = None,
) -> Outcome:
    """Make a fake of every real medium below a folder.

    Writes ``SOURCE/real/KEY.*``, ``SOURCE/fake/KEY.*`` and ``SOURCE/masks/KEY.png`` into `target` (without
    SOURCE where the folder has none), the `manifest`, and `manifest.PASSED_OVER`. Pairs that are there, whole
    and of the same recipe, are kept.

    Args:
        count: at most so many real media, drawn by the seed.
        workers: processes; with 1 the work is done in this one.
        tick: called with the number of items done and of all.

    Raises:
        GenerationError: nothing to work on, an unknown generator or preset, a target inside the folder (or
            the other way round), or one that holds another run.
    """
    here, there = folder.resolve(), target.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise GenerationError(f"{target} and {folder} lie in each other; name a folder apart")
    if recipe.launder is not None:
        laundering.require(recipe.launder, recipe.modality)
    originals = files.find(folder, recipe.modality)
    chosen = sorted(originals, key=lambda original: _lot(recipe.seed, original))[:count]
    kept = _kept(target, recipe, {original.sha256 for original in originals})
    waiting = [original for original in chosen if original.sha256 not in kept]
    donors = tuple(originals) if base.entry(recipe.generator).donor else ()
    job = _Job(recipe, folder, target, donors)
    target.mkdir(parents=True, exist_ok=True)
    path = target / manifest.NAME
    manifest.write(path, [row for rows in kept.values() for row in rows])
    passed: list[PassedOver] = []
    done = len(chosen) - len(waiting)
    for rows in _run(waiting, job, workers):
        if isinstance(rows, PassedOver):
            passed.append(rows)
        else:
            manifest.append(path, rows)
            kept[rows[0].input_sha256] = rows
        done += 1
        if tick:
            tick(done, len(chosen))
    manifest.write(path, [row for key in sorted(kept) for row in kept[key]])
    passed.sort(key=lambda line: line.input)
    manifest.write(target / manifest.PASSED_OVER, passed)
    return Outcome(len(waiting) - len(passed), len(chosen) - len(waiting), tuple(passed))


def _lot(seed: int, original: Original) -> str:
    return hashlib.sha256(f"{seed} {original.sha256}".encode()).hexdigest()


def _kept(target: Path, recipe: Recipe, inputs: set[str]) -> dict[str, list[Row]]:
    """The pairs of an earlier run whose files are all there, by the real medium's hash."""
    pairs: dict[str, list[Row]] = {}
    wanted = recipe.seed, recipe.asked
    for row in manifest.read(target / manifest.NAME):
        if row.generator not in {recipe.generator, ""} or (row.seed, row.laundering["asked"]) != wanted:
            made_by = f"generator {row.generator}, " if row.generator else ""
            raise GenerationError(
                f"{target} holds pairs of another run ({made_by}seed {row.seed}, laundering "
                f"{row.laundering['asked']}); name another folder"
            )
        if row.input_sha256 not in inputs:
            raise GenerationError(
                f"{target} holds a pair of {row.input}, which is not among the media now; name another folder"
            )
        pairs.setdefault(row.input_sha256, []).append(row)
    return {
        key: rows
        for key, rows in pairs.items()
        if len(rows) == 2 and all(_whole(target, row) for row in rows)
    }


def _whole(target: Path, row: Row) -> bool:
    path = target / row.file
    masked = row.mask is None or (target / row.mask).is_file()
    return masked and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256


def _run(waiting: Sequence[Original], job: _Job, workers: int) -> Iterator[list[Row] | PassedOver]:
    """Results as they are finished, in any order."""
    if workers == 1 or len(waiting) < 2:
        for original in waiting:
            yield _produce(original, job)
        return
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(min(workers, len(waiting)), context, _begin, (job,))
    try:
        queued = iter(waiting)
        running: set[Future[list[Row] | PassedOver]] = set()
        while True:
            for original in queued:
                running.add(executor.submit(_produce_here, original))
                if len(running) >= _AHEAD * workers:
                    break
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        executor.shutdown(cancel_futures=True)


_job: _Job


def _begin(job: _Job) -> None:
    """Set a worker process up: its job, and its end as soon as the parent is gone, however that ended."""
    global _job  # a process of its own, set once
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends this one
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _produce_here(original: Original) -> list[Row] | PassedOver:
    return _produce(original, _job)


def _produce(original: Original, job: _Job) -> list[Row] | PassedOver:
    """Make a pair and put its files in place; the manifest is written afterwards by the one process."""
    try:
        pair = make(original, job.recipe, job.folder, job.donors)
    except (Unsuitable, NotApplicable) as reason:
        return PassedOver(original.path.as_posix(), original.sha256, str(reason))
    return _store(original, pair, job)


def _store(original: Original, pair: Pair, job: _Job) -> list[Row]:
    home = Path(original.source)
    mask = None if pair.mask is None else home / "masks" / f"{original.key}.png"
    if mask is not None and pair.mask is not None:
        _put(job.target / mask, pair.mask)
    rows = []
    for label, data in (("real", pair.real), ("fake", pair.fake)):
        file = home / label / f"{original.key}{pair.suffix}"
        _put(job.target / file, data)
        fake = label == "fake"
        rows.append(
            Row(
                file=file.as_posix(),
                label=label,
                sha256=hashlib.sha256(data).hexdigest(),
                modality=job.recipe.modality.value,
                source=original.source,
                input=original.path.as_posix(),
                input_sha256=original.sha256,
                generator=job.recipe.generator if fake else "",
                seed=job.recipe.seed,
                parameters=pair.parameters if fake else {},
                laundering={"asked": job.recipe.asked, **pair.laundering},
                mask=mask.as_posix() if mask is not None and fake else None,
            )
        )
    return rows


def _put(path: Path, data: bytes) -> None:
    """Write a file all at once: a crash leaves the whole of it or nothing under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
