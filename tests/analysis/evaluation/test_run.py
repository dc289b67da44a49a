"""Whole evaluations by the real engine: resumed, over broken media, of several subjects, robustness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.engine import EmbeddedAnalyzer
from analysis.errors import ConfigurationError
from analysis.evaluation import leaks
from analysis.evaluation.delivery import Delivery, parse_change
from analysis.evaluation.rows import Role, Subject
from analysis.evaluation.run import Outcome, Plan, evaluate
from analysis.evaluation.scoring import Panel
from analysis.limits import Limits
from analysis.model import Kind
from detectors.record import DataSet
from tests.analysis.evaluation.made import pictures
from tests.analysis.fakes import Brightness, Loudness, MeanPolicy
from tests.analysis.media import clip, sound, tone

MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("data"))


@pytest.fixture
def panel() -> Iterator[MakePanel]:
    engines = []

    def make(*detectors: Any, policy: str | None = None) -> Panel:
        chosen = detectors or (Brightness(),)
        engine = EmbeddedAnalyzer(chosen, MeanPolicy(), Limits(), torch_threads=1, decode_workers=2)
        engines.append(engine)
        return Panel.of(engine, {of.record.name: of.record.name for of in chosen}, policy)

    yield make
    for engine in engines:
        engine.close()


def run(data: Path, *panels: Panel, **options: Any) -> Outcome:
    options = {"resamples": 50, "date": "2026-01-02", "version": "1"} | options
    return evaluate(Plan(data, **options), panels, Limits())


class Counting(Brightness):
    """Counts how often it was asked."""

    judged = 0

    def preprocess(self, view: Any) -> Any:
        type(self).judged += 1
        return super().preprocess(view)


def test_a_folder_from_end_to_end(data: Path, panel: MakePanel) -> None:
    outcome = run(data, panel(policy="mean"), delivery=Delivery(crop=32))
    found = outcome.evaluation
    assert (found.items, found.layout, found.delivery) == (48, "real_fake", "crop32")
    assert found.sources == {"one": {"real": 12, "fake": 12}, "two": {"real": 12, "fake": 12}}
    (kind,) = found.kinds
    assert (kind.kind, kind.real, kind.fake) == ("image", 24, 24)
    brightness, mean = kind.judged
    assert (brightness.subject, mean.subject) == ("brightness", "policy mean")
    auc = brightness.figure("AUC")
    assert auc.value is not None
    assert auc.value > 0.7
    assert {probe.delivery for probe in kind.probes} == {"as_is", "crop32"}
    assert leaks.TOGETHER in {probe.feature for probe in kind.probes}
    assert mean.abstained["real"] == {"uncertain": 24}
    assert any("brightness would flag" in said.text for said in kind.words)
    assert found.as_json()["kinds"][0]["judged"][0]["subject"] == "brightness"


def test_a_second_run_scores_nothing_again(data: Path, panel: MakePanel, tmp_path: Path) -> None:
    counted = Counting("counted")
    Counting.judged = 0
    first = run(data, panel(counted), report=tmp_path)
    assert Counting.judged == 48
    again = run(data, panel(counted), report=tmp_path)
    assert Counting.judged == 48
    assert again.evaluation == first.evaluation
    run(data, panel(counted), report=tmp_path, delivery=Delivery(crop=32))
    assert Counting.judged == 96


def test_other_weights_are_scored_anew(data: Path, panel: MakePanel, tmp_path: Path) -> None:
    run(data, panel(), report=tmp_path)
    changed = Brightness()
    file = changed.record.file.model_copy(update={"sha256": "1" * 64})
    changed.record = changed.record.model_copy(update={"file": file})
    lines = (tmp_path / "scores.jsonl").read_text().count('"brightness"')
    run(data, panel(changed), report=tmp_path)
    assert (tmp_path / "scores.jsonl").read_text().count('"brightness"') == 2 * lines


def test_a_run_that_was_cut_short_goes_on(data: Path, panel: MakePanel, tmp_path: Path) -> None:
    whole = run(data, panel(), report=tmp_path / "whole")
    lines = (tmp_path / "whole" / "scores.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "scores.jsonl").write_text("".join(lines[:50]) + lines[50][:30])
    assert run(data, panel(), report=tmp_path / "cut").evaluation == whole.evaluation


def test_broken_media_are_counted_and_named(data: Path, panel: MakePanel, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data", 4)
    (folder / "one" / "real" / "text.jpg").write_text("words")
    (folder / "one" / "fake" / "empty.png").write_bytes(b"")
    (folder / "two" / "fake" / "again.png").write_bytes((folder / "two" / "fake" / "0.png").read_bytes())
    (folder / "two" / "fake" / "readme.txt").write_text("words")
    outcome = run(folder, panel(), delivery=Delivery(encodings=(parse_change("webp:80"),)))
    assert outcome.evaluation.items == 16
    assert outcome.evaluation.not_counted == {
        "not a medium by its name": 1,
        "the same bytes": 1,
        "not_media": 1,
        "empty": 1,
    }
    assert {name for name, _ in outcome.evaluation.named} == {
        "one/real/text.jpg",
        "one/fake/empty.png",
        "two/fake/again.png",
        "two/fake/readme.txt",
    }


def test_a_detector_that_crashes_leaves_the_others_their_scores(panel: MakePanel, tmp_path: Path) -> None:
    def crash() -> None:
        raise RuntimeError("boom")

    folder = pictures(tmp_path / "data", 3)
    outcome = run(folder, panel(Brightness(), Brightness("broken", raises=crash)), report=tmp_path / "out")
    broken, fine = sorted(outcome.evaluation.kinds[0].judged, key=lambda one: one.real)
    assert (broken.subject, broken.faults, broken.real) == ("broken", {"crashed": 12}, 0)
    assert (fine.subject, fine.real + fine.fake) == ("brightness", 12)
    assert "boom" not in (tmp_path / "out" / "scores.jsonl").read_text()  # it may work next time


def test_nothing_that_can_be_judged_is_an_error(panel: MakePanel, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("real", "fake"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.jpg").write_text(name)
    with pytest.raises(ConfigurationError, match="not one medium could be judged"):
        run(folder, panel())


def test_two_engines_judge_the_same_media(data: Path, panel: MakePanel) -> None:
    first, second = panel(Brightness("a")), panel(Brightness("b"), policy="mean")
    outcome = run(data, first, second, limit=16)
    (kind,) = outcome.evaluation.kinds
    assert [one.subject for one in kind.judged] == ["a", "b", "policy mean"]
    differences = {(pair.first, pair.second): pair.difference.value for pair in kind.comparisons}
    assert differences["a", "b"] == 0
    assert outcome.evaluation.items == 16


def test_new_and_old_weights_of_one_detector_are_told_apart(data: Path, panel: MakePanel) -> None:
    old, new = panel(Brightness()), panel(Brightness())
    renamed = Panel.of(new.engine, {"trained/brightness.json": "brightness"}, None)
    (kind,) = run(data, old, renamed, limit=8).evaluation.kinds
    assert [one.subject for one in kind.judged] == ["brightness", "trained/brightness.json"]
    assert kind.comparisons[0].difference.value == 0


def test_robustness_of_pictures(data: Path, panel: MakePanel) -> None:
    outcome = run(data, panel(), robustness=True, limit=8, delivery=Delivery(crop=32))
    (kind,) = outcome.evaluation.kinds
    rungs = {(rung.way, rung.level): rung for rung in kind.robustness}
    assert rungs["", None].auc.value == kind.judged[0].figure("AUC").value
    assert {way for way, _ in rungs} == {"", "jpeg", "webp", "h264", "scale", "blur", "noise", "cut"}
    assert all(rung.real + rung.fake == 8 for rung in kind.robustness)
    mild = rungs["blur", 0.5]
    assert mild.mean_fake is not None
    assert mild.mean_real is not None
    assert mild.mean_fake > mild.mean_real


def test_every_kind_is_measured_by_itself(panel: MakePanel, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data", 2, sources=("mixed",)) / "mixed"
    for label, name in enumerate(("real", "fake")):
        for n in range(2):
            sound(
                folder / name / f"{n}.wav", "pcm_s16le", tone(1 + n, 16000, amplitude=0.2 + label / 2), 16000
            )
            clip(folder / name / f"{n}.mp4", count=5 + 5 * n + label)
    outcome = run(folder, panel(Brightness(), Loudness()), delivery=Delivery(seconds=0.5))
    kinds = {kind.kind: kind for kind in outcome.evaluation.kinds}
    assert list(kinds) == [kind.value for kind in Kind]
    loudness = {kind: of.judged[1] for kind, of in kinds.items()}
    assert loudness["audio"].figure("AUC").value == 1
    assert loudness["image"].abstained["real"] == {"not applicable: judges sound only": 2}
    assert kinds["audio"].judged[0].real == 0


def test_stages_are_told(data: Path, panel: MakePanel, tmp_path: Path) -> None:
    stages: dict[str, list[int]] = {}

    def progress(name: str, total: int) -> Callable[[], None]:
        stages[name] = [total, 0]

        def tick() -> None:
            stages[name][1] += 1

        return tick

    plan = Plan(data, "2026-01-02", "1", limit=8, resamples=20, report=tmp_path, robustness=True)
    evaluate(plan, [panel()], Limits(), progress)
    assert list(stages) == ["reading", "judging", "judging changed media", "measuring pictures"]
    assert all(done == total for total, done in stages.values())


def test_sources_that_a_detector_was_trained_on_are_named(tmp_path: Path, panel: MakePanel) -> None:
    folder = pictures(tmp_path / "data", 2, sources=("sixgen", "elsewhere"))
    detector = Brightness()
    sets = (DataSet(name="sixgen", real=1, fake=1), DataSet(name="other", real=1, fake=1))
    detector.record = detector.record.model_copy(update={"trained_on": sets})
    outcome = run(folder, panel(detector, policy="mean"))
    for one in outcome.evaluation.kinds[0].judged:
        assert one.trained_on == ("sixgen",)
    warnings = [said.text for said in outcome.evaluation.kinds[0].words if said.beware]
    assert any("sixgen" in text for text in warnings)


def test_fingerprints_of_scores_leave_calibration_out(panel: MakePanel) -> None:
    before = panel()
    other = Brightness()
    other.record = other.record.model_copy(update={"title": "another", "limits": ("one",)})
    subject = Subject(Role.DETECTOR, "brightness")
    assert panel(other).subjects[subject] == before.subjects[subject]
