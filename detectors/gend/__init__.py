"""GenD (arXiv 2508.06248, WACV 2026): large vision transformers, only their norms tuned, that judge faces."""

from detectors.gend.detector import GenD, GenDCLIP, GenDDINOv3, GenDPE
from detectors.gend.networks import GenDCLIPNetwork, GenDDINOv3Network, GenDNetwork, GenDPENetwork

__all__ = [
    "GenD",
    "GenDCLIP",
    "GenDCLIPNetwork",
    "GenDDINOv3",
    "GenDDINOv3Network",
    "GenDNetwork",
    "GenDPE",
    "GenDPENetwork",
]
