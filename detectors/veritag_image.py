"""Veritag's own detector of generated pictures: figures of crops, weighed by linear discriminants.

The figures are fixed statistics (`image_statistics`) and what two networks of everyday pictures see
(`lite_features`).

Nothing is ever resized: what tells a generated picture lies in how neighbouring pixels go together, and
resizing destroys it. A picture is judged by crops of 256 pixels that are spread over it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from detectors import aggregation, frames, image_statistics, lite_features
from detectors.base import Output, View
from detectors.lite_features import LiteFeatures
from detectors.network_detector import NetworkDetector
from detectors.record import WeightsRecord

SIDE = 256
STILL_CROPS = 6
REACH = 5.0
BLOCKS = {
    "statistics": image_statistics.COUNT,
    **lite_features.BLOCKS["lite0"],
    **lite_features.BLOCKS["lite2"],
}
"""How many figures of a crop come from where, in their order in a row."""
COUNT = sum(BLOCKS.values())
CONTENT = slice(COUNT - lite_features.LAST_STAGE, COUNT)
"""Where the figures stand that tell what a crop shows."""
_AT_ONCE = 8  # crops: more are no faster, and take memory


class Describer:
    """Makes the figures of crops.

    Args:
        record: names the networks' weights.

    Raises:
        WeightsError: see `LiteFeatures.load`.
    """

    def __init__(self, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> None:
        self._device = torch.device(device)
        self._networks = [
            LiteFeatures.load(record, part, weights_dir).to(self._device) for part in lite_features.COUNTS
        ]

    @torch.inference_mode()
    def describe(self, crops: Tensor) -> Tensor:
        """Map uint8 RGB crops ``(N, H, W, 3)`` to float32 ``(N, COUNT)`` on the device."""
        seen = [network(crops.to(self._device)) for network in self._networks]
        return torch.cat([image_statistics.describe(crops.cpu()).to(self._device), *seen], 1)


class VeritagImageNetwork(nn.Module):
    """The head: figures in units of their spread, at most `REACH` of them, times one weight each."""

    centre: Tensor
    scale: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(COUNT))
        self.register_buffer("scale", torch.ones(COUNT))
        self.register_buffer("weight", torch.zeros(COUNT))

    def forward(self, figures: Tensor) -> Tensor:
        """Map figures ``(N, COUNT)`` to logits ``(N,)``; positive = fake."""
        standard = ((figures - self.centre) / self.scale).clamp(-REACH, REACH)
        return standard @ self.weight


def boxes(height: int, width: int, count: int) -> list[tuple[int, int, int, int]]:
    """Choose crops of a picture: ``(x, y, w, h)`` each, `count` at most, evenly spread in rows and columns.

    Crops touch or leave gaps, except where rounding asks for a little overlap. One alone is the centre.
    """
    rows, columns = max(1, round(height / SIDE)), max(1, round(width / SIDE))
    while rows * columns > count:
        # Take away where the crops stand closest.
        if columns == 1 or (rows > 1 and rows / height >= columns / width):
            rows -= 1
        else:
            columns -= 1
    return [(x, y, SIDE, SIDE) for y in _spread(height, rows) for x in _spread(width, columns)]


def _spread(length: int, count: int) -> list[int]:
    """Where `count` crops begin on a side: each in the middle of its share, but inside of the picture."""
    starts = (round(length * (2 * n + 1) / (2 * count) - SIDE / 2) for n in range(count))
    return [min(max(start, 0), length - SIDE) for start in starts]


class VeritagImage(NetworkDetector):
    """Judges pictures of at least 256 pixels each way: up to six crops of a still one, the centre of a frame.

    The batch holds one row per crop: its figures, then ``x, y, w, h`` of its box.
    """

    view = View.FRAMES

    def __init__(
        self,
        network: nn.Module,
        describer: Describer,
        record: WeightsRecord,
        device: str = "cpu",
    ) -> None:
        super().__init__(network, record, device)
        self._describer = describer

    @classmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the head."""
        del record
        return VeritagImageNetwork()

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build the detector with its weights, in evaluation mode.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        return cls(cls.filled(record, weights_dir), Describer(record, device, weights_dir), record, device)

    @torch.inference_mode()
    def preprocess(self, view: Tensor) -> Tensor:
        """Describe crops of frames, uint8 ``(N, H, W, 3)``: float32 ``(crops, COUNT + 4)``.

        Raises:
            NotApplicable: no frame, or a side shorter than 256 pixels.
        """
        frames.require(view, SIDE)
        count, height, width = view.shape[:3]
        chosen = boxes(height, width, STILL_CROPS if count == 1 else 1)
        crops = torch.stack([f[y : y + h, x : x + w] for f in view.cpu() for x, y, w, h in chosen])
        figures = torch.cat([self._describer.describe(part) for part in torch.split(crops, _AT_ONCE)])
        places = torch.tensor(chosen, dtype=torch.float32, device=self._device)
        return torch.cat([figures, places.repeat(count, 1)], 1)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return each crop's logit and box, float32 ``(len(batch), 5)``."""
        return torch.cat([self._network(batch[:, :-4])[:, None], batch[:, -4:]], 1)

    def reduce(self, logits: Tensor) -> Output:
        """Average the crops' logits.

        ``patch_scores`` are ``[x, y, w, h, score]`` of each crop, in pixels; frames of a video come one after
        another, one crop each.
        """
        own = logits[:, 0].double()
        scores = aggregation.rounded(torch.sigmoid(own))
        patches = [[*map(int, box), score] for box, score in zip(logits[:, 1:].tolist(), scores, strict=True)]
        return Output(float(torch.sigmoid(own.mean())), {"patch_scores": patches})
