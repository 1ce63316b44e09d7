from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.emulator.api.signature import (
    ALGORITHM,
    SignatureError,
    SignedRequest,
    Verifier,
    signature_of,
)
from pulumi_edas_scale.emulator.world.entities import AccessKey

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_795_000_000.0  # 2026-11-18T11:06:40Z
KEYS = {
    "AKID": AccessKey("AKID", "secret"),
    "STS.1": AccessKey("STS.1", "temporary", security_token="token"),
}


def _request(
    key: str = "AKID", secret: str = "secret", body: bytes = b"", without: str = "", **headers: str
) -> SignedRequest:
    """Return a signed request; `without` leaves one header unsigned."""
    every = {
        "host": "127.0.0.1:1",
        "x-acs-action": "ListCluster",
        "x-acs-version": "2017-08-01",
        "x-acs-date": "2026-11-18T11:06:40Z",
        "x-acs-signature-nonce": "nonce",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    query = (("b", "2 ä/~"), ("a", "1,2"))
    signed = sorted(set(every) - {without})
    request = SignedRequest("POST", "/pop/v5/x", query, every, body)
    signature = signature_of(request, signed, secret)
    authorization = f"{ALGORITHM} Credential={key},SignedHeaders={';'.join(signed)},Signature={signature}"
    return SignedRequest("POST", "/pop/v5/x", query, {**every, "authorization": authorization}, body)


def test_the_canonical_form_is_that_of_the_documentation() -> None:
    """A signature computed by hand from the documented recipe."""
    headers: Mapping[str, str] = {"host": "h", "x-acs-date": " d ", "x-acs-content-sha256": "c"}
    request = SignedRequest("GET", "/p", (("b", "x y"), ("a", "1,*")), headers, b"")
    canonical = "GET\n/p\na=1%2C%2A&b=x%20y\nhost:h\nx-acs-date:d\n\nhost;x-acs-date\nc"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"k".ljust(64, b"\0")  # HMAC written out
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + f"{ALGORITHM}\n{digest}".encode()).digest()
    expected = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
    assert signature_of(request, ["host", "x-acs-date"], "k") == expected


def test_a_well_signed_request_is_let_in() -> None:
    """With a lasting key, or with a temporary one and its token."""
    assert Verifier().verify(_request(), KEYS, NOW).id == "AKID"
    temporary = _request(key="STS.1", secret="temporary", x_acs_security_token="token")
    assert Verifier().verify(temporary, KEYS, NOW).id == "STS.1"


@pytest.mark.parametrize(
    ("request_", "now", "code"),
    [
        (_request(secret="wrong"), NOW, "SignatureDoesNotMatch"),
        (_request(key="nobody"), NOW, "InvalidAccessKeyId.NotFound"),
        (_request(), NOW + 901, "InvalidTimeStamp.Expired"),
        (_request(), NOW - 901, "InvalidTimeStamp.Expired"),
        (_request(x_acs_date="yesterday"), NOW, "InvalidTimeStamp.Format"),
        (_request(without="x-acs-action"), NOW, "IncompleteSignature"),
        (_request(without="host"), NOW, "IncompleteSignature"),
        (_request(x_acs_content_sha256="0" * 64), NOW, "IncompleteSignature"),
        (_request(key="STS.1", secret="temporary"), NOW, "MissingSecurityToken"),
        (
            _request(key="STS.1", secret="temporary", x_acs_security_token="x"),
            NOW,
            "InvalidSecurityToken.Malformed",
        ),
        (_request(x_acs_security_token="token"), NOW, "InvalidSecurityToken.Malformed"),
        (SignedRequest("GET", "/", (), {}, b""), NOW, "IncompleteSignature"),
        (SignedRequest("GET", "/", (), {"authorization": "acs AKID:x"}, b""), NOW, "IncompleteSignature"),
    ],
)
def test_a_badly_signed_request_is_not_let_in(request_: SignedRequest, now: float, code: str) -> None:
    """The refusal has the code of the gateway."""
    with pytest.raises(SignatureError) as caught:
        Verifier().verify(request_, KEYS, now)
    assert caught.value.code == code


def test_a_nonce_is_taken_once() -> None:
    """A request that is sent again word for word is refused."""
    verifier = Verifier()
    verifier.verify(_request(), KEYS, NOW)
    with pytest.raises(SignatureError, match="SignatureNonceUsed"):
        verifier.verify(_request(), KEYS, NOW)


def test_a_key_does_not_show_its_secret() -> None:
    """Neither in a traceback nor in a log."""
    assert "temporary" not in repr(KEYS)
    assert "token" not in repr(KEYS["STS.1"])
