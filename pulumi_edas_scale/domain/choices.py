"""The inputs and settings that take one of a few words, and what each word means.

This file's law: the words are those of the enums of ``schema.json``, in the same order. Programs import these
classes, so nothing else is imported here. Wherever one of them is taken, the plain word is taken as well.
"""

from __future__ import annotations

import enum


class WaitFor(str, enum.Enum):
    """When a joined member counts as done."""

    RUNNING = "running"
    """The change order has succeeded and the member runs."""
    ORDER = "order"
    """The change order has succeeded."""


class ForceScaleIn(str, enum.Enum):
    """Which members may be removed by force."""

    NEVER = "never"
    """No member is removed by force."""
    OFFLINE = "offline"
    """Members whose EDAS agent is offline are removed with ``ForceStatus=true``, verified by a reading."""


class OnDelete(str, enum.Enum):
    """What a delete does with the managed members."""

    SCALE_IN = "scaleIn"
    """The managed members are scaled in."""
    RETAIN = "retain"
    """The managed members stay in the group, and no change order is sent."""


class OnCancel(str, enum.Enum):
    """What Cancel does with a change order in flight."""

    DETACH = "detach"
    """The change order goes on, and the next update waits for it to end."""
    ABORT = "abort"
    """The change order is aborted if the cancelled operation submitted it; what it has changed stays changed."""


class Network(str, enum.Enum):
    """Which address of a region is used."""

    PUBLIC = "public"
    """The address on the internet."""
    VPC = "vpc"
    """The address inside the VPCs of the region."""
