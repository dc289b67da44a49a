"""What a medium says of its origin, and what that does to a verdict (DESIGN decision 1).

Only untouched credentials of a trusted signer decide: a declared camera capture gives `trusted`, declared
generative AI gives `high`. Everything else is told and changes nothing, for anyone can write it; so is that
there is nothing, for every social network takes credentials away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analysis.ensemble.reasons import ReasonCode, reason
from analysis.model import Band, Reason, Verdict
from analysis.provenance.model import Credentials, CredentialState, Origin, Provenance

_DECIDES = {
    Origin.CAMERA: (Band.TRUSTED, ReasonCode.CREDENTIALS_CAMERA, "that a camera captured it"),
    Origin.GENERATED: (Band.HIGH, ReasonCode.CREDENTIALS_GENERATED, "that generative AI made it, or a part"),
}
_DECLARES = {
    Origin.CAMERA: "a camera capture",
    Origin.GENERATED: "generative AI",
    Origin.EDITED: "edits",
    Origin.UNSTATED: "nothing about its making",
}
_CHANGED = ".mismatch"  # of a hash or of the signature
_FAULTS = {
    "signingCredential.untrusted": "nobody that is trusted here vouches for the signer",
    "signingCredential.expired": "the signer's certificate has expired",
    "signingCredential.revoked": "the signer's certificate was revoked",
    "signingCredential.invalid": "the signer's certificate does not permit signing",
}
_OTHER_FAULT = "part of them is malformed"
# Reasons of the band that the detectors alone would have led to.
_OVERRULED = {
    ReasonCode.BAND_UNSUPPORTED,
    ReasonCode.BANDS_NOT_MEASURED,
    ReasonCode.LIMITED_EVIDENCE,
    ReasonCode.MEASURED_FALSE_ALARMS,
    ReasonCode.MEASURED_MISSES,
    ReasonCode.NO_CALIBRATED_EVIDENCE,
    ReasonCode.NOTHING_JUDGED,
    ReasonCode.NOT_STRONG_ENOUGH,
}


_ORIGIN = {
    ReasonCode.CREDENTIALS_NEUTRAL,
    ReasonCode.CREDENTIALS_UNTRUSTED,
    ReasonCode.CREDENTIALS_INVALID,
    ReasonCode.CREDENTIALS_UNREAD,
    ReasonCode.GENERATOR_MARK,
}


def without_provenance(verdict: Verdict) -> Verdict | None:
    """Return the verdict without what the medium says of its origin; None where that decided it."""
    codes = {item.code for item in verdict.reasons}
    if not codes.isdisjoint(code for _, code, _ in _DECIDES.values()):
        return None
    return replace(verdict, reasons=tuple(item for item in verdict.reasons if item.code not in _ORIGIN))


def with_provenance(verdict: Verdict, provenance: Provenance) -> Verdict:
    """Return the verdict with what the medium says of its origin; one that credentials decide has no
    probability: no calibration stands behind it.
    """
    told = tuple(_reasons(provenance))
    credentials = provenance.credentials
    if credentials is None or credentials.state is not CredentialState.TRUSTED:
        return replace(verdict, reasons=(*verdict.reasons, *told)) if told else verdict
    if credentials.origin not in _DECIDES:
        return replace(verdict, reasons=(*verdict.reasons, *told))
    kept = tuple(item for item in verdict.reasons if item.code not in _OVERRULED)
    return replace(
        verdict,
        band=_DECIDES[credentials.origin][0],
        probability=None,
        reasons=(*told, *kept),
        calibration=None,
    )


def decides(provenance: Provenance) -> bool:
    """Whether what the medium says of its origin decides its verdict, whatever detectors find."""
    credentials = provenance.credentials
    return (
        credentials is not None
        and credentials.state is CredentialState.TRUSTED
        and credentials.origin in _DECIDES
    )


def _reasons(provenance: Provenance) -> Iterator[Reason]:
    if provenance.credentials is not None:
        yield _told(provenance.credentials)
    for mark in provenance.marks:
        text = f"its metadata ({mark.where}) names {mark.generator}: a hint and no proof, anyone can write it"
        yield reason(ReasonCode.GENERATOR_MARK, text)


def _told(credentials: Credentials) -> Reason:
    signer = _signer(credentials)
    declares = _DECLARES[credentials.origin]
    match credentials.state:
        case CredentialState.TRUSTED if credentials.origin in _DECIDES:
            _, code, what = _DECIDES[credentials.origin]
            return reason(code, f"content credentials of {signer}, who is trusted here, declare {what}")
        case CredentialState.TRUSTED:
            text = f"content credentials of {signer}, who is trusted here, declare {declares}"
            return reason(ReasonCode.CREDENTIALS_NEUTRAL, text)
        case CredentialState.VALID:
            text = (
                f"content credentials signed by {signer} declare {declares}; nobody that is trusted here "
                "vouches for the signer, so they prove nothing"
            )
            return reason(ReasonCode.CREDENTIALS_UNTRUSTED, text)
        case CredentialState.INVALID:
            text = (
                f"its content credentials, signed by {signer}, declare {declares}, but do not hold "
                f"({_why(credentials.faults)}), so they prove nothing"
            )
            return reason(ReasonCode.CREDENTIALS_INVALID, text)
        case CredentialState.REMOTE:
            text = "its content credentials are kept elsewhere and were not fetched"
            return reason(ReasonCode.CREDENTIALS_UNREAD, text)
        case CredentialState.UNREADABLE:
            return reason(ReasonCode.CREDENTIALS_UNREAD, "its content credentials could not be read")


def _why(faults: Sequence[str]) -> str:
    """C2PA's codes in words; that the file was changed says all that the others could."""
    if any(fault.endswith(_CHANGED) for fault in faults):
        return "it was changed after it was signed"
    return "; ".join(dict.fromkeys(_FAULTS.get(fault, _OTHER_FAULT) for fault in faults)) or _OTHER_FAULT


def _signer(credentials: Credentials) -> str:
    names = dict.fromkeys(name for name in (credentials.signer, credentials.issuer) if name)
    return ", ".join(names) or "an unnamed signer"
