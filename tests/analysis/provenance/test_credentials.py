"""Content credentials from signing to verdict, with a certificate authority of the test's own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.engine import EmbeddedAnalyzer
from analysis.ensemble.reasons import ReasonCode
from analysis.limits import Limits
from analysis.model import Analysis, Band
from analysis.provenance.credentials import check_anchors, read_credentials
from analysis.provenance.model import Credentials, CredentialState, Origin
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.analysis.provenance.signing import PARENT, Authority, created

JPEG = "image/jpeg"
CAMERA = [created("digitalCapture")]
OPENED = {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def photo() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def read(content: bytes, anchors: str | None = None) -> Credentials | None:
    return read_credentials(io.BytesIO(content), JPEG, anchors)


def analysed(path: Path, anchors: Path | None = None) -> Analysis:
    limits = Limits(trust_anchors=None if anchors is None else str(anchors))
    analyzer = EmbeddedAnalyzer([Brightness()], MeanPolicy(), limits, torch_threads=1)
    try:
        return analyzer.submit(path).result(timeout=60)
    finally:
        analyzer.close()


def test_a_medium_without_credentials_has_none(photo: bytes) -> None:
    assert read(photo) is None
    assert read_credentials(io.BytesIO(b"x"), "video/x-flv", None) is None


def test_untouched_credentials_are_valid_but_nobody_vouches_for_them(
    authority: Authority, photo: bytes
) -> None:
    found = read(authority.sign(photo, JPEG, CAMERA))
    assert found is not None
    assert (found.state, found.origin) == (CredentialState.VALID, Origin.CAMERA)
    assert (found.signer, found.issuer, found.generator) == ("Camera 7", "Test", "Test Camera 1")


def test_a_trust_anchor_makes_them_trusted(authority: Authority, photo: bytes) -> None:
    signed = authority.sign(photo, JPEG, CAMERA)
    found = read(signed, authority.anchor)
    assert found is not None
    assert (found.state, found.faults) == (CredentialState.TRUSTED, ())
    other = read(signed, Authority("Someone else").anchor)
    assert other is not None
    assert other.state is CredentialState.VALID


def test_a_changed_medium_is_invalid(authority: Authority, photo: bytes) -> None:
    signed = bytearray(authority.sign(photo, JPEG, CAMERA))
    signed[-40] ^= 1
    found = read(bytes(signed), authority.anchor)
    assert found is not None
    assert found.state is CredentialState.INVALID
    assert any(fault.endswith(".mismatch") for fault in found.faults)


@pytest.mark.parametrize(
    ("actions", "origin"),
    [
        (CAMERA, Origin.CAMERA),
        ([created("computationalCapture"), {"action": "c2pa.resized"}], Origin.CAMERA),
        ([*CAMERA, {"action": "c2pa.color_adjustments"}], Origin.EDITED),
        ([*CAMERA, {"action": "c2pa.drawing"}], Origin.EDITED),
        ([created("trainedAlgorithmicMedia")], Origin.GENERATED),
        ([created("compositeWithTrainedAlgorithmicMedia")], Origin.GENERATED),
        ([created("digitalCreation")], Origin.EDITED),
    ],
)
def test_what_is_declared(
    authority: Authority, photo: bytes, actions: list[dict[str, Any]], origin: Origin
) -> None:
    found = read(authority.sign(photo, JPEG, actions))
    assert found is not None
    assert found.origin is origin


def test_a_past_is_followed(authority: Authority, photo: bytes) -> None:
    capture = authority.sign(photo, JPEG, CAMERA)
    scaled = read(authority.sign(photo, JPEG, [OPENED, {"action": "c2pa.resized"}], parent=capture))
    edited = read(authority.sign(photo, JPEG, [OPENED, {"action": "c2pa.edited"}], parent=capture))
    fake = authority.sign(photo, JPEG, [created("trainedAlgorithmicMedia")])
    washed = read(authority.sign(photo, JPEG, [OPENED, {"action": "c2pa.resized"}], parent=fake))
    unknown = read(authority.sign(photo, JPEG, [OPENED], parent=photo))
    assert [found and found.origin for found in (scaled, edited, washed, unknown)] == [
        Origin.CAMERA,
        Origin.EDITED,
        Origin.GENERATED,
        Origin.UNSTATED,
    ]


def test_trusted_credentials_decide_the_verdict(tmp_path: Path, authority: Authority, photo: bytes) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_text(authority.anchor)
    camera, fake = tmp_path / "camera.jpg", tmp_path / "fake.jpg"
    camera.write_bytes(authority.sign(photo, JPEG, CAMERA))
    fake.write_bytes(authority.sign(photo, JPEG, [created("trainedAlgorithmicMedia")]))
    verdicts = [analysed(path, anchors).verdict for path in (camera, fake)]
    assert [verdict.band for verdict in verdicts] == [Band.TRUSTED, Band.HIGH]
    assert [verdict.probability for verdict in verdicts] == [None, None]
    assert verdicts[0].reasons[0].code == ReasonCode.CREDENTIALS_CAMERA
    assert verdicts[0].reasons[0].text == (
        "content credentials of Camera 7, Test, who is trusted here, declare that a camera captured it"
    )
    assert verdicts[1].reasons[0].code == ReasonCode.CREDENTIALS_GENERATED


def test_others_are_told_and_decide_nothing(tmp_path: Path, authority: Authority, photo: bytes) -> None:
    plain, signed, broken = tmp_path / "plain.jpg", tmp_path / "signed.jpg", tmp_path / "broken.jpg"
    plain.write_bytes(photo)
    content = authority.sign(photo, JPEG, CAMERA)
    signed.write_bytes(content)
    broken.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    before, untrusted, invalid = (analysed(path) for path in (plain, signed, broken))
    assert before.provenance.credentials is None
    assert untrusted.verdict.band == before.verdict.band
    assert untrusted.verdict.probability == before.verdict.probability
    assert [r.code for r in untrusted.verdict.reasons][-1] == ReasonCode.CREDENTIALS_UNTRUSTED
    assert [r.code for r in invalid.verdict.reasons][-1] == ReasonCode.CREDENTIALS_INVALID
    assert "changed after it was signed" in invalid.verdict.reasons[-1].text
    assert untrusted.timing["provenance"] < 5


def test_anchors_are_part_of_the_fingerprint(tmp_path: Path, authority: Authority) -> None:
    anchors = tmp_path / "anchors.pem"
    prints = set()
    for text in (None, authority.anchor, Authority().anchor):
        if text is not None:
            anchors.write_text(text)
        limits = Limits(trust_anchors=None if text is None else str(anchors))
        analyzer = EmbeddedAnalyzer([Brightness()], MeanPolicy(), limits, torch_threads=1)
        prints.add(analyzer.fingerprint)
        analyzer.close()
    assert len(prints) == 3


def test_anchors_that_are_none_are_refused(authority: Authority) -> None:
    check_anchors(authority.anchor)
    with pytest.raises(ValueError, match="parsing"):
        check_anchors("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
