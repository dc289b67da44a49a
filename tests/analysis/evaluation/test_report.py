"""The report: a page that needs nothing else, sentences that claim no more than was measured, tables."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from analysis.calibration.scores import read_scores
from analysis.errors import ConfigurationError
from analysis.evaluation import leaks, words
from analysis.evaluation.items import Item, Known
from analysis.evaluation.measuring import Meter
from analysis.evaluation.mistakes import Thumbnails, false_alarms, misses
from analysis.evaluation.report import render, write
from analysis.evaluation.result import Evaluation, Figure, OfKind, Probe, Rung
from analysis.evaluation.run import Outcome
from analysis.evaluation.table import Table
from tests.analysis.evaluation.made import known, of_bands, of_scores
from tests.analysis.media import clip, sound, tone

METER = Meter(resamples=60)


def outcome(table: Table, **more: Any) -> Outcome:
    judged = tuple(METER.judged(table, column) for column in table.columns)
    comparisons, probes, rungs = METER.compared(table), more.get("probes", ()), more.get("rungs", ())
    reals = int((table.labels == 0).sum())
    kind = OfKind(
        kind=table.kind,
        delivery=table.delivery,
        real=reals,
        fake=len(table.media) - reals,
        judged=judged,
        comparisons=comparisons,
        probes=probes,
        robustness=rungs,
        words=words.sentences(table.kind, judged, comparisons, probes, rungs),
    )
    evaluation = Evaluation(
        data="set",
        layout="real_fake",
        delivery=table.delivery,
        date="2026-01-02",
        version="1",
        items=len(table.media),
        sources={"s": {"real": reals, "fake": len(table.media) - reals}},
        kinds=(kind,),
        not_counted={"empty": 1},
        named=(("a<b>.png", "the file is empty"),),
        resamples=60,
        seed=0,
    )
    return Outcome(evaluation, (table,))


def fair(count: int = 60) -> Table:
    media = [known(n, n % 2, "ab"[n // 2 % 2]) for n in range(count)]
    scores = [((n * 37) % 50 + 40 * (n % 2)) / 100 for n in range(count)]
    return of_scores(media, first=scores, second=[1 - score for score in scores])


def said(of: Outcome) -> str:
    return "\n".join(sentence.text for sentence in of.evaluation.kinds[0].words)


class Page(HTMLParser):
    """Checks that what is opened is closed, that ids differ, and lists what is referred to."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.stack.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "xlink:href"}:
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_stands_alone_and_is_well_formed(tmp_path: Path) -> None:
    page = write(outcome(fair()), tmp_path / "new")
    text = page.read_text("utf-8")
    parsed = Page(text)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert all(link.startswith("#") for link in parsed.links)
    assert text.count("<svg") == 5  # ROC, reliability, two histograms, sources
    assert re.findall(r"https?://[^\s\"<]+", re.sub(r'xmlns(:\w+)?="[^"]+"', "", text)) == []
    assert str(tmp_path) not in text
    assert "a&lt;b&gt;.png" in text
    assert "a<b>" not in text
    assert "What these figures do not say" in text


def test_the_same_outcome_gives_the_same_page() -> None:
    assert render(outcome(fair())) == render(outcome(fair()))


def test_tables_beside_the_page(tmp_path: Path) -> None:
    table = fair()
    gap = replace(table.columns[0].rows[3], score=None, reason="no face")
    rows = (*table.columns[0].rows[:3], gap, *table.columns[0].rows[4:])
    scores = table.columns[0].scores.copy()
    scores[3] = float("nan")
    table = replace(table, columns=(replace(table.columns[0], rows=rows, scores=scores), table.columns[1]))
    write(outcome(table), tmp_path)
    with (tmp_path / "scores.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert len(listed) == 120
    assert [row["reason"] for row in listed if row["score"] == ""] == ["no face"]
    for name, count in (("first", 59), ("second", 60)):
        found = read_scores(tmp_path / "scores" / f"{name}.csv")
        assert len(found) == count
        assert {row.source for row in found} == {"a", "b"}
    assert json.loads((tmp_path / "figures.json").read_text())["kinds"][0]["real"] == 30


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        write(outcome(fair()), tmp_path / "file")


def test_a_page_of_a_policy_and_of_nothing_measurable() -> None:
    media = [known(n, n % 2) for n in range(6)]
    text = render(outcome(of_bands(media, ["high", "low", "uncertain"] * 2)))
    assert "Verdicts of policy judge" in text
    alone = render(outcome(of_scores([known(1, 1)], d=[None])))
    assert "not applicable: no face" in alone
    assert alone.count("<svg") == 0


def test_rates_are_told_as_people_count() -> None:
    text = said(outcome(of_scores([known(n, int(n >= 40)) for n in range(80)], d=[0.9, 0.1, 0.1, 0.1] * 20)))
    assert "Of 100 real pictures, d would flag about 25 (95 % interval 13 to 41)" in text
    assert "of 100 generated or manipulated ones, about 25" in text
    assert "That cannot be told from guessing." in text
    assert "40 real pictures can show a rate of false alarms below 7.2 % at best" in text


def test_a_score_that_points_the_wrong_way_is_said_to() -> None:
    text = said(outcome(fair()))
    assert "second scores the fake higher" in text
    assert "its score points the wrong way" in text
    assert "first is better than second" in text


def test_those_that_cannot_be_told_apart_are_named_in_one_sentence() -> None:
    scores = [0.9, 0.1, 0.2, 0.8] * 20
    text = said(outcome(of_scores([known(n, n % 2) for n in range(80)], a=scores, b=scores, c=scores)))
    assert text.count("cannot be told apart") == 1
    assert "a and b; a and c; b and c." in text


def test_generators_are_listed_where_they_say_more_than_sources() -> None:
    of = outcome(fair()).evaluation.kinds[0].judged[0]
    one, two = (replace(group, name=name) for group, name in zip(of.sources * 2, "xy", strict=False))
    assert replace(of, sources=(one, two), generators=(one, two)).groups() == (("source", (one, two)),)
    third = replace(one, name="z")
    both = replace(of, sources=(one, two), generators=(one, third)).groups()
    assert both == (("source", (one, two)), ("generator", (one, third)))
    assert replace(of, sources=(one,), generators=(one,)).groups() == ()


def test_what_could_not_be_measured_takes_no_room() -> None:
    of = of_scores([known(n, 1) for n in range(4)], a=[0.9] * 4, b=[0.9] * 4)
    empty = Probe("size", "as_is", Figure("AUC", None, note="one class"), 0, 4, ())
    page = render(outcome(of, probes=(empty,)))
    for heading in ("What the files betray", "Compared on the same media", "The worst mistakes"):
        assert heading not in page


def test_few_media_are_said_to_be_few() -> None:
    text = said(outcome(of_scores([known(n, n % 2) for n in range(12)], d=[n % 2 for n in range(12)])))
    assert "only 6 real media: too few for a claim" in text
    assert "With 6 fake pictures nothing can be claimed; at least 20 are needed." in text


def test_what_a_policy_leaves_open_is_said() -> None:
    media = [known(n, n % 2) for n in range(60)]
    text = said(outcome(of_bands(media, ["uncertain"] * 30 + ["low"] * 30, [0.4] * 60)))
    assert "policy judge did not decide 30 of 60 pictures" in text
    assert "about 50 (95 % interval 31 to 69) 'low'" in text
    assert "The probability of policy judge is off by 10 points" in text


def probe(value: float, *near: str, feature: str = "bits per pixel") -> Probe:
    return Probe(feature, "as_is", Figure("AUC", value, value - 0.05, value + 0.05), 30, 30, near)


def test_leaks_are_flagged_in_words() -> None:
    of = outcome(fair(), probes=(probe(0.9, "first"), probe(0.6)))
    warnings = [sentence.text for sentence in of.evaluation.kinds[0].words if sentence.beware]
    assert len(warnings) == 1
    assert (
        "'bits per pixel' alone reaches AUC 0.90 on these files (as_is), where first hardly does better"
        in warnings[0]
    )
    assert "Beware: " in render(of)
    together = outcome(fair(), probes=(probe(0.8, "first", "second", feature=leaks.TOGETHER),))
    assert "All trivial features together reach AUC 0.80" in said(together)


def rung(way: str, level: float | None, auc: float) -> Rung:
    found = Figure("AUC", auc, auc - 0.02, auc + 0.02)
    return Rung("first", way, "JPEG quality" if way else "", level, found, 0.4, 0.6, 30, 30)


def test_robustness_is_drawn_and_told() -> None:
    rungs = (rung("", None, 0.9), rung("jpeg", 95, 0.88), rung("jpeg", 40, 0.61))
    of = outcome(fair(), rungs=rungs)
    assert (
        "harshest of the tried changes for first is JPEG quality 40: its AUC goes from 0.90 to 0.61"
        in said(of)
    )
    assert "AUC after one more change" in render(of)
    steady = outcome(fair(), rungs=(rungs[0], rung("jpeg", 95, 0.89)))
    assert "None of the tried changes takes more than 0.02" in said(steady)


def test_the_worst_mistakes_come_first() -> None:
    table = of_scores([known(n, n % 2) for n in range(6)], d=[0.6, 0.2, 0.9, 0.4, 0.1, 0.8])
    alarms = false_alarms(table, table.columns[0], lambda _: None)
    assert [(mistake.name, mistake.score) for mistake in alarms] == [("s/2.png", 0.9), ("s/0.png", 0.6)]
    missed = misses(table, table.columns[0], lambda _: None)
    assert [mistake.name for mistake in missed] == ["s/1.png", "s/3.png"]


def test_thumbnails_are_in_the_page_only_if_wished(tmp_path: Path) -> None:
    film = clip(tmp_path / "a.mp4")
    media = [Known(Item(film, "a.mp4", 0, "s"), "0" * 64), known(1, 1)]
    of = outcome(of_scores(media, d=[0.9, 0.1]))
    assert "data:image/jpeg;base64," not in render(of)
    assert render(of, thumbnails=True).count('src="data:image/jpeg;base64,') == 1
    pictures = Thumbnails()
    assert pictures(sound(tmp_path / "a.wav", "pcm_s16le", tone(1, 16000), 16000)) is None
    assert pictures(tmp_path / "gone.png") is None
    pictures.close()
