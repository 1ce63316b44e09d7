"""The real provider in the real host process, against a server that shows what arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from pulumi_edas_scale.dynamic import Provider
from tests.contract.dynamic.host_process import URN, HostProcess, reference, struct
from tests.contract.sdk.endings import failure
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "3616cdca-4f92-4413-b02f-a3a5b31a4f0b"
GROUP = "4f1fb6f5-9b5f-4f2b-a6ab-1f1b7e0d9c55"
KEY_NAMES = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALICLOUD_ACCESS_KEY",
    "ALIBABA_CLOUD_PROFILE",
    "ALICLOUD_PROFILE",
)
NO_KEYS = dict.fromkeys(KEY_NAMES, "") | {
    "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
    "HOME": "/nowhere",
}


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A server that refuses every call of EDAS."""
    with RawServer() as running:
        running.reply = Reply.json(failure("Forbidden.RAM", "no"), status=403)
        yield running


def read(host: HostProcess) -> str:
    """Refresh a membership; return why that failed."""
    request = provider_pb2.ReadRequest(
        id=f"cn-hangzhou/{APP}/{GROUP}",
        urn=URN,
        properties=struct({"__provider": reference(Provider()), "appId": APP, "groupId": GROUP}),
    )
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Read(request, timeout=60)
    return str(caught.value)


def test_s92_the_keys_of_the_stack_sign(server: RawServer) -> None:
    """S92: with alicloud:accessKey in the stack its account is asked, not that of the shell."""
    shell = {"ALICLOUD_ACCESS_KEY": "key-of-shell", "ALICLOUD_SECRET_KEY": "secret-of-shell"}
    config = {
        "edas-scale:endpoint": server.url,
        "alicloud:accessKey": "key-of-stack",
        "alicloud:secretKey": "canary-secret-of-stack",
    }
    host = HostProcess(None, config, NO_KEYS | shell)
    try:
        said = read(host)
    finally:
        host.kill()
    assert "Credential=key-of-stack," in server.received[0].headers["authorization"]
    assert "canary" not in said


def test_s89_a_half_set_variable_is_named_by_the_host(server: RawServer) -> None:
    """S89: the cause of unusable credentials reaches the user of the dynamic provider."""
    host = HostProcess(None, {"edas-scale:endpoint": server.url}, NO_KEYS | {"ALICLOUD_ACCESS_KEY": "half"})
    try:
        said = read(host)
    finally:
        host.kill()
    assert "ALICLOUD_ACCESS_KEY is set, but ALICLOUD_SECRET_KEY is not" in said
    assert server.received == []
