"""What the emulator's request log and its change orders say about a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.e2e.world import BETA, SHOP

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator

WRITES = ("ScaleOutApplication", "ScaleInApplication", "AbortChangeOrder", "ContinuePipeline")


def orders(edas: Emulator, application: str = SHOP) -> list[tuple[str, list[str]]]:
    """Return the change orders made by API calls, oldest first: the kind and the ECS ids."""
    return [
        (order["kind"], sorted(each["instanceId"] for each in order["instances"]))
        for order in edas.orders(application)
        if order["source"] == "pop"
    ]


def calls(edas: Emulator) -> Counter[str]:
    """Return how often each operation was called since the log was cleared."""
    return Counter(entry["operation"] for entry in edas.log())


def writes(edas: Emulator) -> list[str]:
    """Return the calls that were to change something, by operation, whatever they were answered."""
    return [entry["operation"] for entry in edas.log() if entry["operation"] in WRITES]


def members(edas: Emulator, group: str = BETA, application: str = SHOP) -> list[str]:
    """Return the ECS ids of the true members of a group."""
    return [each["instanceId"] for each in edas.members(group, application)]


def running(edas: Emulator, group: str = BETA, application: str = SHOP) -> list[str]:
    """Return the ECS ids of the members that truly run."""
    return [each["instanceId"] for each in edas.members(group, application) if each["appState"] == 7]


def answers(edas: Emulator, operation: str) -> list[Any]:
    """Return the codes that the calls of an operation were answered with."""
    return [entry["code"] for entry in edas.log(operation)]
