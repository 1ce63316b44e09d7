"""The emulator inside a test: a context manager that serves over HTTP and is controlled by method calls.

The law of this file: every method takes the lock of the host, so it may be called from any thread while
requests are being answered.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator import control, views
from pulumi_edas_scale.emulator.server import Host, ThreadedServer, wall_clock
from pulumi_edas_scale.emulator.world import progress
from pulumi_edas_scale.emulator.world.state import World
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD, build_world

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

Json = dict[str, Any]


class Emulator:
    """An EDAS on the loopback, for the length of a `with` block.

    Args:
        world: a world in the format of a world file, or a built `World`; None is the built-in one.
        host: address to listen on; the loopback unless you mean it.
        port: 0 takes a free one.
        clock: seconds since the epoch; never runs backwards.
        switches: switches that overrule those of the world.
    """

    def __init__(
        self,
        world: Mapping[str, Any] | World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = wall_clock,
        **switches: Any,  # noqa: ANN401 - every switch has a type of its own
    ) -> None:
        """Build the world; nothing is bound before `start` or the `with` block."""
        if isinstance(world, World):
            world.switches.update(switches)
            built = world
        else:
            built = build_world(BUILT_IN_WORLD if world is None else world, switches)
        self.host = Host(built, clock)
        self._server = ThreadedServer(self.host, host, port)

    def start(self) -> Self:
        """Bind and serve; return self."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving; paused calls are let go."""
        self._server.stop()

    def __enter__(self) -> Self:
        """Serve."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:41234`."""
        return self._server.url

    @property
    def world(self) -> World:
        """The world itself; hold `host.lock` while you touch it."""
        return self.host.world

    def environment(self) -> dict[str, str]:
        """Return the variables that point a program at this emulator."""
        variables = {"ALIBABA_CLOUD_ENDPOINT_EDAS": self.url, "ALIBABA_CLOUD_REGION_ID": self.world.region}
        keys = sorted(self.world.access_keys.values(), key=lambda key: key.security_token is not None)
        for key in keys[:1]:  # the first that needs no token, if there is one
            variables["ALIBABA_CLOUD_ACCESS_KEY_ID"] = key.id
            variables["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = key.secret
            if key.security_token is not None:
                variables["ALIBABA_CLOUD_SECURITY_TOKEN"] = key.security_token
        return variables

    # ---- looking ----

    def state(self) -> Json:
        """Return the whole world as JSON."""
        return self.host.snapshot()

    def log(self, operation: str | None = None) -> list[Json]:
        """Return the request log, oldest first; with an operation only its calls."""
        with self.host.lock:
            return [dict(entry) for entry in self.world.log if operation in (None, entry["operation"])]

    def clear_log(self) -> None:
        """Empty the request log."""
        with self.host.lock:
            self.world.log.clear()

    def members(self, group: str, application: str | None = None) -> list[Json]:
        """Return the true members of a group by its id or name, sorted by ECS id."""
        with self.host.lock:
            now = self.host.now()
            progress.advance(self.world, now)
            owner, found = control.find_group(self.world, group, application)
            return views.members_json(self.world, owner, found, now)

    def orders(self, application: str | None = None) -> list[Json]:
        """Return the change orders, oldest first; with an application by id or name only its own."""
        with self.host.lock:
            progress.advance(self.world, self.host.now())
            wanted = control.find_application(self.world, application).id if application else None
            found = [order for order in self.world.orders.values() if wanted in (None, order.application_id)]
            return [views.order_json(order) for order in found]

    def running_minimum(self, group: str | None = None, application: str | None = None) -> Any:  # noqa: ANN401
        """Return the fewest running members of a group since the last reset, or the list for all groups."""
        with self.host.lock:
            minima = views.running_minimum(self.world, self.host.now())
            if group is None:
                return minima
            owner, found = control.find_group(self.world, group, application)
            return self.world.lowest_running(owner.id, found.id)

    def reset_running_minimum(self) -> None:
        """Let the running minimum of every group start over from now."""
        with self.host.lock:
            progress.advance(self.world, self.host.now())
            self.world.reset_lowest_running()

    def breaches(self) -> dict[str, int]:
        """Return how many calls of each operation were over its documented limit."""
        with self.host.lock:
            return dict(self.world.breaches)

    # ---- doing ----

    def action(self, name: str, **args: Any) -> Json:  # noqa: ANN401 - every action has arguments of its own
        """Do one action of the control API and return what it made or changed."""
        return self.host.act({"action": name, **args})

    def control(self, name: str, **args: Any) -> Json:  # noqa: ANN401 - the same as `action`
        """Do one action of the control API; the same as `action`."""
        return self.action(name, **args)

    def rule(self, **rule: Any) -> str:  # noqa: ANN401 - the keys of a rule
        """Add a fault rule and return its id."""
        with self.host.lock:
            return self.world.rules.add(rule).id

    def remove_rule(self, rule_id: str) -> bool:
        """Remove one rule; False when there is none of that id."""
        with self.host.lock:
            return self.world.rules.remove(rule_id)

    def rules(self) -> list[Json]:
        """Return all rules with the count of what they have met."""
        with self.host.lock:
            return self.world.rules.as_json()

    def clear_rules(self) -> None:
        """Remove all rules."""
        with self.host.lock:
            self.world.rules.clear()

    def switches(self, **values: Any) -> Json:  # noqa: ANN401 - every switch has a type of its own
        """Set switches and return all of them."""
        return self.host.set_switches(values)

    def replace_world(self, data: Mapping[str, Any] | None = None) -> None:
        """Start over with another world; None is the built-in one."""
        self.host.replace_world(BUILT_IN_WORLD if data is None else data)

    def resume(self) -> list[int]:
        """Let all paused calls go on and return their numbers in the log."""
        return self.host.resume()

    # ---- waiting ----

    def await_calls(self, operation: str, count: int = 1, timeout: float = 30.0) -> list[Json]:
        """Wait until an operation has been called `count` times since the log was cleared; return the calls.

        Raises:
            TimeoutError: that did not happen within `timeout` seconds.
        """
        self._await(
            lambda: sum(entry["operation"] == operation for entry in self.world.log) >= count, timeout
        )
        return self.log(operation)

    def await_paused(self, count: int = 1, timeout: float = 30.0) -> list[Json]:
        """Wait until `count` calls stand paused; return their lines of the log."""
        self._await(lambda: len(self.host.paused) >= count, timeout)
        with self.host.lock:
            return [dict(entry) for entry in self.host.paused.values()]

    def _await(self, condition: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self.host.changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"what was waited for did not happen within {timeout:g} seconds")
                self.host.changed.wait(left)
