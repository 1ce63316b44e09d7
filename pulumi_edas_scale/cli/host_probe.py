"""What runs inside a host of Pulumi's dynamic providers to find out what ``hosts/dynamic_process.py`` can do there.

This file's law: it asks no cloud and no engine. The host takes any object that answers ``configure`` and
``check`` for a provider, so this one needs nothing of Pulumi's; it is loaded by reference, as the front end is.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

URN: Final = "urn:pulumi:probe::probe::pulumi-python:dynamic/edas-scale:Probe::probe"

ADDRESS: Final = "127.0.0.1:9"
"""Stands for the engine's address; nobody connects to it."""

FAIL: Final = "fail"
"""The input that asks for a failure with state."""

MESSAGE: Final = "probe"


@dataclass
class Probe:
    """A provider whose answer to check says what it can see of its host."""

    seen: dict[str, object] = field(default_factory=dict)

    def configure(self, req: object) -> None:
        """Take no settings."""

    def check(self, olds: Mapping[str, object], news: Mapping[str, object]) -> SimpleNamespace:
        """Return which tricks work, or fail as the front end fails."""
        from pulumi_edas_scale import dynamic  # noqa: PLC0415 - imported in the host only
        from pulumi_edas_scale.domain.codes import Message  # noqa: PLC0415 - as above
        from pulumi_edas_scale.domain.errors import PartialFailureError  # noqa: PLC0415 - imported in the host only
        from pulumi_edas_scale.hosts import dynamic_process as dynamic_host  # noqa: PLC0415 - as above
        from pulumi_edas_scale.hosts.engine import failure_status  # noqa: PLC0415 - as above
        from pulumi_edas_scale.hosts.wire import render_properties  # noqa: PLC0415 - as above

        del olds
        call = dynamic_host.current_call()
        if news.get(FAIL):
            error = PartialFailureError(Message("", MESSAGE), id="probe", inputs={}, outputs={})
            raise dynamic_host.failure(call, failure_status(error, render_properties)) from None
        found = {
            "front_end": hasattr(dynamic, "Provider"),
            "call": call.urn == URN and call.context is not None,
            "address": dynamic_host.engine_address(sys.argv) == ADDRESS,
            "pool": dynamic_host.widen_pool(),
            "interrupt": dynamic_host.before_threads_are_joined(lambda: None),
        }
        return SimpleNamespace(inputs={**news, **found}, failures=[])
