"""The weights store: finds a record's files, proves that they are the right ones, loads them strictly.

Bundled files lie in ``detectors/bundled``. All others lie in one folder: the one passed in, else
``VERITAG_WEIGHTS_DIR``, else ``veritag/weights`` in the user's cache. Nothing here uses the network, and
importing this package imports no torch.

============================= ====================================================================
``FILE.safetensors``          what is loaded: a published file, or the live tensors of one
``FILE.safetensors.sha256``   its SHA-256, and below that of the published file it was made of, if any
``FILE.pth`` and the like     a published file put there by hand: loaded too, its code never run
``accepted``                  the licences that the operator has accepted
``downloads/``                what is on its way
============================= ====================================================================
"""

from detectors.weights.checkpoint import named, read_file
from detectors.weights.install import install
from detectors.weights.licences import ACCEPTED, accept_licence, is_accepted
from detectors.weights.loading import fill, find, load_into, read
from detectors.weights.saving import metadata, save
from detectors.weights.store import (
    BUNDLED,
    check_published,
    digest,
    folder,
    is_there,
    location,
    missing_package,
    pins,
    require_room,
    verify,
)

__all__ = [
    "ACCEPTED",
    "BUNDLED",
    "accept_licence",
    "check_published",
    "digest",
    "fill",
    "find",
    "folder",
    "install",
    "is_accepted",
    "is_there",
    "load_into",
    "location",
    "metadata",
    "missing_package",
    "named",
    "pins",
    "read",
    "read_file",
    "require_room",
    "save",
    "verify",
]
