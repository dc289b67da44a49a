"""Makes a state file of any size, as months of a busy bot would leave it: to measure and see the console.

    python -m benchmarks.make_state DATA_DIR [--mentions 100000] [--pictures 100] [--seed 1]

Some posts are asked about by very many people, most by one; bands, states, replies, reviews and languages
are spread as seems likely. The newest media are real files, so many as ``--pictures`` says; the others
are on record only. The mentions end now. The same seed gives the same rows, but for the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import detectors
from state import derived
from state.model import Mode, to_text
from state.outbox import reply_key
from state.store import Store

DAYS = 90
PLATFORMS = (("bluesky", 45), ("mastodon", 30), ("x", 20), ("inbox", 5))
LANGUAGES = (("en", 48), ("es", 14), ("pt", 8), ("de", 7), ("ar", 6), ("ja", 5), ("fr", 4), (None, 8))
BANDS = (("uncertain", 62), ("high", 22), ("low", 10), ("trusted", 2), ("unknown", 4))
LIKELY = {"uncertain": (0.25, 0.8), "high": (0.8, 0.99), "low": (0.02, 0.25), "trusted": (0.01, 0.05)}
DETECTORS = ("veritag_image", "veritag_face", "veritag_speech", "tiny_ladeda")
WEIGHTS = {name: detectors.record(name).digest for name in DETECTORS}
KINDS = (("image/jpeg", 62), ("image/png", 12), ("video/mp4", 22), ("audio/mpeg", 4))
LABELS = (("fake", 40), ("real", 35), ("manipulated", 12), ("satire", 5), ("cannot_tell", 8))
FAILURES = ("post_gone", "too_large", "timed_out", "no_media", "reply_refused")
IGNORED = ("nothing_asked", "asked_already", "over_limit", "opted_out")
TALK = (
    "the president said today that flood water election photo bridge crowd stadium minister video speech "
    "market storm police street protest dog cat sunset war soldier actor singer concert leaked shocking "
    "real fake look this is what they do not want you to see breaking news from my cousin nobody talks "
    "about it anymore "
)
WORDS = TALK.split()


@dataclass(frozen=True, slots=True)
class Target:
    """A post in question: its row, platform, media, and the band and probability of its verdict."""

    row: int
    platform: str
    media: tuple[int, ...]
    band: str
    probability: float | None


class Maker:
    """Writes the rows of one state file. Row numbers are given out here, so that all is inserted in bulk."""

    def __init__(self, store: Store, files: Path, *, mentions: int, pictures: int, seed: int) -> None:
        self.store = store
        self.files = files
        self.mentions = mentions
        self.pictures = pictures
        self.random = random.Random(seed)
        self.end = datetime.now(UTC).replace(microsecond=0)
        self.targets: list[Target] = []
        self.reviewed: set[int] = set()

    def run(self) -> None:
        """Everything, in one transaction; what is derived is made once, at the end."""
        with self.store.transaction() as db:
            derived.drop(db)
            self._askers(self.mentions // 3 + 1)
            self._targets(self.mentions * 6 // 10 + 1)
            self._mentions()
            derived.make(db)

    def _askers(self, count: int) -> None:
        rows = [
            (n, self._one(PLATFORMS), f"acct-{n}", f"asker{n}.example", self._at(0)) for n in range(1, count)
        ]
        self._insert("askers", "id, platform, platform_id, handle, first_seen", rows)
        self.askers = [row[0] for row in rows]

    def _targets(self, count: int) -> None:
        posts, media, links, analyses, scores, verdicts, reviews = [], [], [], [], [], [], []
        medium = 0
        for row in range(1, count):
            share = row / count
            platform, band = self._one(PLATFORMS), self._one(BANDS)
            number = 1 if self.random.random() < 0.85 else self.random.randint(2, 4)
            own = range(medium + 1, medium + 1 + number)
            likely = LIKELY.get(band)
            probability = round(self.random.uniform(*likely), 3) if likely else None
            self.targets.append(Target(row, platform, tuple(own), band, probability))
            posts.append(self._post(row, platform, f"author{row % 900}.example", share, number))
            for position, medium in enumerate(own):
                mime = self._one(KINDS)
                newest = count - row <= self.pictures
                sha256, size = (
                    self._file(medium) if newest else (_digest(medium), self.random.randint(9_000, 9_000_000))
                )
                at = self._at(share)
                media.append((medium, sha256, "image/jpeg" if newest else mime, size, at))
                links.append((row, position, f"https://media.example/{medium}", self._text(8), medium))
                kind = "image" if newest else mime.split("/")[0]
                analyses.append(
                    (medium, medium, "f" * 64, at, kind, "{}", '{"decode":0.1,"detect":0.4}', "{}")
                )
                given = [round(self.random.betavariate(2, 2), 4) for _ in range(self.random.randint(1, 4))]
                named = zip(DETECTORS, given, strict=False)
                scores += [(medium, name, score, 1, "{}", WEIGHTS[name]) for name, score in named]
                spread = max(given) - min(given) if len(given) > 1 else None
                verdicts.append((medium, band, probability, "calibrated", "[]", "veritag 2026-10", spread))
                if self.random.random() < 0.04:
                    self.reviewed.add(row)
                    reviews.append((medium, self._one(LABELS), self._text(5), f"reviewer{row % 4}", at))
        self._insert("posts", _POST, posts)
        self._insert("media", "id, sha256, mime, size, first_seen", media)
        self._insert("post_media", "post_id, position, source_url, alt_text, media_id", links)
        names = "id, media_id, fingerprint, finished_at, kind, probe, timing, provenance"
        self._insert("analyses", names, analyses)
        self._insert("scores", "analysis_id, detector, score, applicable, evidence, weights", scores)
        names = "analysis_id, band, probability, policy, reasons, calibration, spread"
        self._insert("verdicts", names, verdicts)
        self._insert("reviews", "media_id, label, note, reviewer, created_at", reviews)

    def _mentions(self) -> None:
        posts, mentions, replies, events = [], [], [], []
        first_post = len(self.targets) + 1
        for number in range(1, self.mentions + 1):
            share = number / self.mentions
            target, row = self._target(share), first_post + number
            asker = self.random.choice(self.askers)
            posts.append(self._post(row, target.platform, f"asker{asker}.example", share, 0))
            state, reason, band = self._fate(number, target)
            known = target.row if state not in {"seen", "ignored"} else None
            at = self._at(share)
            closed = at if state in {"answered", "ignored", "failed"} else None
            mentions.append(
                (number, "live", target.platform, asker, row, known, at, at, closed, state, reason, band)
            )
            replies += self._replies(number, target, state, share)
            events += [(at, "live", name, number, "{}") for name in ("seen", "resolved", "analysed", state)]
        self._insert("posts", _POST, posts)
        names = (
            "id, mode, platform, asker_id, post_id, target_id, created_at, seen_at, closed_at, "
            "state, reason, band"
        )
        self._insert("mentions", names, mentions)
        names = (
            "mention_id, kind, revision, key, state, in_reply_to, text, language, wording, band, created_at"
        )
        self._insert("replies", names, replies)
        self._insert("events", "at, mode, name, mention_id, data", events)

    def _target(self, share: float) -> Target:
        """A post of about that time; every now and then one that everybody asks about."""
        around = int(share * (len(self.targets) - 1))
        if self.random.random() < 0.2:
            return self.targets[around - around % 997]
        return self.targets[max(0, around - int(self.random.expovariate(1 / 40)))]

    def _fate(self, number: int, target: Target) -> tuple[str, str | None, str | None]:
        chance = self.random.random()
        if number > self.mentions - 40 and chance < 0.5:
            return self.random.choice(("seen", "resolved")), None, None
        if chance < 0.08:
            return "ignored", self.random.choice(IGNORED), None
        if chance < 0.15:
            return "failed", self.random.choice(FAILURES), None
        return "answered", None, target.band

    def _replies(self, mention: int, target: Target, state: str, share: float) -> Iterator[tuple[Any, ...]]:
        kinds = {"answered": ["verdict"], "failed": ["failure"]}.get(state, [])
        if kinds == ["verdict"] and target.row in self.reviewed:
            kinds.append("correction")
        for revision, kind in enumerate(kinds):
            key = reply_key("live", target.platform, str(mention), kind, revision)
            sent = "sent" if self.random.random() < 0.97 else "failed"
            text = f"Our automatic check found: {target.band}. {self._text(18)}"
            wording = f"en/{kind}.{'default' if kind == 'failure' else target.band}/0"
            yield (
                *(mention, kind, revision, key, sent, f"post-{mention}", text, "en", wording),
                *(target.band, self._at(share)),
            )

    def _post(self, row: int, platform: str, handle: str, share: float, attachments: int) -> tuple[Any, ...]:
        files = [
            {"url": f"https://media.example/{row}-{n}", "mime": None, "alt_text": None}
            for n in range(attachments)
        ]
        text = self._text(self.random.randint(4, 24)) if attachments else f"@veritag {self._text(4)}?"
        at = self._at(share)
        return (
            *(row, platform, f"post-{row}", f"acct-{handle}", handle, 0, at, text, self._one(LANGUAGES)),
            *(f"https://{platform}.example/{row}", json.dumps(files), "[]", at),
        )

    def _file(self, medium: int) -> tuple[str, int]:
        """A picture of soft colours that is really there."""
        from PIL import Image

        pixels = random.Random(medium).randbytes(8 * 6 * 3)
        content = BytesIO()
        Image.frombytes("RGB", (8, 6), pixels).resize((640, 480), Image.Resampling.BICUBIC).save(
            content, "JPEG"
        )
        sha256 = hashlib.sha256(content.getvalue()).hexdigest()
        path = self.files / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
        return sha256, len(content.getvalue())

    def _insert(self, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * (columns.count(",") + 1))
        self.store.db.conn.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def _one(self, choices: Any) -> Any:
        values, weights = zip(*choices, strict=True)
        return self.random.choices(values, weights)[0]

    def _text(self, words: int) -> str:
        return " ".join(self.random.choices(WORDS, k=words))

    def _at(self, share: float) -> str:
        return to_text(self.end - timedelta(days=DAYS * (1 - share)))


_POST = (
    "id, platform, platform_id, author_id, author_handle, author_is_bot, created_at, text, language, url, "
    "attachments, links, fetched_at"
)


def _digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def make_state(data_dir: Path, *, mentions: int, pictures: int, seed: int) -> float:
    """Fill a new data folder; returns how many seconds it took.

    Raises:
        FileExistsError: there is a state file already.
    """
    path = data_dir / "state.sqlite3"
    if path.exists():
        raise FileExistsError(f"{path} is there already; name a new folder")
    start = time.perf_counter()
    store = Store(path, Mode.LIVE)
    Maker(store, data_dir / "media", mentions=mentions, pictures=pictures, seed=seed).run()
    store.close()
    return time.perf_counter() - start


def main() -> int:
    """The command; exit 2 where the folder cannot be used."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--mentions", type=int, default=100_000)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        seconds = make_state(
            given.data_dir, mentions=given.mentions, pictures=given.pictures, seed=given.seed
        )
    except OSError as error:
        print(f"make_state: {error}", file=sys.stderr)
        return 2
    print(f"{given.mentions:,} mentions in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
