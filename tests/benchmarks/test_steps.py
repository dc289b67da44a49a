"""The ladder from the plain path to the engine: every part on real frames, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks import steps

SECONDS = [(2.0, 12.0, 26.0), (2.0, 12.0, 20.0), (2.0, 3.0, 5.0)]


def result() -> dict[str, Any]:
    names = zip(("plain path", "dead parts left out", "faces"), ("", "", "engine"), SECONDS, strict=True)
    return {
        "clips": ["a.mp4"],
        "steps": [
            {
                "change": change,
                "until": until,
                "seconds": dict(zip(steps.STAGES, seconds, strict=True)),
                "apart": 0.0,
            }
            for change, until, seconds in names
        ],
    }


def test_each_step_is_told_by_what_it_saves() -> None:
    plain, dead, faces = steps.rows(result())
    assert plain == ("plain path", "2.00", "12.00", "26.00", "40.00", "", "1.0", "0.0e+00")
    assert dead[4:7] == ("34.00", "6.00", "1.2")
    assert (faces[0], *faces[4:7]) == ("faces (= engine)", "10.00", "24.00", "4.0")


def test_the_plot_names_every_step(tmp_path: Path) -> None:
    steps.plot(result(), tmp_path / "steps.svg")
    drawn = (tmp_path / "steps.svg").read_text("utf-8")
    assert all(f"<!-- {step['change']} -->" in drawn for step in result()["steps"])


def test_stages_are_timed_apart_and_logits_kept() -> None:
    asked: list[Any] = []

    def score(batch: torch.Tensor) -> torch.Tensor:
        asked.append(batch)
        return batch + 1

    way = steps.Way("a", lambda _: torch.zeros(2), lambda frames: frames[:1], score)
    seconds, logits = steps._judge(way, Path("a.mp4"), lambda crops: crops * 2)
    assert set(seconds) == set(steps.STAGES)
    assert torch.equal(logits, torch.ones(1))
    assert len(asked) == 1


def test_another_number_of_faces_cannot_be_compared() -> None:
    assert steps._apart(torch.zeros(2, 2), torch.full((2, 2), 0.5)) == 0.5
    assert steps._apart(torch.zeros(2, 2), torch.zeros(1, 2)) == float("inf")
