"""A record's digest names its weights and their preprocessing, and nothing else."""

from __future__ import annotations

from detectors.record import load


def test_a_copy_has_a_digest_of_its_own() -> None:
    record = load("veritag_image")
    before = record.digest
    other = record.model_copy(update={"name": "another"})
    assert other.digest != before == record.digest
    assert other == load("veritag_image").model_copy(update={"name": "another"})


def test_what_was_measured_since_changes_no_digest() -> None:
    record = load("veritag_image")
    assert record.model_copy(update={"measured": ()}).digest == record.digest
