"""Which detectors there are. Listing them and their records imports no torch; only `create` does."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from detectors import trained
from detectors.base import Detector
from detectors.errors import UnknownDetector
from detectors.record import WeightsRecord
from detectors.record import load as load_record

# name -> "module:class"; one line per detector
_REGISTRY = {
    "aasist": "detectors.aasist.detector:Aasist",
    "aasist_l": "detectors.aasist.detector:Aasist",
    "community_forensics": "detectors.community_forensics:CommunityForensics",
    "community_forensics_224": "detectors.community_forensics:CommunityForensics224",
    "dda": "detectors.dda:DDA",
    "deepfakedefenders": "detectors.deepfakedefenders:DeepFakeDefenders",
    "distildire": "detectors.distildire:DistilDIRE",
    "ftcn": "detectors.ftcn:FTCN",
    "genconvit": "detectors.genconvit:GenConViT",
    "genconvit_ed": "detectors.genconvit:GenConViTEd",
    "genconvit_vae": "detectors.genconvit:GenConViTVae",
    "gend": "detectors.gend:GenDCLIP",
    "gend_dinov3": "detectors.gend:GenDDINOv3",
    "gend_pe": "detectors.gend:GenDPE",
    "ladeda": "detectors.ladeda:LaDeDa",
    "npr": "detectors.npr:NPR",
    "omniaid": "detectors.omniaid:OmniAID",
    "reverse_search": "detectors.reverse_search:ReverseSearch",
    "rine": "detectors.rine:RINE",
    "safe": "detectors.safe:SAFE",
    "styleflow": "detectors.styleflow.detector:StyleFlow",
    "styleflow_full": "detectors.styleflow.detector:StyleFlowFull",
    "timm_probe": "detectors.timm_probe:TimmProbe",
    "tiny_ladeda": "detectors.tiny_ladeda:TinyLaDeDa",
    "transcript": "detectors.transcript:Transcript",
    "ufd": "detectors.ufd:UFD",
    "ufd_v2": "detectors.ufd_v2:UFDV2",
    "veritag_face": "detectors.veritag_face:VeritagFace",
    "veritag_speech": "detectors.veritag_speech:VeritagSpeech",
    "veritag_image": "detectors.veritag_image:VeritagImage",
}


class Loadable(Protocol):
    """What the class behind a registry line offers."""

    def load(self, record: WeightsRecord, device: str, weights_dir: Path | None) -> Detector:
        """Build the detector with its weights, in evaluation mode, on the device (a class method)."""


def names() -> tuple[str, ...]:
    """Return the names of all detectors, sorted."""
    return tuple(sorted(_REGISTRY))


def record(name: str) -> WeightsRecord:
    """Return what is known of a detector's weights.

    Args:
        name: one of `names()`, or the file that a training wrote beside its weights, ``.../NAME.json``.

    Raises:
        UnknownDetector: no detector of that name is registered.
        TrainingError: the file is no such file.
    """
    if trained.is_trained(name):
        return trained.load_record(Path(name))
    _require(name)
    return load_record(name)


def create(name: str, device: str = "cpu", weights_dir: Path | None = None) -> Detector:
    """Build a detector with its weights loaded, in evaluation mode.

    Args:
        name: as `record` takes it.
        device: where its network runs, such as ``"cpu"`` or ``"cuda:0"``.
        weights_dir: folder of fetched weights; default see `weights.folder`.

    Raises:
        UnknownDetector: no detector of that name is registered.
        WeightsError: its weights are missing, wrong, or under a licence not accepted yet.
    """
    described = record(name)
    return detector_type(described.name).load(described, device, weights_dir)


def detector_type(name: str) -> Loadable:
    """Return the class of a detector.

    Raises:
        UnknownDetector: no detector of that name is registered.
    """
    _require(name)
    module, _, attribute = _REGISTRY[name].partition(":")
    return cast(Loadable, getattr(importlib.import_module(module), attribute))


def _require(name: str) -> None:
    if name not in _REGISTRY:
        raise UnknownDetector(name, names())
