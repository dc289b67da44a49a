"""GenConViT (arXiv 2307.07036): autoencoders and ConvNeXts that judge face crops of a video.

Written from the paper and from what the published code computes; it loads the published weights unchanged and
leaves out everything in them that never reaches the output.
"""

from detectors.genconvit.detector import GenConViT, GenConViTEd, GenConViTVae
from detectors.genconvit.ed import GenConViTEdNetwork
from detectors.genconvit.vae import GenConViTVaeNetwork

__all__ = ["GenConViT", "GenConViTEd", "GenConViTEdNetwork", "GenConViTVae", "GenConViTVaeNetwork"]
