from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict, ParseDict

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.hosts.protocol import provider_pb2
from tests.contract.plugin.harness import WAIT, RunningPlugin
from tests.contract.plugin.record_life import LIFE

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS: list[dict[str, Any]] = json.loads(LIFE.read_text())


@pytest.fixture
def edas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Give an EDAS as it was when the life was recorded."""
    with Emulator(order_duration="immediate") as emulator:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        yield emulator


def request_of(method: str, fields: dict[str, Any]) -> Any:  # noqa: ANN401  # protobuf's types are generated
    """Return the message of a recorded request; what this SDK does not know yet is left out."""
    if method == "Cancel":
        return empty_pb2.Empty()
    name = {"CheckConfig": "Check", "DiffConfig": "Diff"}.get(method, method)
    message = getattr(provider_pb2, f"{name}Request")()
    return ParseDict(fields, message, ignore_unknown_fields=True)


def test_the_engine_gets_the_recorded_answers(edas: Emulator) -> None:
    """What the real engine asked in one life of a membership is answered as it was, and with the same orders."""
    with RunningPlugin().running() as plugin:
        for step in STEPS:
            if "action" in step:
                edas.action(**step["action"])
            edas.clear_log()
            for call in step["calls"]:
                request = request_of(call["method"], call["request"])
                answer = getattr(plugin.stub, call["method"])(request, timeout=WAIT)
                assert MessageToDict(answer) == call["response"], (step["command"], call["method"])
            orders = [
                [entry["operation"], entry["params"].get("EcuInfo") or entry["params"].get("EccInfo")]
                for entry in edas.log()
                if entry["operation"] in {"ScaleOutApplication", "ScaleInApplication"}
            ]
            assert orders == step["orders"], step["command"]


def test_the_life_has_everything() -> None:
    """The recording holds every method that a life can need."""
    methods = {call["method"] for step in STEPS for call in step["calls"]}
    assert methods == {
        *("CheckConfig", "DiffConfig", "Configure", "Invoke", "Check", "Diff"),
        *("Create", "Read", "Update", "Delete", "Cancel"),
    }
