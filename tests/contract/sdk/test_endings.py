from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.errors import (
    EdasError,
    EndpointError,
    NotSentError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.edas.sdk import EXPIRED
from tests.contract.sdk.conftest import KEYS
from tests.contract.sdk.endings import ENDINGS, Ending, failure
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

APP = "3616cdca-0000-4000-8000-000000000001"

CALLS: tuple[tuple[str, Callable[[SdkClient], object]], ...] = (
    ("QueryApplicationStatus", lambda client: client.read_application(APP)),
    ("ScaleOutApplication", lambda client: client.submit_scale_out(APP, "group", ["ecu"])),
)


def failing(client: SdkClient, call: Callable[[SdkClient], object]) -> EdasError:
    """Make a call that must fail and return its error."""
    with pytest.raises(EdasError) as caught:
        call(client)
    return caught.value


@pytest.mark.parametrize(("operation", "call"), CALLS, ids=[name for name, _ in CALLS])
@pytest.mark.parametrize("ending", ENDINGS, ids=[ending.name for ending in ENDINGS])
def test_every_ending(
    server: RawServer,
    client: SdkClient,
    ending: Ending,
    operation: str,
    call: Callable[[SdkClient], object],
) -> None:
    """An answer becomes the same error through the installed SDK as in the table, after one request.

    Only what has expired is signed again and asked for once more: it was surely not executed.
    """
    server.reply = Reply(ending.status, ending.raw, ending.headers)
    error = failing(client, call)
    assert type(error) is ending.error
    assert error.operation == operation
    if ending.error is ThrottledError:  # of other errors, older versions of the SDK do not tell it
        assert error.retry_after == ending.retry_after
    assert len(server.received) == (2 if EXPIRED.fullmatch(error.code) else 1)


def test_parts_of_a_refusal(server: RawServer, client: SdkClient) -> None:
    """Code, message and request id are EDAS's own, without what the SDK wraps around them."""
    server.reply = Reply(404, Ending("", 404, failure("InvalidApp.NotFound", "no such app"), EdasError).raw)
    error = failing(client, CALLS[0][1])
    assert (error.code, error.message) == ("InvalidApp.NotFound", "no such app")
    assert error.request_id == failure(1)["RequestId"]


def test_missing_permission_names_what_to_grant(server: RawServer, client: SdkClient) -> None:
    """A missing permission names the RAM action and what it is missing for."""
    server.reply = Reply.json(failure(403, "denied"))
    error = failing(client, CALLS[1][1])
    assert isinstance(error, PermissionDeniedError)
    assert error.action == "edas:ManageApplication"
    assert f"application {APP}" in str(error)


def test_the_gateway_knows_the_missing_action_best(server: RawServer, client: SdkClient) -> None:
    """When the gateway names the action, it is that one that is shown."""
    body = failure("Forbidden.RAM") | {"AccessDeniedDetail": {"AuthAction": "edas:ReadCluster"}}
    server.reply = Reply.json(body, status=403)
    error = failing(client, CALLS[0][1])
    assert isinstance(error, PermissionDeniedError)
    assert error.action == "edas:ReadCluster"


@pytest.mark.parametrize(("operation", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_reset_is_ambiguous(
    server: RawServer, client: SdkClient, operation: str, call: Callable[[SdkClient], object]
) -> None:
    """A connection that breaks after the call was sent says nothing about the call, and nothing is repeated."""
    server.reply = Reply(reset=True)
    error = failing(client, call)
    assert type(error) is UnavailableError
    assert error.operation == operation
    assert len(server.received) == 1


@pytest.mark.parametrize(("operation", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_silence_is_ambiguous(
    server: RawServer, client: SdkClient, operation: str, call: Callable[[SdkClient], object]
) -> None:
    """A call that is not answered in time says nothing about the call, and nothing is repeated."""
    server.reply = Reply(hang=True)
    error = failing(client, call)
    assert type(error) is UnavailableError
    assert "in time" in error.message
    assert error.operation == operation
    assert len(server.received) == 1


def test_cut_body_is_ambiguous(server: RawServer, client: SdkClient) -> None:
    """An answer that ends early is no answer."""
    server.reply = Reply(200, b'{"Code": 200', announced=100)
    assert isinstance(failing(client, CALLS[0][1]), UnavailableError)


def test_refused_connection_is_not_sent() -> None:
    """Nobody listens: the call was surely not executed."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        error = failing(SdkClient(region_id="r", endpoint=url, environ=KEYS), CALLS[1][1])
    assert type(error) is NotSentError
    assert "refused" in error.message


def test_unknown_host_is_not_sent() -> None:
    """A name that cannot be resolved: the call was surely not executed, and the endpoint is named."""
    # An IPv6 zone that does not exist fails to resolve without asking a name server.
    client = SdkClient(region_id="r", endpoint="http://[fe80::1%25nosuch]:8080", environ=KEYS)
    error = failing(client, CALLS[1][1])
    assert type(error) is EndpointError
    assert "[fe80::1%25nosuch]:8080" in error.message


def test_an_earlier_refusal_does_not_excuse_a_reset(server: RawServer, client: SdkClient) -> None:
    """What the caller was handling before does not make an ambiguous call look unsent."""
    server.reply = Reply(reset=True)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()
        try:
            socket.create_connection(address)
        except ConnectionRefusedError:
            error = failing(client, CALLS[1][1])
    assert type(error) is UnavailableError


@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirection_is_not_followed(server: RawServer, client: SdkClient, status: int) -> None:
    """A signed call is never sent on to another address."""
    server.reply = Reply(status, b"", {"Location": f"{server.url}/elsewhere"})
    assert type(failing(client, CALLS[1][1])) is NotUnderstoodError
    assert len(server.received) == 1


def test_tls_to_a_plain_server_is_an_error(server: RawServer) -> None:
    """An endpoint that does not speak TLS is an error, not a hang."""
    url = server.url.replace("http:", "https:")
    error = failing(SdkClient(region_id="r", endpoint=url, environ=KEYS, call_timeout=1), CALLS[0][1])
    assert isinstance(error, UnavailableError)


def test_a_good_answer_after_a_bad_one(server: RawServer, client: SdkClient) -> None:
    """A failed call leaves nothing behind that would spoil the next one."""
    server.reply = Reply(502, b"<html>")
    failing(client, CALLS[1][1])
    server.reply = Reply.json({"Code": 200, "ChangeOrderId": "order"})
    assert client.submit_scale_out(APP, "group", ["ecu"]) == "order"
