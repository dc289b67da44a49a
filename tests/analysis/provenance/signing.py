"""Media signed with credentials of our own making."""

from __future__ import annotations

import datetime
import io
import json
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PARENT = "xmp:iid:parent"
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class Authority:
    """A certificate authority; ``anchor`` is its certificate in PEM."""

    def __init__(self, name: str = "Test Authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = self._sign(self._name, self._key, authority=True)
        self.anchor = _pem(self._certificate)

    def sign(
        self, content: bytes, mime: str, actions: list[dict[str, Any]], parent: bytes | None = None
    ) -> bytes:
        """Return a medium with credentials that declare the actions."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_name("Camera 7"), key, authority=False)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        info = c2pa.C2paSignerInfo(
            alg=b"es256",
            sign_cert=(_pem(certificate) + self.anchor).encode(),
            private_key=secret,
            ta_url=None,
        )
        manifest = {
            "claim_generator_info": [{"name": "Test Camera", "version": "1"}],
            "title": "test",
            "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
        }
        signed = io.BytesIO()
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(json.dumps(manifest)) as builder:
            if parent is not None:
                ingredient = json.dumps(
                    {"title": "before", "relationship": "parentOf", "instance_id": PARENT}
                )
                builder.add_ingredient(ingredient, mime, io.BytesIO(parent))
            builder.sign(signer, mime, io.BytesIO(content), signed)
        return signed.getvalue()

    def _sign(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        usage = x509.KeyUsage(
            digital_signature=not authority,
            key_cert_sign=authority,
            crl_sign=authority,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if not authority:
            use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(use, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def created(source: str) -> dict[str, Any]:
    return {"action": "c2pa.created", "digitalSourceType": SOURCES + source}


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
