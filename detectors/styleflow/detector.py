"""StyleFlow as detectors: as TrueMedia served it (content alone) and in full (content and style)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from detectors import aggregation, weights
from detectors.base import Detector, Output, View
from detectors.ftcn import FTCN, face_clips, normalise
from detectors.ftcn_network import SIDE, fold_norms
from detectors.record import WeightsRecord
from detectors.styleflow import psp_encoder
from detectors.styleflow.content import StyleFlowNetwork
from detectors.styleflow.psp_encoder import PSPEncoder
from detectors.styleflow.style_gru import StyleGRU


def resize(clips: Tensor, side: int) -> Tensor:
    """Resize uint8 clips ``(C, 3, T, S, S)`` as Pillow does (bicubic); that size already: unchanged."""
    if clips.shape[-1] == side:
        return clips
    frames = clips.permute(0, 2, 3, 4, 1).cpu().numpy()
    resized = [
        [np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC)) for frame in clip]
        for clip in frames
    ]
    return torch.from_numpy(np.array(resized)).permute(0, 4, 1, 2, 3)


class StyleFlow(FTCN):
    """StyleFlow as served: the content network alone, over consecutive clips of one face.

    That is FTCN's network with other weights, clips resized in another way, and logits averaged.
    """

    def preprocess(self, view: Tensor) -> Tensor:
        """Return the clips as uint8 ``(C, 3, 32, 224, 224)``; `forward` normalises, for memory.

        Raises:
            NotApplicable: no face, or none for 32 frames.
        """
        return resize(face_clips(view), SIDE)

    def reduce(self, logits: Tensor) -> Output:
        """Average the clips' logits; several leave their own scores as ``clip_scores`` in the evidence."""
        return aggregation.of_logits(logits, "clip")


class StyleFlowFull(Detector):
    """StyleFlow in full: pSp encoder, StyleGRU and content network with style attention.

    Minutes per clip on a CPU: the encoder sees each of the 32 frames.
    """

    view = View.FACE_CLIPS

    def __init__(
        self,
        network: StyleFlowNetwork,
        encoder: PSPEncoder,
        gru: StyleGRU,
        record: WeightsRecord,
        device: str = "cpu",
    ) -> None:
        self.record = record
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)
        self._encoder = encoder.eval().to(self._device)
        self._gru = gru.eval().to(self._device)
        fold_norms(self._network)

    @classmethod
    def load(
        cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None
    ) -> StyleFlowFull:
        """Build the three networks and fill them.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        with torch.device("meta"):
            network, encoder, gru = StyleFlowNetwork(), PSPEncoder(), StyleGRU()
        weights.load_into(network, record, weights_dir)
        weights.load_into(encoder, record, weights_dir, part="encoder")
        weights.load_into(gru, record, weights_dir, part="gru")
        return cls(network, encoder, gru, record, device)

    def preprocess(self, view: Tensor) -> Tensor:
        """Return the clips as uint8 ``(C, 3, 32, 256, 256)``, the encoder's size.

        Raises:
            NotApplicable: no face, or none for 32 frames.
        """
        return resize(face_clips(view), psp_encoder.SIDE)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per clip, float32 ``(len(batch),)``."""
        return torch.cat([self._logit(clip) for clip in torch.split(batch, 1)])

    def _logit(self, clip: Tensor) -> Tensor:
        style = self._gru.style(latent_changes(self._encoder, clip[0].to(self._device)))
        content = normalise(resize(clip, SIDE).to(self._device))
        logits: Tensor = self._network(content, style)
        return logits[:, 0]

    def reduce(self, logits: Tensor) -> Output:
        """Average the clips' logits, as `StyleFlow`."""
        return aggregation.of_logits(logits, "clip")


def latent_changes(encoder: PSPEncoder, clip: Tensor) -> Tensor:
    """Return how the latents of one clip, uint8 ``(3, T, 256, 256)``, change: ``(1, T - 1, 9216)``."""
    frames = torch.split(clip.transpose(0, 1), 1)
    latents = torch.cat([encoder((frame.float() / 255 - 0.5) / 0.5) for frame in frames])
    return latents.flatten(1).diff(dim=0)[None]
