"""The ensemble: from the scores of one medium to its verdict, by the policy that configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.ensemble.base import Policy
    from analysis.ensemble.vote_policy import VotePolicyConfig
    from detectors.record import WeightsRecord

POLICIES = ("calibrated", "vote")


def create_policy(
    name: str,
    *,
    high_false_alarms: float = 0.05,
    low_misses: float = 0.2,
    prior_log_odds: float = 0.0,
    vote: VotePolicyConfig | None = None,
    own: Path | None = None,
) -> Policy:
    """Return the policy of that name, ready to judge; imports neither torch nor numpy.

    ``calibrated`` takes the limits (rates in (0, 1)), the prior (natural-log odds), and the file of the
    operator's ``own`` calibration, which need not be there; ``vote`` takes its model table.

    Raises:
        ConfigurationError: no policy of that name, a limit that is no rate, or an unusable calibration.
    """
    from analysis.errors import ConfigurationError

    if name == "vote":
        from analysis.ensemble.vote_policy import VotePolicy

        return VotePolicy(vote, records=_records())
    if name == "calibrated":
        from analysis.calibration.own import load_own
        from analysis.ensemble.calibrated import CalibratedPolicy, Limits
        from analysis.ensemble.panels import load_calibration

        limits = Limits(high_false_alarms, low_misses, prior_log_odds)
        calibration, records = load_calibration(), _records()
        mine = load_own(own) if own else None
        if mine is not None:
            calibration, records = mine.over(calibration), mine.records(records)
        return CalibratedPolicy(calibration, records=records, limits=limits)
    raise ConfigurationError(f"there is no verdict policy {name!r}; known: {', '.join(POLICIES)}")


def _records() -> dict[str, WeightsRecord]:
    """Return all weights records that this installation has, by name."""
    from importlib import resources

    from detectors.record import load

    folder = resources.files("detectors").joinpath("records")
    if not folder.is_dir():
        return {}
    names = sorted(
        item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")
    )
    return {name: load(name) for name in names}
