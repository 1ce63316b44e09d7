"""The real front ends before a core whose time runs faster, for processes that the tests start.

The law of this file: nothing is changed but the pace of time.  A failure that EDAS must repeat for fifteen seconds
is then believed within a second, and one example takes some seconds instead of a minute.

    python -m pulumi.dynamic                     with a reference to ``HastyDynamic``: the dynamic front end
    python -m tests.contract.equivalence.hasty   the plugin
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale import dynamic, plugin
from pulumi_edas_scale.domain.clock import ThreadRuntime
from pulumi_edas_scale.edas.sdk import import_sdk
from pulumi_edas_scale.operations.service import Service

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.settings import Settings

PACE = 15.0
"""Seconds of the core in one second of the clock. A preview has 25 of them: a call on a busy machine must need less."""


class HastyRuntime(ThreadRuntime):
    """Threads as they are, before a clock that runs faster."""

    def now(self) -> float:
        """Return seconds on the faster clock."""
        return super().now() * PACE

    def wait(self, seconds: float) -> None:
        """Wait for seconds of the faster clock."""
        super().wait(seconds / PACE)


def make_provider(settings: Settings, host: Any) -> Service:  # noqa: ANN401  # the host of any front end
    """Return the core of a front end; the SDK is imported before its clock runs, which would take its whole time."""
    import_sdk()
    return Service(settings, host, runtime=HastyRuntime())


class HastyDynamic(dynamic.Provider):
    """The dynamic front end.

    Args:
        run: which run of the engine uses it.  Another number is another reference, and so another core in the same
            host: what a new process is, without its start.
    """

    def __init__(self, run: int) -> None:
        self.run = run

    def _make_operations(self, settings: Settings, host: Any) -> Service:  # noqa: ANN401  # as above
        return make_provider(settings, host)


def main() -> None:
    """Be the plugin."""
    from pulumi_edas_scale.hosts import plugin as plugin_service  # noqa: PLC0415  # as the plugin imports it

    plugin_service.Plugin = partial(plugin_service.Plugin, make_provider=make_provider)  # type: ignore[assignment,misc]
    plugin.main()


if __name__ == "__main__":
    main()
