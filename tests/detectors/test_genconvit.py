from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import detectors
from detectors import weights
from detectors.base import View
from detectors.errors import LicenceNotAccepted, NotApplicable, WeightsMismatch, WeightsMissing
from detectors.genconvit import GenConViT, GenConViTEd, GenConViTEdNetwork, GenConViTVae, GenConViTVaeNetwork
from detectors.genconvit.detector import published_score
from detectors.genconvit.vae import LATENT
from tests.reference.cases.genconvit import CASES
from tests.reference.vectors import HERE, Vectors

ED = CASES[0]


def faces(count: int, side: int = 224) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, side, side, 3), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def ed() -> Iterator[GenConViTEd]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield GenConViTEd((ED.filled(Vectors.read(HERE / ED.name)),), detectors.record("genconvit_ed"))
    torch.set_num_threads(threads)


class SmallVae(GenConViTVaeNetwork):
    """The published interface without 315 million weights: the logits are what the noise says."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return torch.zeros(len(x), 2) if noise is None else noise[:, :2]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("genconvit_ed", 30_157_753), ("genconvit_vae", 344_481_049), ("genconvit", 374_638_802)],
)
def test_the_records_are_honest(name: str, parameters: int) -> None:
    record = detectors.record(name)
    with torch.device("meta"):
        networks = [
            network()
            for part, network in (("ed", GenConViTEdNetwork), ("vae", GenConViTVaeNetwork))
            if name in ("genconvit", f"genconvit_{part}")
        ]
    assert sum(p.numel() for network in networks for p in network.parameters()) == parameters
    assert record.parameters == parameters
    assert 1 + len(record.parts) == len(networks)
    assert record.licence.needs_acceptance
    assert not record.calibration
    assert not record.in_the_wild
    assert record.limits


def test_both_networks_have_a_file_each() -> None:
    record = detectors.record("genconvit")
    assert record.file == detectors.record("genconvit_ed").file
    assert record.parts == {"vae": detectors.record("genconvit_vae").file}


def test_faces_are_normalised_to_the_pixel(ed: GenConViTEd) -> None:
    view = faces(2)
    batch = ed.preprocess(view)
    assert batch.shape == (2, 3, 224, 224)
    for channel, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        expected = (view[1, 50, 70, channel].item() / 255 - mean) / std
        assert batch[1, channel, 50, 70].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("side", [64, 100, 448, 613])
def test_other_sizes_become_the_networks(ed: GenConViTEd, side: int) -> None:
    batch = ed.preprocess(faces(1, side))
    assert batch.shape == (1, 3, 224, 224)
    assert batch.isfinite().all()


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (torch.zeros(0, 224, 224, 3, dtype=torch.uint8), "no face was found"),
        (faces(3, 63), r"faces are too small to judge \(63 x 63 pixels; at least 64 each way\)"),
    ],
)
def test_what_cannot_be_judged_says_why(ed: GenConViTEd, view: Tensor, reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        ed.detect(view)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_faces_get_a_probability(ed: GenConViTEd, value: int) -> None:
    view = torch.full((1, 224, 224, 3), value, dtype=torch.uint8)
    output = ed.detect(view)
    assert 0.0 <= output.score <= 1.0
    assert output == ed.detect(view)
    assert output.evidence == {}


def test_several_faces_show_their_own_scores(ed: GenConViTEd) -> None:
    view = faces(3)
    output = ed.detect(view)
    alone = [ed.detect(view[i : i + 1]).score for i in range(3)]
    assert output.evidence["face_scores"] == pytest.approx(alone, abs=1e-4)
    assert ed.view is View.FACES


def test_the_published_score_by_hand() -> None:
    means = torch.tensor([[0.8, 0.3], [0.3, 0.8], [0.9, 0.95], [0.5, 0.5]])
    assert published_score(means).tolist() == pytest.approx([0.8, 0.2, 0.05, 0.5])


def test_both_networks_weigh_the_same(ed: GenConViTEd) -> None:
    logits = torch.tensor([[[2.0, -1.0], [0.0, 1.0]], [[1.0, 0.0], [3.0, -2.0]]])
    fake, real = torch.sigmoid(logits).flatten(0, 1).mean(0).tolist()
    assert fake > real
    assert ed.reduce(logits).score == pytest.approx(fake, abs=1e-6)
    assert ed.reduce(-logits).score == pytest.approx(
        1 - torch.sigmoid(-logits)[..., 1].mean().item(), abs=1e-6
    )


def test_noise_is_left_out_unless_asked_for(ed: GenConViTEd) -> None:
    record = detectors.record("genconvit_vae")
    batch = torch.zeros(2, 3, 224, 224)
    still = GenConViTVae((SmallVae(),), record)
    assert (still.forward(batch) == 0).all()
    drawn = GenConViTVae((SmallVae(),), record, noise_seed=1234)
    torch.manual_seed(1234)
    published = torch.randn(2, LATENT)[:, :2]
    assert torch.equal(drawn.forward(batch)[:, 0], published)
    assert torch.equal(drawn.forward(batch)[:, 0], published)


def test_both_together_keep_their_order(ed: GenConViTEd) -> None:
    network = GenConViTEdNetwork()
    both = GenConViT((network, SmallVae()), detectors.record("genconvit"), noise_seed=3)
    batch = both.preprocess(faces(2))
    logits = both.forward(batch)
    assert logits.shape == (2, 2, 2)
    assert torch.allclose(logits[:, 0], GenConViTEd((network,), both.record).forward(batch)[:, 0], atol=1e-5)
    assert torch.equal(
        logits[:, 1], torch.randn(2, LATENT, generator=torch.Generator().manual_seed(3))[:, :2]
    )


def test_the_public_checkpoint_loads_unchanged(ed: GenConViTEd, tmp_path: Path) -> None:
    record = detectors.record("genconvit_ed")
    with pytest.raises(LicenceNotAccepted, match=r"GPL-3\.0"):
        detectors.create("genconvit_ed", weights_dir=tmp_path)
    weights.accept_licence(record, tmp_path)
    with pytest.raises(WeightsMissing, match="veritag weights fetch genconvit_ed"):
        detectors.create("genconvit_ed", weights_dir=tmp_path)
    state = Vectors.read(HERE / ED.name).weights(ED.rule) | {"embedder.norm.weight": torch.ones(768)}
    torch.save({"epoch": 3, "state_dict": state, "min_loss": 0.1}, tmp_path / record.file.name)
    detector = detectors.create("genconvit_ed", weights_dir=tmp_path)
    assert detector.detect(faces(1)).score == pytest.approx(ed.detect(faces(1)).score, abs=1e-6)


def test_another_checkpoint_is_refused(tmp_path: Path) -> None:
    record = detectors.record("genconvit_ed")
    weights.accept_licence(record, tmp_path)
    path = tmp_path / record.file.name
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(
        WeightsMismatch, match=r"genconvit_ed_inference\.pth is not a whole PyTorch checkpoint"
    ):
        detectors.create("genconvit_ed", weights_dir=tmp_path)
