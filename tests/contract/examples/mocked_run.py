"""Run a Pulumi program under Pulumi's mocks, with its memberships made for real in an emulated EDAS.

Run as a program: the program's file, its configuration as JSON. What pulumi_alicloud would make appears in the
emulator by its control API; a membership goes through the real dynamic provider and the real SDK. Prints what was
registered and what came of it, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
from typing import Any

from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config
from pulumi.runtime import mocks, stack
from pulumi.runtime.config import set_all_config

from pulumi_edas_scale import dynamic
from pulumi_edas_scale.emulator import Emulator

PROJECT = "shop"
WORLD = {
    "region": "cn-hangzhou",
    "accessKeys": [{"id": "LTAI5tMockedAccessKey", "secret": "mocked-secret"}],
    "clusters": [{"id": "cluster-1", "name": "ecs", "type": 2}],
    "switches": {"order_duration": "immediate"},
}


class Cloud(mocks.Mocks):
    """Answers as pulumi_alicloud's plugin would, and lets the emulator see what comes of it."""

    def __init__(self, edas: Emulator) -> None:
        self._edas = edas
        self._provider = dynamic.Provider()
        self._provider.configure(ConfigureRequest(Config({}, PROJECT)))
        self.registered: list[dict[str, Any]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Make a resource."""
        self.registered.append({"type": args.typ, "name": args.name})
        if args.typ.endswith(":DeployGroupMembership"):
            return self._membership(args.inputs)
        kind = args.typ.rpartition(":")[2]
        make = getattr(self, f"_make_{kind}", None)
        return (make(args) if make is not None else f"{kind.lower()}-{args.name}"), args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer a function: there are three zones."""
        if args.token != "alicloud:index/getZones:getZones":
            raise NotImplementedError(args.token)
        return {"zones": [{"id": f"cn-hangzhou-{letter}"} for letter in "hij"]}, []

    def _membership(self, inputs: dict[str, Any]) -> tuple[str | None, dict[Any, Any]]:
        checked = self._provider.check({}, inputs)
        if checked.failures:
            raise ValueError([failure.reason for failure in checked.failures])
        created = self._provider.create(checked.inputs)
        return created.id, created.outs or {}

    @staticmethod
    def _make_Instance(args: mocks.MockResourceArgs) -> str:  # noqa: N802  # by the resource's name
        return f"i-{args.name.replace('-', '')}"

    @staticmethod
    def _make_Cluster(_args: mocks.MockResourceArgs) -> str:  # noqa: N802
        return "cluster-1"

    def _make_Application(self, args: mocks.MockResourceArgs) -> str:  # noqa: N802
        given = {"name": args.inputs["applicationName"], "cluster": "ecs", "groups": [{"name": "web"}]}
        return str(self._edas.action("create_application", application=given)["id"])

    def _make_DeployGroup(self, args: mocks.MockResourceArgs) -> str:  # noqa: N802
        [application] = self._edas.state()["applications"]
        [group] = [each for each in application["groups"] if each["name"] == args.inputs["groupName"]]
        return f"{application['id']}:{group['name']}:{group['id']}"

    def _make_InstanceClusterAttachment(self, args: mocks.MockResourceArgs) -> str:  # noqa: N802
        for instance in args.inputs["instanceIds"]:
            self._edas.action("import", instance=instance, cluster="ecs")
        return f"{args.inputs['clusterId']}:{','.join(args.inputs['instanceIds'])}"


def run(program: str, cloud: Cloud) -> None:
    """Run a program to its end, as the language host does."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the mocks make the stack in it, before the program runs
    mocks.set_mocks(cloud, project=PROJECT, stack="dev", preview=False)

    def execute() -> None:
        runpy.run_path(program)

    loop.run_until_complete(stack.run_pulumi_func(execute))


def main() -> None:
    """Run the program of the command line."""
    program, config = sys.argv[1:]
    with Emulator(WORLD) as edas:
        os.environ.update(edas.environment())
        set_all_config(json.loads(config))
        cloud = Cloud(edas)
        run(program, cloud)
        result = {
            "registered": cloud.registered,
            "members": [each["instanceId"] for each in edas.members("web")],
            "orders": [
                (order["kind"], len(order["instances"]))
                for order in edas.orders(edas.state()["applications"][0]["id"])
            ],
        }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
