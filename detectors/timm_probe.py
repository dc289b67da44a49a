"""A linear layer on what any of timm's networks sees in a picture, trained by the operator.

The file holds the backbone and the layer, and says in its header which backbone it is and how pictures are
brought to its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, cast, get_args

from PIL import Image
from torch import Tensor, nn

from detectors import pixels, torchvision_cpu, weights
from detectors.errors import WeightsMismatch
from detectors.frame_detector import FrameDetector
from detectors.record import WeightsRecord

Fit = Literal["crop", "squeeze"]
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True, slots=True)
class Input:
    """What a backbone wants to see: a square of ``side`` pixels, cut from the middle of the picture (black
    beyond a smaller one) or squeezed, with this mean and deviation of each channel.
    """

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: Fit

    def prepare(self, frames: Tensor) -> Tensor:
        """Map uint8 ``(N, H, W, 3)`` to float32 ``(N, 3, side, side)``."""
        if self.fit == "crop":
            fitting = pixels.centre_crop(frames, self.side)
        else:
            fitting = pixels.squeeze(frames, self.side, Image.Resampling.BICUBIC)
        return pixels.normalise(fitting, self.mean, self.std)


class TimmProbeNetwork(nn.Module):
    """A backbone of timm without its classifier, and one linear layer.

    Raises:
        ValueError: timm has no such architecture.
    """

    def __init__(self, architecture: str) -> None:
        super().__init__()
        torchvision_cpu.prepare()
        import timm

        try:
            self.backbone: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=0)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"timm has no architecture {architecture!r}; timm.list_models() has all"
            ) from error
        self.fc = nn.Linear(cast(int, self.backbone.num_features), 1)

    def input(self, fit: Fit) -> Input:
        """What the backbone wants to see."""
        from timm.data.config import resolve_model_data_config

        config = resolve_model_data_config(self.backbone)  # type: ignore[no-untyped-call]
        return Input(config["input_size"][-1], tuple(config["mean"]), tuple(config["std"]), fit)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised RGB ``(N, 3, side, side)`` to one logit each, ``(N, 1)``; positive = fake."""
        logits: Tensor = self.fc(self.backbone(x))
        return logits


class TimmProbe(FrameDetector):
    """A probe on pictures, with the backbone that its file names."""

    def __init__(
        self, network: TimmProbeNetwork, record: WeightsRecord, device: str = "cpu", fit: Fit = "crop"
    ) -> None:
        super().__init__(network, record, device)
        self._input = network.input(fit)

    @classmethod
    def build(cls) -> nn.Module:
        """Raise TypeError: the network depends on the file."""
        raise TypeError("the backbone of a probe is named by its file; use load")

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build the network that the file names and fill it.

        Raises:
            WeightsError: see `weights.load_into`, and `WeightsMismatch` for a file that names no backbone.
        """
        path = weights.find(record, weights_dir)
        said = weights.metadata(path)
        fit = said.get("fit")
        if "architecture" not in said or fit not in FITS:
            raise WeightsMismatch(
                f"{path.name} does not say which backbone it has; make it by `veritag train`"
            )
        try:
            network = TimmProbeNetwork(said["architecture"])
        except ValueError as error:
            raise WeightsMismatch(f"{path.name} cannot be used: {error}") from error
        weights.load_into(network, record, weights_dir)
        return cls(network, record, device, fit)

    def prepare(self, frames: Tensor) -> Tensor:
        """As `Input.prepare`."""
        return self._input.prepare(frames)
