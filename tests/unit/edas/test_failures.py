from __future__ import annotations

import html
import json
import re
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.domain import errors
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
from pulumi_edas_scale.edas.failures import (
    ERROR_OF_PROXY,
    LONGEST_QUOTE,
    OPERATIONS,
    RULES,
    TRANSPORT_ERROR_BY_EXCEPTION,
    TRANSPORT_ERRORS,
    Answer,
    TransportError,
    as_code,
    classify_answer,
    classify_transport_error,
    quote,
    transport_error_of,
)
from tests.contract.sdk.endings import ENDINGS, Ending, failure

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def answer_of(ending: Ending) -> Answer:
    """Return what ``sdk_client`` makes of an ending."""
    try:
        return Answer(ending.status, json.loads(ending.raw), retry_after=ending.retry_after)
    except ValueError:
        return Answer(ending.status, None, text=ending.raw.decode(), retry_after=ending.retry_after)


@pytest.mark.parametrize("ending", ENDINGS, ids=[ending.name for ending in ENDINGS])
def test_every_ending(ending: Ending) -> None:
    """Each answer becomes exactly the error of its row."""
    error = classify_answer("ScaleOutApplication", answer_of(ending))
    assert type(error) is ending.error


def test_every_row_is_needed() -> None:
    """Each row of the table is the first match of some answer, so none is dead."""
    answers = [answer_of(ending) for ending in ENDINGS]
    answers.append(Answer(0, None))  # only an SDK that hides the status gives this
    met = set()
    for answer in answers:
        body = answer.body if isinstance(answer.body, dict) else {}
        code, message = as_code(body.get("Code")), str(body.get("Message", ""))
        met.add(next(rule.what for rule in RULES if rule.matches(answer.status, code, message)))
    assert met == {rule.what for rule in RULES}


@pytest.mark.parametrize("code", [200, "200", 200.0, " 200 "], ids=repr)
def test_success(code: object) -> None:
    """Success is status 200 with Code 200, whatever its type."""
    assert classify_answer("ListApplication", Answer(200, {"Code": code})) is None


@pytest.mark.parametrize("operation", OPERATIONS)
def test_missing_permission_names_the_action(operation: str) -> None:
    """Each operation names the RAM action it needs."""
    error = classify_answer(operation, Answer(200, failure(403)), "application a")
    assert isinstance(error, PermissionDeniedError)
    assert error.action == OPERATIONS[operation].ram_action
    assert "application a" in str(error)


def test_only_submissions_write() -> None:
    """The operations that change something are the four that the loop submits."""
    writes = {name for name, operation in OPERATIONS.items() if operation.writes}
    assert writes == {"ScaleOutApplication", "ScaleInApplication", "AbortChangeOrder", "ContinuePipeline"}


@given(status=st.integers(0, 999), body=JSON, text=st.text(), operation=st.sampled_from(sorted(OPERATIONS)))
def test_total(status: int, body: object, text: str, operation: str) -> None:
    """Any status with any body is success or an error that can be shown."""
    error = classify_answer(operation, Answer(status, body, text))
    if error is None:
        assert status == 200
    else:
        assert str(error)


@given(st.integers(100, 599).filter(lambda status: status != 200), JSON)
def test_another_status_is_never_success(status: int, body: object) -> None:
    """Only status 200 can be success."""
    assert classify_answer("ListApplication", Answer(status, {"Code": 200, "Data": body})) is not None


@given(st.integers(500, 599), st.text())
def test_an_outage_is_never_a_refusal(status: int, message: str) -> None:
    """A 5xx without a code of EDAS's own says nothing about what exists."""
    error = classify_answer(
        "QueryApplicationStatus", Answer(status, {"Code": "Whatever", "Message": message})
    )
    assert not isinstance(error, BusinessError) or "edas.errorcode." in message.lower()


LOSS_EXAMPLES = {
    ("ConnectionError", "MaxRetryError", "NewConnectionError", "ConnectionRefusedError"): NotSentError,
    (
        "ConnectionError",
        "MaxRetryError",
        "NameResolutionError",
        "NewConnectionError",
        "gaierror",
    ): EndpointError,
    (
        "ConnectTimeout",
        "MaxRetryError",
        "ConnectTimeoutError",
        "TimeoutError",
        "ConnectionError",
    ): NotSentError,
    ("ConnectionError", "MaxRetryError", "NewConnectionError", "OSError"): NotSentError,
    ("SSLError", "ConnectionError", "MaxRetryError", "SSLCertVerificationError"): EndpointError,
    ("ProxyError", "ConnectionError", "MaxRetryError", "NewConnectionError"): NotSentError,
    ("ProxyError", "ConnectionError", "NewConnectionError", "ConnectionRefusedError"): NotSentError,
    ("ProxyError", "ConnectionError", "NameResolutionError", "NewConnectionError"): EndpointError,
    ("ProxyError", "ConnectionError", "MaxRetryError", "OSError"): UnavailableError,
    ("SSLError", "ConnectionError", "MaxRetryError"): UnavailableError,
    ("ReadTimeout", "ReadTimeoutError", "TimeoutError"): UnavailableError,
    ("ConnectionError", "ProtocolError", "ConnectionResetError"): UnavailableError,
    ("ChunkedEncodingError", "ProtocolError", "IncompleteRead"): UnavailableError,
    ("TooManyRedirects",): NotUnderstoodError,
    ("SomethingNew",): UnavailableError,
}


@pytest.mark.parametrize("names", LOSS_EXAMPLES, ids=" ".join)
def test_lost_calls(names: tuple[str, ...]) -> None:
    """A call without an answer counts as unsent only where the connection was surely never made."""
    error = classify_transport_error("ScaleOutApplication", transport_error_of(names), "host")
    assert type(error) is LOSS_EXAMPLES[names]
    assert "host" in str(error)


def test_every_loss_is_classified() -> None:
    """Each way to lose a call has a class, and each but the unknown one an exception that leads to it."""
    assert set(TRANSPORT_ERRORS) == set(TransportError)
    led_to = {transport_error for _, transport_error in TRANSPORT_ERROR_BY_EXCEPTION}
    assert led_to | set(ERROR_OF_PROXY.values()) | {TransportError.UNKNOWN} == set(TransportError)


@pytest.mark.parametrize("name", ["gaierror", "ConnectionRefusedError"])
def test_s88_what_a_proxy_does_is_not_said_of_the_endpoint(name: str) -> None:
    """S88: who goes through a proxy resolves and reaches the proxy only, so the cause names the proxy."""
    error = transport_error_of({name, "NewConnectionError", "ProxyError"})
    assert "the proxy" in error.value
    assert "endpoint" not in error.value


def test_classes_are_those_of_errors() -> None:
    """The table uses every class of one call's errors, and no other."""
    used = {rule.error for rule in RULES} | set(TRANSPORT_ERRORS.values())
    defined = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, EdasError) and value is not EdasError
        if not issubclass(
            value, errors.UnknownShapeError
        )  # parse.py raises these, of an answer that went well
    }
    assert used == defined


def test_throttled_keeps_the_wait() -> None:
    """The seconds the gateway asks for reach the caller."""
    error = classify_answer("ListApplication", Answer(400, failure("Throttling.User"), retry_after=2.5))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 2.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<html><style>x{}</style><h1>502</h1>\n Bad </html>", "502 Bad"),
        ("x-acs-security-token:CAISabc/+= next", "x-acs-security-token:*** next"),
        ('{"SecurityToken": "CAISabc", "a": 1}', '{"SecurityToken": "***", "a": 1}'),
        ("access_key_secret=abc", "access_key_secret=***"),
        ("the signature is not matched", "the signature is not matched"),
        ("my secret-word here", "my *** here"),
        ("x" * 400, "x" * (LONGEST_QUOTE - 1) + "…"),
    ],
)
def test_quote(text: str, expected: str) -> None:
    """A foreign text is shown in one line, without mark-up and secrets, and not at length."""
    assert quote(text, ["secret-word", ""]) == expected


def test_credentials_errors_do_not_blame_permissions() -> None:
    """A user EDAS does not know is no missing permission, although its code is 401."""
    body = failure(401, "Edas.errorcode.User.Invalid.message")
    assert type(classify_answer("ListApplication", Answer(200, body))) is CredentialsError


SECRETS = ("invented/secret+0123=", "CAIS<tok&en>\"012345'6789")
PLACES = {
    "message": lambda text: {"Code": 500, "Message": f"before {text} after"},
    "code": lambda text: {"Code": text, "Message": "why"},
    "request id": lambda text: {"Code": 500, "Message": "why", "RequestId": text},
}
SPELLINGS = {
    "as it is": lambda text: text,
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "percent with slashes": urllib.parse.quote,
    "small percent": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), urllib.parse.quote(text, safe="")
    ),
    "percent twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "form": urllib.parse.quote_plus,
    "html": html.escape,
    "html numbers": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "html hex": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "json": lambda text: json.dumps(text)[1:-1],
    "json slashes": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "json numbers": lambda text: "".join(rf"\u{ord(each):04X}" for each in text),
    "json twice": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
}


@pytest.mark.parametrize("secret", SECRETS, ids=["secret", "token"])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_no_spelling_of_a_secret_is_repeated(
    spelling: Callable[[str], str], place: Callable[[str], object], secret: str
) -> None:
    """However and wherever EDAS echoes a key or a token, it is not shown."""
    error = classify_answer("GetCluster", Answer(500, place(spelling(secret))), secrets=SECRETS)
    assert error is not None
    assert spelling(secret) not in str(error)
    assert "***" in str(error)


def test_the_id_of_a_key_in_a_sentence_is_not_repeated() -> None:
    """Anybody's access key id is known by how Alibaba Cloud spells it."""
    said = quote("The Access Key Id LTAI5tInventedKey0123 is disabled, use STS.NUInventedKey012345 instead")
    assert said == "The Access Key Id *** is disabled, use *** instead"


@pytest.mark.parametrize("spelled", ["open sesame", "open+sesame", "open%20sesame", "open%2520sesame"])
def test_a_secret_with_a_space_is_hidden_in_every_spelling(spelled: str) -> None:
    """A form writes a space as a plus sign, an address as a number."""
    assert quote(f"key={spelled};", ["open sesame"]) == "key=***;"
