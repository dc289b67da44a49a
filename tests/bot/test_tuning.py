"""Limits of bands and calibrations are set, logged and undone; what they would have done is told before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.calibration.own import OwnCalibration, dump_own
from analysis.ensemble import create_policy
from analysis.model import Band
from bot.assembly import build_analyzer, open_store
from bot.bands import BandLimits, band_limits
from bot.config import Settings
from bot.errors import ConfigError
from bot.judging_again import compare
from bot.panel_changes import panel_changes
from bot.refitting import RefitFailed, Refits
from bot.tuning import Ground, Tuning, TuningRefused, records_with
from state.errors import NotFound
from state.store import Store
from tests.bot.judged_media import add_judged, fill

STRICT = BandLimits(high_false_alarms=0.001, low_misses=0.2)
LOOSE = BandLimits(high_false_alarms=0.3, low_misses=0.9)
OWN = OwnCalibration(date="2026-01-01", calibrators={}, panels={})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def tuning(settings: Settings, store: Store) -> Tuning:
    return Tuning(settings, store)


def test_limits_are_set_logged_and_undone(settings: Settings, store: Store, tuning: Tuning) -> None:
    before = tuning.state()
    first = tuning.set_limits("ann", STRICT)
    assert band_limits(settings) == STRICT
    assert tuning.state() != before
    row = store.audit.get(first)
    assert (row.actor, row.action, row.data["before"]) == ("ann", "set_bands", None)
    second = tuning.set_limits("ann", LOOSE)
    with pytest.raises(TuningRefused, match="undo that first"):
        tuning.undo("bob", first)
    tuning.undo("bob", second)
    assert band_limits(settings) == STRICT
    tuning.undo("bob", first)
    assert tuning.state() == before
    with pytest.raises(TuningRefused, match="already"):
        tuning.undo("bob", first)


def test_the_engine_starts_with_the_operators_limits(settings: Settings, tuning: Tuning) -> None:
    def fingerprint() -> tuple[str, ...]:
        engine = build_analyzer(settings)
        try:
            return engine._deciding.fingerprint
        finally:
            engine.close()

    before = fingerprint()
    tuning.set_limits("ann", STRICT)
    assert fingerprint() != before
    tuning.set_limits("ann", None)
    assert fingerprint() == before


def test_calibrations_come_back_to_the_byte(settings: Settings, store: Store, tuning: Tuning) -> None:
    path = settings.own_calibration
    path.write_text('{"date":"2026-01-02","calibrators":{},"panels":{}}')
    by_hand = path.read_bytes()
    used = tuning.use("ann", OWN)
    assert path.read_text() == dump_own(OWN)
    discarded = tuning.use("ann", None)
    assert not path.exists()
    tuning.undo("ann", discarded)
    assert path.read_text() == dump_own(OWN)
    tuning.undo("ann", used)
    assert path.read_bytes() == by_hand
    assert [row.action for row in store.audit.of("calibration")] == ["undo", "undo", *["recalibrate"] * 2]


def test_a_calibration_that_is_gone_from_the_archive_is_named(
    settings: Settings, store: Store, tuning: Tuning
) -> None:
    tuning.use("ann", OWN)
    discarded = tuning.use("ann", None)
    for file in (settings.data_dir / "calibrations").iterdir():
        file.unlink()
    with pytest.raises(TuningRefused, match="is gone"):
        tuning.undo("ann", discarded)
    assert tuning.undoable(store.audit.get(discarded))


def test_other_actions_are_not_undone_here(store: Store, tuning: Tuning) -> None:
    other = store.audit.add("ann", "export", "reviews")
    with pytest.raises(TuningRefused):
        tuning.undo("ann", other)
    with pytest.raises(NotFound):
        tuning.undo("ann", other + 1)


@pytest.mark.parametrize("text", ["{", '{"high_false_alarms": 2, "low_misses": 0.1}', "[]", "\xff"])
def test_damaged_limits_stop_the_start_with_the_file_named(settings: Settings, text: str) -> None:
    settings.own_bands.write_text(text, "latin-1")
    with pytest.raises(ConfigError, match=r"bands\.json cannot be used .*; remove the file"):
        build_analyzer(settings)


def test_a_preview_counts_changes_and_errors(store: Store) -> None:
    fill(store, 300, reviewed=100)
    media = store.judged.latest(250)
    assert len(media) == 250
    assert sum(medium.label is not None for medium in media) == 100
    ground = Ground(BandLimits(high_false_alarms=0.05, low_misses=0.2), None)
    same = compare(media, ground.policy(), ground.policy(), records_with(None))
    assert (same.changed, same.otherwise, same.left_out) == ((), 0, 0)
    assert same.before == same.after
    found = compare(media, ground.policy(), Ground(STRICT, None).policy(), records_with(None))
    assert found.changed
    assert {(change.before, change.after) for change in found.changed} == {(Band.HIGH, Band.UNCERTAIN)}
    assert sum(found.matrix.values()) == found.media == 250
    assert found.after.false_alarms.count == 0
    assert found.after.false_alarms.media == sum(medium.label == "real" for medium in media)
    assert found.after.false_alarms.high is not None
    assert 0 < found.after.false_alarms.high < 0.2


def test_the_stored_verdicts_are_those_of_the_policy_that_ships(store: Store) -> None:
    fill(store, 60)
    ground = Ground(BandLimits(high_false_alarms=0.05, low_misses=0.2), None)
    assert ground.policy().fingerprint == create_policy("calibrated").fingerprint
    loose = compare(
        store.judged.latest(60), Ground(LOOSE, None).policy(), ground.policy(), records_with(None)
    )
    assert loose.otherwise == len(loose.changed)


def test_scores_of_other_weights_are_left_out(store: Store) -> None:
    add_judged(store, 1, 0.5, weights="of an older version")
    add_judged(store, 2, 0.5)
    policy = Ground(STRICT, None).policy()
    found = compare(store.judged.latest(10), policy, policy, records_with(None))
    assert (found.media, found.left_out) == (1, 1)
    assert found.before.false_alarms.low is None


def test_panels_say_what_limits_do() -> None:
    ground, strict = Ground(LOOSE, None), Ground(STRICT, None)
    changes = list(panel_changes(ground.panels(), LOOSE, strict.panels(), STRICT))
    image = next(change for change in changes if change.members == ("veritag_image",))
    assert image.before is not None
    assert image.after is not None
    assert image.before.high is not None
    assert image.after.high is None
    emptied = list(panel_changes(ground.panels(), LOOSE, OWN.over(ground.panels()), LOOSE))
    assert all(change.before == change.after for change in emptied)


def test_a_fit_learns_from_reviews_and_is_remembered(settings: Settings, store: Store) -> None:
    fill(store, 80, reviewed=60)
    refits = Refits(settings, store)
    refit = refits.fit("platt")
    assert sum(refit.reviewed) == 60
    assert refits.get(refit.key) is refit
    names = {data.name for data in refit.own.calibrators["veritag_image"].popitem()[1].data}
    assert {"reviews of inbox", "reviews of mastodon"} <= names
    assert refits.get("0" * 16) is None


def test_nothing_to_fit_on_is_said(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, analysis={"detectors": ["npr"]})
    store = open_store(settings)
    with pytest.raises(RefitFailed, match="nothing was reviewed"):
        Refits(settings, store).fit("platt")
    store.close()
