"""The ACS3-HMAC-SHA256 signature of Alibaba Cloud, verified.

The law of this file: it decides from the request, the keys and `now` alone; no I/O. A refusal is what the API
gateway would answer. Source:
https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pulumi_edas_scale.emulator.world.entities import AccessKey

ALGORITHM = "ACS3-HMAC-SHA256"
MAX_SKEW_SECONDS = 15 * 60
MAX_NONCES = 100_000  # remembered ones; older ones are past the allowed skew long before

_AUTHORIZATION = re.compile(
    rf"^{ALGORITHM} Credential=(?P<key>[^,]+),"
    r"SignedHeaders=(?P<headers>[^,]+),Signature=(?P<signature>[0-9a-f]+)$"
)


class SignatureError(Exception):
    """The gateway does not let the request in."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Say what the gateway answers."""
        self.status = status
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True)
class SignedRequest:
    """What is signed of a request."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]  # decoded
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Verifier:
    """Verifies requests and remembers their nonces, which must not come twice."""

    def __init__(self) -> None:
        """Start with no nonce seen."""
        self._nonces: OrderedDict[str, float] = OrderedDict()

    def verify(self, request: SignedRequest, keys: Mapping[str, AccessKey], now: float) -> AccessKey:
        """Return the key that signed a request.

        Args:
            request: the request as received.
            keys: the accepted keys by id.
            now: seconds since the epoch, for the skew.

        Raises:
            SignatureError: the gateway's answer to a request that is not signed well.
        """
        match = _AUTHORIZATION.match(request.headers.get("authorization", ""))
        if match is None:
            raise SignatureError(400, "IncompleteSignature", f"The request is not signed with {ALGORITHM}.")
        key = keys.get(match["key"])
        if key is None:
            raise SignatureError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        _check_date(request.headers.get("x-acs-date", ""), now)
        names = match["headers"].split(";")
        _check_coverage(request.headers, names)
        if request.headers.get("x-acs-content-sha256") != hashlib.sha256(request.body).hexdigest():
            raise SignatureError(400, "IncompleteSignature", "x-acs-content-sha256 does not match the body.")
        if not hmac.compare_digest(signature_of(request, names, key.secret), match["signature"]):
            raise SignatureError(
                400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."
            )
        _check_token(request.headers, key)
        # Last: a request that is not signed with the key must not use up a nonce of its owner.
        nonce = request.headers.get("x-acs-signature-nonce", "")
        if nonce in self._nonces:
            raise SignatureError(400, "SignatureNonceUsed", "The request signature nonce has been used.")
        self._nonces[nonce] = now
        if len(self._nonces) > MAX_NONCES:
            self._nonces.popitem(last=False)
        return key


def signature_of(request: SignedRequest, signed_headers: Iterable[str], secret: str) -> str:
    """Compute the signature of a request in hexadecimal."""
    names = list(signed_headers)
    query = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(request.query))
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    canonical = "\n".join(
        [
            request.method,
            request.path,
            query,
            headers,
            ";".join(names),
            request.headers.get("x-acs-content-sha256", ""),
        ]
    )
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")  # RFC 3986


def _check_date(text: str, now: float) -> None:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise SignatureError(
            400, "InvalidTimeStamp.Format", "x-acs-date is not in the form of ISO 8601."
        ) from None
    if abs(now - moment) > MAX_SKEW_SECONDS:
        raise SignatureError(
            400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."
        )


def _check_coverage(headers: Mapping[str, str], signed: list[str]) -> None:
    needed = {"host", "x-acs-action", "x-acs-version", "x-acs-signature-nonce", "x-acs-content-sha256"}
    needed |= {name for name in headers if name.startswith("x-acs-")}
    missing = sorted(needed - set(signed))
    if missing:
        raise SignatureError(
            400, "IncompleteSignature", f"The signature does not cover {', '.join(missing)}."
        )


def _check_token(headers: Mapping[str, str], key: AccessKey) -> None:
    token = headers.get("x-acs-security-token")
    if key.security_token is None and token is None:
        return
    if token is None:
        raise SignatureError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if key.security_token is None or not hmac.compare_digest(token.encode(), key.security_token.encode()):
        raise SignatureError(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
