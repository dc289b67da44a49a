"""The ConvNeXt-Tiny (arXiv 2201.03545) inside both networks, with its 1000 ImageNet classes as features."""

from __future__ import annotations

from torch import nn

from detectors import torchvision_cpu

CLASSES = 1000


def convnext_tiny() -> nn.Module:
    """Build it untrained: float ``(N, 3, H, W)`` to ``(N, 1000)``."""
    torchvision_cpu.prepare()
    import timm

    network: nn.Module = timm.create_model("convnext_tiny", pretrained=False, num_classes=CLASSES)
    return network
