"""Figures of records, put in order: what is told first, and what is drawn."""

from __future__ import annotations

from analysis.evaluation import plots
from analysis.evaluation.recorded import protocols
from detectors.base import Modality
from detectors.record import Measurement


def _measured(protocol: str, metric: str = "AUC", value: float = 0.7, real: int = 30) -> Measurement:
    return Measurement(
        protocol=protocol,
        modality=Modality.IMAGE,
        metric=metric,
        value=value,
        low=value - 0.1,
        high=value + 0.1,
        real=real,
        fake=40,
        date="2026-01-02",
    )


FOUND = protocols(
    [
        _measured("left-out sources, all pooled; as_is"),
        _measured("left-out sources, all pooled; jpeg75", value=0.6),
        _measured("left-out sources, all pooled; as_is", "balanced accuracy at 0.5"),
        _measured("left-out sources with both classes; as_is", "mean AUC"),
        _measured("left-out source sixgen alone; as_is", real=5),
        _measured("left-out sources a+b+c; as_is"),
        _measured("left-out sources, all pooled; as_is", "AUC less another's", 0.05),
        _measured("cross-set faces; as_is"),
        _measured("left-out sources"),
    ]
)


def test_one_protocol_has_its_deliveries_together() -> None:
    assert {way: of.value for way, of in FOUND[0].by_delivery.items()} == {"as_is": 0.7, "jpeg75": 0.6}
    assert FOUND[-1].by_delivery.keys() == {"as_is"}


def test_what_is_told_first_is_not_of_one_source() -> None:
    assert [(of.name, of.metric) for of in FOUND if of.leads] == [
        ("left-out sources, all pooled", "AUC"),
        ("left-out sources with both classes", "mean AUC"),
        ("left-out sources, all pooled", "AUC less another's"),
        ("cross-set faces", "AUC"),
        ("left-out sources", "AUC"),
    ]


def test_frames_of_a_few_clips_are_drawn_as_of_few_media() -> None:
    of_media = [_measured(f"frames of 2 videos; {way}", "AUC of frames") for way in ("as_is", "jpeg75")]
    of_frames = [figure.model_copy(update={"clips": (1, 1)}) for figure in of_media]
    assert (of_media[0].media, of_frames[0].media) == ((30, 40), (1, 1))
    solid, hollow = (plots.recorded(protocols(of), "sample", 20) for of in (of_media, of_frames))
    assert solid is not None
    assert hollow is not None
    assert "jpeg75" in solid
    assert "jpeg75" not in hollow, "only what can be claimed is in the legend"


def test_only_aucs_are_drawn_and_long_names_are_cut_between_sources() -> None:
    long = protocols([_measured(f"left-out sources {'+'.join(f'source_{n}' for n in range(9))}; as_is")])
    drawn = plots.recorded([*FOUND, *long], "sample", 20)
    assert drawn is not None
    assert "left-out source sixgen alone" in drawn
    assert "left-out sources source_0 + source_1" in drawn
    assert "source_8" not in drawn
    assert "jpeg75" in drawn
    assert plots.recorded([of for of in FOUND if not of.ranks], "sample", 20) is None
