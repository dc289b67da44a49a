"""What is told of credentials that do not hold: words, not codes."""

from __future__ import annotations

import pytest

from analysis.ensemble.provenance import with_provenance
from analysis.model import Band, Verdict
from analysis.provenance.model import Credentials, CredentialState, Origin, Provenance

VERDICT = Verdict(Band.UNCERTAIN, 0.4, "calibrated", ())


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (
            ("assertion.dataHash.mismatch", "signingCredential.untrusted"),
            "it was changed after it was signed",
        ),
        (
            ("signingCredential.untrusted", "signingCredential.expired", "assertion.action.malformed"),
            (
                "nobody that is trusted here vouches for the signer; the signer's certificate has expired; "
                "part of them is malformed"
            ),
        ),
        (("claim.multiple", "claim.missing"), "part of them is malformed"),
        ((), "part of them is malformed"),
    ],
)
def test_why_credentials_do_not_hold(faults: tuple[str, ...], words: str) -> None:
    credentials = Credentials(CredentialState.INVALID, Origin.GENERATED, signer="A", faults=faults)
    (told,) = with_provenance(VERDICT, Provenance(credentials=credentials)).reasons
    assert told.text == (
        "its content credentials, signed by A, declare generative AI, but do not hold "
        f"({words}), so they prove nothing"
    )
