from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import detectors
from detectors.aasist.detector import WINDOW, Aasist, cut_windows
from detectors.aasist.frontend import band_pass_filters, mel_edges
from detectors.aasist.graph import GraphPool
from detectors.aasist.network import AASIST, AASIST_L, AasistNetwork, Sizes
from detectors.base import Modality, View
from detectors.errors import NotApplicable, WeightsMismatch, WeightsMissing
from tests.detectors.sample import unpinned

SIZES = {"aasist": AASIST, "aasist_l": AASIST_L}


@pytest.fixture(scope="module")
def detector() -> Iterator[Aasist]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(5)
    yield Aasist(AasistNetwork(AASIST_L), detectors.record("aasist_l"))
    torch.set_num_threads(threads)


def noise(samples: int, loudness: float = 0.1) -> Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(1)) * loudness


def published_state(sizes: Sizes) -> dict[str, Tensor]:
    """A state dict with the dead tensors of the published checkpoints."""
    dead = {
        f"{name}weight": torch.full((sizes.late,), math.nan) for name in detectors.record("aasist").file.dead
    }
    return {**AasistNetwork(sizes).state_dict(), **dead}


@pytest.mark.parametrize("name", SIZES)
def test_the_record_describes_the_network(name: str) -> None:
    record = detectors.record(name)
    assert record.parameters == sum(p.numel() for p in AasistNetwork(SIZES[name]).parameters())
    assert record.modalities == (Modality.AUDIO,)
    assert record.preprocessing["window_samples"] == WINDOW
    assert record.file.sha256 is not None
    assert record.limits
    assert Aasist.view is View.WAVEFORM


@pytest.mark.parametrize("name", SIZES)
def test_a_checkpoint_loads_as_published_without_its_dead_tensors(name: str, tmp_path: Path) -> None:
    torch.save(published_state(SIZES[name]), tmp_path / detectors.record(name).file.name)
    assert math.isfinite(Aasist.load(unpinned(name), "cpu", tmp_path).detect(noise(WINDOW)).score)


def test_weights_that_are_missing_or_of_the_other_variant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="veritag weights fetch aasist_l"):
        detectors.create("aasist_l", weights_dir=tmp_path)
    record = detectors.record("aasist_l")
    unpinned = record.model_copy(update={"file": record.file.model_copy(update={"sha256": None})})
    torch.save(published_state(AASIST), tmp_path / record.file.name)
    with pytest.raises(WeightsMismatch, match=r"wrong shape: .* and \d+ more"):
        Aasist.load(unpinned, "cpu", tmp_path)
    with pytest.raises(WeightsMismatch, match="is not the file of aasist_l"):
        detectors.create("aasist_l", weights_dir=tmp_path)


def test_a_short_sound_is_repeated_to_the_sample() -> None:
    sound = noise(30_000)
    window = cut_windows(sound)
    assert window.shape == (1, WINDOW)
    assert torch.equal(window[0, :30_000], sound)
    assert torch.equal(window[0, 30_000:60_000], sound)
    assert torch.equal(window[0, 60_000:], sound[:4_600])


@pytest.mark.parametrize(("samples", "count"), [(WINDOW, 1), (WINDOW + 1, 2), (3 * WINDOW, 3), (10**6, 8)])
def test_a_long_sound_is_covered_from_start_to_end(samples: int, count: int) -> None:
    sound = torch.arange(samples, dtype=torch.float32)
    windows = cut_windows(sound)
    assert windows.shape == (count, WINDOW)
    assert torch.equal(windows[0], sound[:WINDOW])
    assert torch.equal(windows[-1], sound[-WINDOW:])


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (torch.zeros(0), r"too short to judge \(0\.00 s; at least 0\.25 s\)"),
        (noise(3_999), "too short"),
        (torch.zeros(WINDOW), "silent"),
        (noise(200_000, 1e-5), "silent"),
        (torch.full((WINDOW,), math.nan), "not numbers"),
        (torch.full((WINDOW,), math.inf), "not numbers"),
    ],
)
def test_what_cannot_be_judged_says_why(detector: Aasist, sound: Tensor, reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(sound)


def test_silent_windows_are_left_out(detector: Aasist) -> None:
    sound = torch.cat([torch.zeros(2 * WINDOW), noise(WINDOW)])
    assert torch.equal(detector.preprocess(sound), noise(WINDOW)[None])
    assert "window_scores" not in detector.detect(sound).evidence


@pytest.mark.parametrize(
    "sound",
    [noise(4_000), torch.ones(WINDOW), torch.sin(torch.arange(70_000) * 0.3), noise(WINDOW).sign()],
    ids=["quarter of a second", "constant", "tone", "clipped"],
)
def test_scores_are_probabilities_and_repeat(detector: Aasist, sound: Tensor) -> None:
    first, second = detector.detect(sound), detector.detect(sound)
    assert first == second
    assert 0.0 <= first.score <= 1.0


def test_windows_are_averaged_and_shown(detector: Aasist) -> None:
    sound = noise(2 * WINDOW)
    logits = detector.forward(detector.preprocess(sound))
    output = detector.detect(sound)
    assert output.score == pytest.approx(torch.sigmoid(logits.mean()).item(), abs=1e-6)
    assert output.evidence["window_scores"] == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-4)


@torch.no_grad()
def test_positive_logits_mean_spoofed(detector: Aasist) -> None:
    batch = detector.preprocess(noise(WINDOW))
    spoofed, genuine = detector._network(batch)[0].tolist()
    assert detector.forward(batch).item() == pytest.approx(spoofed - genuine, abs=1e-6)


def test_a_band_lets_its_own_tones_pass_and_no_far_ones() -> None:
    response = torch.fft.rfft(band_pass_filters(), n=16_000).abs()  # one bin per hertz
    edges = mel_edges()
    for band in (20, 40, 60):
        assert edges[band] < response[band].argmax().item() < edges[band + 1]
        assert response[band, 7_900:].max() < 0.01 * response[band].max()


def test_a_pool_keeps_the_best_nodes_weighed_by_their_score() -> None:
    pool = GraphPool(2, 0.5).eval()
    with torch.no_grad():
        pool.proj.weight.copy_(torch.tensor([[1.0, 0.0]]))
        pool.proj.bias.zero_()
        pooled = pool(torch.tensor([[[0.0, 8.0], [3.0, 1.0], [-2.0, 5.0]]]))
    assert torch.allclose(pooled, torch.tensor([[[3.0, 1.0]]]) * torch.sigmoid(torch.tensor(3.0)))
