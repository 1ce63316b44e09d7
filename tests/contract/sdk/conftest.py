"""A raw server, and a client with invented keys that speaks to it through the installed SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.edas.client import SdkClient
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-invented-key",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "invented-secret-0123456789",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "invented-token-0123456789",
}


@pytest.fixture(scope="session")
def shared_server() -> Iterator[RawServer]:
    """One server for all tests: the SDK prepares TLS for every new port, which takes longer than a test."""
    with RawServer() as server:
        yield server


@pytest.fixture
def server(shared_server: RawServer) -> Iterator[RawServer]:
    """A server that answers what the test puts into ``reply``."""
    shared_server.reply = Reply()
    shared_server.first.clear()
    shared_server.received.clear()
    shared_server.released.clear()
    yield shared_server
    shared_server.released.set()


@pytest.fixture
def client(server: RawServer) -> SdkClient:
    """A client of that server that gives up after half a second."""
    return SdkClient(region_id="cn-hangzhou", endpoint=server.url, environ=KEYS, call_timeout=0.5)
