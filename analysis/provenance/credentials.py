"""Content credentials (C2PA), through c2pa-python. Runs in the decoding child only; nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import c2pa

from analysis.provenance.model import Credentials, CredentialState, Origin

_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# https://cv.iptc.org/newscodes/digitalsourcetype/: made by a trained model, wholly or in part.
_GENERATED = {
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicData",
}
_CAPTURED = {"digitalCapture", "computationalCapture"}
# What leaves a picture what it was (C2PA 2.2, 18.15.2): anything else counts as an edit.
_HARMLESS = {
    "c2pa.created",
    "c2pa.opened",
    "c2pa.converted",
    "c2pa.transcoded",
    "c2pa.repackaged",
    "c2pa.published",
    "c2pa.resized",
    "c2pa.resized.proportional",
    "c2pa.orientation",
    "c2pa.cropped",
    "c2pa.edited.metadata",
    "c2pa.watermarked",
    "c2pa.watermarked.bound",
    "c2pa.watermarked.unbound",
}
_DEEPEST = 16
_LONGEST, _MOST = 200, 8
_STATES = {"Trusted": CredentialState.TRUSTED, "Valid": CredentialState.VALID}


def read_credentials(file: BinaryIO, mime: str, trust_anchors: str | None) -> Credentials | None:
    """Read and check the credentials of an open medium; None where it has none.

    Args:
        mime: the type that the bytes have.
        trust_anchors: certificates in PEM of the authorities that are believed; None: nobody is.
    """
    if mime not in c2pa.Reader.get_supported_mime_types():
        return None
    file.seek(0)
    try:
        with _context(trust_anchors) as context, c2pa.Reader(mime, file, context=context) as reader:
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        return _absent_or(str(error))
    return _credentials(store)


def check_anchors(trust_anchors: str) -> None:
    """Check that certificates in PEM can be used as anchors.

    Raises:
        ValueError: they cannot.
    """
    from cryptography import x509

    if not x509.load_pem_x509_certificates(trust_anchors.encode()):
        raise ValueError("there is no certificate in it")


def _context(trust_anchors: str | None) -> c2pa.Context:
    settings: dict[str, Any] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "core": {"allowed_network_hosts": []},
    }
    if trust_anchors is not None:
        settings["trust"] = {"trust_anchors": trust_anchors}
    return c2pa.Context.from_dict(settings)


def _absent_or(error: str) -> Credentials | None:
    if "ManifestNotFound" in error or "no JUMBF data found" in error:
        return None
    if "RemoteManifest" in error or error.startswith("Remote"):
        return Credentials(CredentialState.REMOTE)
    return Credentials(CredentialState.UNREADABLE, faults=(_short(error) or "unreadable",))


def _credentials(store: Mapping[str, Any]) -> Credentials:
    manifests = store.get("manifests") or {}
    active = manifests.get(store.get("active_manifest")) or {}
    signature = active.get("signature_info") or {}
    faults = [str(item.get("code")) for item in store.get("validation_status") or ()]
    return Credentials(
        state=_STATES.get(str(store.get("validation_state")), CredentialState.INVALID),
        origin=_origin(manifests, active),
        signer=_short(signature.get("common_name")),
        issuer=_short(signature.get("issuer")),
        generator=_generator(active),
        signed=_short(signature.get("time")),
        faults=tuple(_short(fault) or "" for fault in dict.fromkeys(faults))[:_MOST],
    )


def _origin(manifests: Mapping[str, Any], active: Mapping[str, Any]) -> Origin:
    """What the active manifest and those that it builds on declare, the most telling first."""
    chain = list(_ancestry(manifests, active))
    sources = [source for manifest, _ in chain for source in _sources(manifest)]
    if _GENERATED.intersection(sources):
        return Origin.GENERATED
    actions = [str(action.get("action")) for manifest, _ in chain for action in _actions(manifest)]
    if not actions:
        return Origin.UNSTATED
    alone = all(parent for _, parent in chain)  # nothing was placed into the picture
    if alone and set(actions) <= _HARMLESS and _CAPTURED.intersection(_sources(chain[-1][0])):
        return Origin.CAMERA
    return Origin.EDITED if sources or set(actions) - _HARMLESS else Origin.UNSTATED


def _ancestry(
    manifests: Mapping[str, Any], manifest: Mapping[str, Any], *, parent: bool = True, depth: int = 0
) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """The manifest and those of its ingredients, each with whether it is the whole picture's own past."""
    yield manifest, parent
    if depth >= _DEEPEST:
        return
    for ingredient in manifest.get("ingredients") or ():
        older = manifests.get(ingredient.get("active_manifest"))
        whole = ingredient.get("relationship") == "parentOf"
        if older is not None:
            yield from _ancestry(manifests, older, parent=parent and whole, depth=depth + 1)
        elif not whole:
            yield {}, False  # a part without a past of its own


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label")).startswith("c2pa.actions"):
            yield from (assertion.get("data") or {}).get("actions") or ()


def _sources(manifest: Mapping[str, Any]) -> list[str]:
    """The digital source types that a manifest's actions declare, without their vocabulary's address."""
    declared = [str(action.get("digitalSourceType") or "") for action in _actions(manifest)]
    return [source.removeprefix(_SOURCE).rsplit("/", 1)[-1] for source in declared if source]


def _generator(manifest: Mapping[str, Any]) -> str | None:
    for info in manifest.get("claim_generator_info") or ():
        if info.get("name"):
            return _short(f"{info['name']} {info.get('version') or ''}".strip())
    return _short(manifest.get("claim_generator"))


def _short(text: object) -> str | None:
    """A stranger's text as one short line."""
    if not isinstance(text, str) or not text.strip():
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]
