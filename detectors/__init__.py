"""Detectors: one module each, tensors in, one score out. Knows nothing of media files or platforms.

The one door: `names`, `record` and `create`. Importing this package imports no torch.
"""

from detectors.registry import create, names, record

# `record` the function hides `detectors.record` the module as an attribute of this package;
# `from detectors.record import ...` finds the module all the same.
__all__ = ["create", "names", "record"]
