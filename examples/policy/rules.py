"""What a membership in production must state, as plain functions: from its inputs to what is wrong with them.

This file's law: it knows nothing of Pulumi, so that a test calls it as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEMBERSHIPS = frozenset(
    {
        "edas-scale:index:DeployGroupMembership",
        "pulumi-python:dynamic/edas-scale:DeployGroupMembership",
    }
)
"""Both front ends."""


def floor_is_missing(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a membership may empty its group by accident."""
    if inputs.get("minRunning", 1) < 1:
        yield (
            "minRunning is 0, so one wrong list may stop the last running member of the group. Set minRunning to "
            "how many members production needs, at least 1."
        )


def limit_is_missing(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a membership may remove any number of members in one run."""
    if inputs.get("maxRemovals") is None:
        yield (
            "maxRemovals is not set, so one run may remove any number of members. Set it to the most that a run of "
            "yours is meant to remove."
        )


def floor_is_too_low(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield why losing the floor would hurt more than half of the group."""
    listed = len(inputs.get("instanceIds") or ()) + len(inputs.get("ecuIds") or ())
    floor = inputs.get("minRunning", 1)
    if listed > 2 * floor:
        yield (
            f"minRunning is {floor:.0f} of {listed} listed members: a change may leave less than half of them running."
        )


def is_production(stack: str) -> bool:
    """Return whether the rules hold for a stack."""
    return stack in {"prod", "production"} or stack.startswith(("prod-", "production-"))
