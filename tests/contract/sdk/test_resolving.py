"""A resolver that does not answer costs some seconds, and says that nothing was sent (S88)."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import OperationContext, ThreadRuntime
from pulumi_edas_scale.domain.errors import EndpointError
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.edas.reads import Reads
from tests.contract.sdk.conftest import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Names that are never resolved; the hosts that were asked for."""
    over = threading.Event()
    asked: list[object] = []

    def resolve(host: object, *_: object, **__: object) -> list[object]:
        asked.append(host)
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        yield asked
        over.set()


def test_s88_a_resolver_that_hangs_ends_a_refresh(silent_resolver: list[object]) -> None:
    """S88: one try is enough for a refresh, which ends below ten seconds with the cause."""
    runtime = ThreadRuntime()
    client = SdkClient(region_id="r", endpoint="https://edas.test", environ=KEYS)
    with pytest.raises(EndpointError) as caught:
        Reads(client, runtime).application(
            "app", OperationContext(runtime, retry_timeout=20.0), begun_after=0.0
        )
    assert "the name of the endpoint cannot be resolved, nothing was sent" in str(caught.value)
    assert "edas.test: no answer within 5 s" in str(caught.value)
    assert silent_resolver == ["edas.test"]


def test_s88_a_write_that_hangs_in_the_resolver_was_not_sent(silent_resolver: list[object]) -> None:
    """S88: nobody has to look for an order afterwards."""
    client = SdkClient(region_id="r", endpoint="https://edas.test", environ=KEYS)
    with pytest.raises(EndpointError, match="nothing was sent"):
        client.submit_scale_out("app", "group", ["ecu"])
    assert silent_resolver == ["edas.test"]
