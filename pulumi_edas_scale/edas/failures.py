"""Every way a call of EDAS can end, and whose fault it is.

This file's law: the table ``RULES`` is the only place where a code, a status or a text of EDAS becomes an
error class, its first matching row wins, and it is total: whatever comes back is either success or exactly
one error. A row leans to the side that cannot lose capacity: what may have been executed is never called
"nothing was done", and what does not prove that an application is gone is never a ``BusinessError``.

Pure: no SDK, no clock, no I/O. The SDK's exceptions become ``Answer`` and ``TransportError`` in ``client.py``.
"""

from __future__ import annotations

import enum
import functools
import html
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    EndpointError,
    NotSentError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.edas.texts import clean_json, clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_QUOTE: Final = 300
"""Characters of a foreign text that are quoted; a whole HTML page or log tail helps nobody."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: the RAM action it needs, and whether it changes anything."""

    ram_action: str
    writes: bool = False


OPERATIONS: Final[Mapping[str, Operation]] = {
    "QueryApplicationStatus": Operation("edas:ReadApplication"),
    "ListApplication": Operation("edas:ReadApplication"),
    "ListScaleOutEcu": Operation("edas:ReadCluster"),
    "ListClusterMembers": Operation("edas:ReadCluster"),
    "GetCluster": Operation("edas:ReadCluster"),
    "ListRecentChangeOrder": Operation("edas:ReadApplication"),
    "GetChangeOrderInfo": Operation("edas:ReadApplication"),
    "ScaleOutApplication": Operation("edas:ManageApplication", writes=True),
    "ScaleInApplication": Operation("edas:ManageApplication", writes=True),
    "AbortChangeOrder": Operation("edas:ManageApplication", writes=True),
    # The RAM action of this one is not documented; it is taken to be that of its siblings.
    "ContinuePipeline": Operation("edas:ManageApplication", writes=True),
}
"""The operations this package uses, by the name EDAS gives them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP.

    Attributes:
        status: the HTTP status; 0 when the SDK does not report it.
        body: the JSON value, or None when the body is not JSON.
        text: what was there instead of JSON, for the message only.
        retry_after: seconds the gateway asks to wait, None when it does not say.
        denied_action: the RAM action the gateway names as missing; empty when it names none.
        headers: of a good answer; the SDK keeps none of a refusal.
    """

    status: int
    body: object
    text: str = ""
    retry_after: float | None = None
    denied_action: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make every text harmless: all answers pass here, before anybody reads them."""
        object.__setattr__(self, "body", clean_json(self.body))
        object.__setattr__(self, "text", clean_text(self.text))
        object.__setattr__(self, "denied_action", clean_text(self.denied_action))


class TransportError(enum.Enum):
    """How a call ended without any answer; the value says it."""

    REFUSED = Message("ES707", "the connection was refused, nothing was sent")
    UNRESOLVED = Message("ES706", "the name of the endpoint cannot be resolved, nothing was sent")
    UNREACHABLE = Message("ES708", "no connection could be made, nothing was sent")
    PROXY_REFUSED = Message(
        "ES708", "no connection could be made, because the proxy refused it; nothing was sent"
    )
    PROXY_UNRESOLVED = Message(
        "ES708",
        "no connection could be made, because the name of the proxy cannot be resolved; nothing was sent",
    )
    UNTRUSTED = Message("ES709", "the certificate of the endpoint is not trusted, nothing was sent")
    TIMED_OUT = Message("ES710", "no answer arrived in time")
    INTERRUPTED = Message("ES711", "the connection broke before an answer arrived")
    REDIRECTED = Message("ES712", "the endpoint points elsewhere, and a signed call is not sent on")
    TOO_LARGE = Message("ES716", "the answer is larger than 64 MB, and was not read to its end")
    UNKNOWN = Message("ES714", "the call failed before an answer was read")


TRANSPORT_ERRORS: Final[Mapping[TransportError, type[EdasError]]] = {
    TransportError.REFUSED: NotSentError,
    TransportError.UNRESOLVED: EndpointError,
    TransportError.UNREACHABLE: NotSentError,
    TransportError.PROXY_REFUSED: NotSentError,
    TransportError.PROXY_UNRESOLVED: EndpointError,
    TransportError.UNTRUSTED: EndpointError,
    TransportError.TIMED_OUT: UnavailableError,
    TransportError.INTERRUPTED: UnavailableError,
    TransportError.REDIRECTED: NotUnderstoodError,
    TransportError.TOO_LARGE: NotUnderstoodError,
    TransportError.UNKNOWN: UnavailableError,
}

TRANSPORT_ERROR_BY_EXCEPTION: Final[tuple[tuple[frozenset[str], TransportError], ...]] = (
    (frozenset({"NameResolutionError", "gaierror"}), TransportError.UNRESOLVED),
    (frozenset({"SSLCertVerificationError"}), TransportError.UNTRUSTED),
    (frozenset({"ConnectionRefusedError"}), TransportError.REFUSED),
    (frozenset({"NewConnectionError", "ConnectTimeoutError", "ConnectTimeout"}), TransportError.UNREACHABLE),
    (frozenset({"TooManyRedirects"}), TransportError.REDIRECTED),
    (frozenset({"TooLargeError"}), TransportError.TOO_LARGE),
    (frozenset({"ReadTimeoutError", "ReadTimeout", "TimeoutError"}), TransportError.TIMED_OUT),
    (frozenset({"ProtocolError", "ConnectionError", "ChunkedEncodingError"}), TransportError.INTERRUPTED),
)
"""Exception classes of requests, urllib3 and the standard library, by name: a later row may be the wrapper of
an earlier one, so the order matters. ``ProxyError`` is not among them: older versions of urllib3 also mean a
connection by it that broke after the call was sent."""

ERROR_OF_PROXY: Final[Mapping[TransportError, TransportError]] = {
    TransportError.REFUSED: TransportError.PROXY_REFUSED,
    TransportError.UNRESOLVED: TransportError.PROXY_UNRESOLVED,
}
"""Who goes through a proxy connects to nobody else, so what is wrong is the proxy's address, not the endpoint."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: all that is given must match.

    Attributes:
        what: what the row is about, in the words of the API notes.
        error: the class it becomes.
        status: HTTP statuses; None means any.
        code: pattern of the whole code, without regard to case; the code is empty where the answer has none.
        text: pattern to be found in the code or the message.
        short_code: what the error is explained by.
    """

    what: str
    error: type[EdasError]
    status: Container[int] | None = None
    code: str = ".*"
    text: str = ""
    short_code: str = EdasError.answered_code

    def matches(self, status: int, code: str, message: str) -> bool:
        """Whether an answer with these three properties is of this kind."""
        return (
            (self.status is None or status in self.status)
            and re.fullmatch(self.code, code, re.IGNORECASE | re.DOTALL) is not None
            and re.search(self.text, f"{code}\n{message}", re.IGNORECASE) is not None
        )


_CREDENTIAL_CODES: Final = (
    r"(InactiveAccessKey|Forbidden\.AccessKey|IncompleteSignature"
    r"|InvalidTimeStamp|InvalidCredentials|InvalidSecurityToken|MissingSecurityToken|SecurityTokenExpired"
    r"|AUTH_ERROR).*"
)
_PERMISSION_CODES: Final = (
    r"401|403|Forbidden.*|NoPermission.*|(.*\.)?NotAuthorized.*|AccessDenied.*|Unauthorized.*"
)
_ADDRESS_CODES: Final = r"Invalid(Api|Action|Product)\.NotFound|InvalidVersion.*|UnsupportedHTTPMethod"
_FAILURE_CODES: Final = "(?!200$).+"
_OUTAGE_CODES: Final = r"5\d\d|ServiceUnavailable.*|INTERNAL_ERROR|InternalError.*|.*Timeout"

RULES: Final[tuple[Rule, ...]] = (
    Rule("too many calls", ThrottledError, code=r"Throttling.*"),
    Rule("too many calls, without a code", ThrottledError, status={429}),
    Rule(
        "nonce used twice: our call or a proxy's repetition of it",
        UnavailableError,
        code="SignatureNonceUsed",
    ),
    Rule(
        "account not known to EDAS, or EDAS not activated",
        CredentialsError,
        text=r"Edas\.errorcode\.User\.Invalid",
    ),
    Rule("key not known", CredentialsError, code=r"InvalidAccessKey.*", short_code="ES704"),
    Rule("wrong signature", CredentialsError, code=r"SignatureDoesNotMatch.*", short_code="ES705"),
    Rule("key, signature, token or clock", CredentialsError, code=_CREDENTIAL_CODES),
    Rule("permission missing", PermissionDeniedError, code=_PERMISSION_CODES),
    Rule("permission missing, by status", PermissionDeniedError, status={401, 403}, code=".+"),
    Rule("this address does not serve EDAS", NotUnderstoodError, code=_ADDRESS_CODES),
    Rule("refused by EDAS, whatever the HTTP status", BusinessError, text=r"Edas\.errorcode\."),
    Rule("refused by EDAS (601), or not found (404)", BusinessError, code=r"6\d\d|404"),
    # Real accounts were seen to answer so when a permission is missing, in the language of the account.
    Rule(
        "a fault or a missing permission: only repetition shows which",
        NotUnderstoodError,
        status={200},
        code="500",
    ),
    Rule("outage, by code", UnavailableError, code=_OUTAGE_CODES),
    Rule("outage, by status", UnavailableError, status=range(500, 600)),
    Rule("request not received in time", UnavailableError, status={408}),
    Rule("request larger than the gateway takes", BusinessError, status={413, 414, 431}),
    Rule("refused by the gateway", BusinessError, status=range(400, 500), code=_FAILURE_CODES),
    Rule("refused by EDAS with its own HTTP status", BusinessError, status={600}, code=_FAILURE_CODES),
    Rule("refused by EDAS in an answer with status 200", BusinessError, status={200}, code=_FAILURE_CODES),
    Rule("status unknown and body unreadable", UnavailableError, status={0}),
    Rule("not of the documented shape", NotUnderstoodError),
)
"""First match wins; the last row matches everything. ``tests/unit/test_classification.py`` walks every row,
and ``tests/contract/sdk`` walks the observable ones through the installed SDK."""


def classify_answer(
    operation: str, answer: Answer, resource: str = "", secrets: Iterable[str] = ()
) -> EdasError | None:
    """Return what an answer means.

    Args:
        operation: a key of ``OPERATIONS``.
        answer: what came back.
        resource: on whose behalf the call was made (``application 3616cdca``); named when a permission is
            missing.
        secrets: values that must not be repeated, wherever EDAS echoes them.

    Returns:
        None when the call succeeded, else the error; it is not raised, so that the caller decides what it is
        chained to.

    Source: EDAS API 2017-08-01, "Error codes" and "Common error codes"; Alibaba Cloud gateway error codes.
    """
    code, message, request_id = _parts(answer)
    if answer.status == 200 and code == "200":  # noqa: PLR2004 - HTTP's and EDAS's word for success
        return None
    rule = next(rule for rule in RULES if rule.matches(answer.status, code, message))
    secrets = tuple(secrets)
    shown_code = quote(code, secrets) or (f"HTTP {answer.status}" if answer.status else "")
    request_id = quote(request_id, secrets)
    said = quote(message or answer.text or _shape(answer), secrets)
    if rule.error is PermissionDeniedError:
        subject = f"{said} ({resource})" if resource else said
        action = answer.denied_action or OPERATIONS[operation].ram_action
        return PermissionDeniedError(operation, shown_code, subject, request_id, action=action)
    error = rule.error(operation, shown_code, said, request_id, answer.retry_after)
    error.short_code = rule.short_code
    return error


def classify_transport_error(operation: str, transport_error: TransportError, detail: str) -> EdasError:
    """Return what it means that no answer came.

    Args:
        operation: a key of ``OPERATIONS``.
        transport_error: how the call ended.
        detail: the endpoint, and what the operating system said.

    Returns:
        The error, not raised.
    """
    message: Message = transport_error.value
    return TRANSPORT_ERRORS[transport_error](
        operation, message=message + f" ({detail})" if detail else message
    )


def transport_error_of(exception_names: Iterable[str]) -> TransportError:
    """Return how a call was lost, by the class names of an exception and its causes."""
    names = frozenset(exception_names)
    found = next(
        (transport_error for row, transport_error in TRANSPORT_ERROR_BY_EXCEPTION if row & names),
        TransportError.UNKNOWN,
    )
    return ERROR_OF_PROXY.get(found, found) if "ProxyError" in names else found


def quote(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a foreign text in one line, without mark-up and secrets, cut to ``LONGEST_QUOTE`` characters.

    The gateway repeats the signed headers when a signature does not match, the security token among them.
    """
    for secret in secrets:
        if secret:
            text = _spellings_of(secret).sub("***", text)
    text = _KEY_ID.sub("***", text)
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.IGNORECASE | re.DOTALL)
    text = _SIGNED_PART.sub(r"\1\2***", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


_KEY_ID: Final = re.compile(r"\b(?:LTAI|STS\.|TMP\.)[A-Za-z0-9]{12,}")
"""The id of any access key: how Alibaba Cloud spells them distinguishes them from words."""

_SIGNED_PART: Final = re.compile(
    r"(x-acs-security-token|x-acs-accesskey-id|x-acs-bearer-token|security[-_]?token|access[-_]?key[-_]?(?:id|secret)"
    r"|sts[-_]?token|authorization|signature|credential)"
    r"((?:\\*[\"']|&quot;|&#34;|%22)?\s*(?:[:=]|%3[ad]|&#0*(?:58|61);|&#x0*3[ad];)\s*(?:\\*[\"']|&quot;|&#34;|%22)?)"
    r"[^\s,;&\"']+(?:\s+Credential=\S+)?",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=64)
def _spellings_of(secret: str) -> re.Pattern[str]:
    """Return a pattern of a secret as it is, and with any of its characters escaped for URLs, HTML or JSON."""
    pattern = ""
    for character in secret:
        code = ord(character)
        escaped = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
        spellings = [
            re.escape(character),
            escaped,
            escaped.replace("%", "%25"),
            f"&#0*{code};",
            f"&#x0*{code:x};",
            rf"\\+u{code:04x}",
        ]
        if not character.isalnum():
            spellings += [rf"\\+{re.escape(character)}", re.escape(html.escape(character))]
        if character == " ":
            spellings.append(re.escape("+"))
        pattern += f"(?:{'|'.join(spellings)})"
    return re.compile(pattern, re.IGNORECASE)


def as_code(value: object) -> str:
    """Return EDAS's ``Code``, a number in most answers and text in some, as text; else nothing."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if isinstance(value, (str, int)) else ""


def request_id_of(body: object) -> str:
    """Return the request id of an answer, empty when it has none."""
    return as_code(_first(body, "RequestId", "requestId"))


def _parts(answer: Answer) -> tuple[str, str, str]:
    message = _first(answer.body, "Message", "message")
    code = as_code(_first(answer.body, "Code", "code"))
    return code, message if isinstance(message, str) else "", request_id_of(answer.body)


def _first(body: object, *names: str) -> object:
    if not isinstance(body, Mapping):
        return None
    return next((body[name] for name in names if body.get(name) is not None), None)


def _shape(answer: Answer) -> str:
    if isinstance(answer.body, Mapping):
        return "" if _parts(answer)[0] else "the answer has no Code"
    return (
        f"the answer is {type(answer.body).__name__}, not an object"
        if answer.body is not None
        else "no JSON object"
    )
