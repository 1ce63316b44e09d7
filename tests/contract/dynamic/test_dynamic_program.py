"""What a program sees of the resource, with Pulumi's own mocks in place of the engine."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi.runtime import mocks, rpc, settings

from pulumi_edas_scale import DeployGroupMembership, Member, dynamic
from pulumi_edas_scale.domain.fields import PROPERTIES
from tests.contract.dynamic.host_process import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Pulumi's mocks make an event loop in each of their threads and leave it to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MEMBER = {
    "ecuId": "e-1",
    "instanceId": "i-a",
    "eccId": "c-1",
    "ip": "10.0.0.1",
    "state": "running",
    "joined": True,
}
DERIVED = {
    "members": [MEMBER],
    "foreignMembers": [],
    "runningCount": 1.0,
    "groupName": "web",
    "clusterId": "k-1",
    "changeOrderIds": ["o-1"],
    "minRunning": 1.0,
    "regionId": "cn-hangzhou",
}


class Engine(mocks.Mocks):
    """Pulumi's mock of the engine; remembers what is registered and answers as the host would."""

    def __init__(self) -> None:
        self.registered: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Answer with the inputs and what the provider adds."""
        self.registered.append(args)
        return args.resource_id or "cn-hangzhou/app/group", {**args.inputs, **DERIVED}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer nothing: no function of the engine is used."""
        raise NotImplementedError(args.token)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Return an engine in whose place programs run."""
    before = settings.SETTINGS
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    engine = Engine()
    mocks.set_mocks(engine, project="shop", stack="dev", preview=False)
    yield engine
    settings.configure(before)
    # A thread keeps its loop for as long as it lives, and `close` does not wait for threads: without this a loop
    # would be found in a later test, where the filter above does not hold.
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close()
    gc.collect()


def run(program: Callable[[], object]) -> None:
    """Run a program to its end, as the language host does."""
    as_a_test: Any = pulumi.runtime.test
    as_a_test(program)()


def membership(name: str = "web", **more: Any) -> DeployGroupMembership:  # noqa: ANN401
    """Return a membership with the least arguments."""
    return DeployGroupMembership(
        name, **{"app_id": "app", "group_id": "group", "instance_ids": ["i-a"], **more}
    )


def test_the_engine_gets_camel_case_and_no_outputs(engine: Engine) -> None:
    """Arguments are registered under the names of the schema, absent ones and outputs not at all."""
    run(lambda: membership(min_running=2, wait_for="order"))
    [args] = [each for each in engine.registered if each.name == "web"]
    assert args.typ == "pulumi-python:dynamic/edas-scale:DeployGroupMembership"
    assert args.inputs == {
        "__provider": reference(dynamic.Provider()),
        "appId": "app",
        "groupId": "group",
        "instanceIds": ["i-a"],
        "minRunning": 2.0,
        "waitFor": "order",
    }


def test_outputs_are_typed_attributes(engine: Engine) -> None:
    """Outputs are attributes in snake_case, integers are int, and members have attributes of their own."""
    seen: dict[str, Any] = {}

    def program() -> object:
        web = membership()
        waiting = []
        for name in ("members", "foreign_members", "running_count", "group_name", "max_removals"):
            output: pulumi.Output[object] = getattr(web, name)
            waiting.append(output.apply(functools.partial(seen.__setitem__, name)))
        return pulumi.Output.all(*waiting)

    run(program)
    assert engine.registered
    [member] = seen["members"]
    assert isinstance(member, Member)
    assert (member.ecu_id, member.instance_id, member.ecc_id, member.ip) == ("e-1", "i-a", "c-1", "10.0.0.1")
    assert (member.state, member.joined) == ("running", True)
    assert (seen["running_count"], type(seen["running_count"])) == (1, int)
    assert (seen["foreign_members"], seen["group_name"]) == ([], "web")
    assert seen["max_removals"] is None


def test_members_can_be_exported(engine: Engine) -> None:
    """Members are plain data for Pulumi: a program may export them or give them to another resource."""
    members: list[Any] = []

    def program() -> object:
        return membership().members.apply(members.extend)

    run(program)
    assert engine.registered
    exported = asyncio.run(rpc.serialize_property(members, [], "members"))
    assert json.loads(json.dumps(exported))[0]["ecu_id"] == "e-1"


def test_the_same_arguments_twice(engine: Engine) -> None:
    """A program may make several memberships from the same arguments, also inside a component."""
    arguments = {"app_id": "app", "group_id": "group", "instance_ids": ["i-a"]}

    class Shop(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("shop:index:Shop", name)
            self.web = membership(f"{name}-web", **arguments, opts=pulumi.ResourceOptions(parent=self))

    def program() -> object:
        membership("one", **arguments)
        membership("two", **arguments)
        return Shop("shop").web.urn

    run(program)
    names = {each.name for each in engine.registered}
    assert {"one", "two", "shop-web"} <= names
    assert "__provider" not in arguments


def test_options_name_properties_as_the_program_does(engine: Engine) -> None:
    """Options that name properties take Python's names, with a path behind them, and the schema's."""
    web: list[DeployGroupMembership] = []
    run(lambda: web.append(membership()))
    assert engine.registered
    translated = [
        web[0].translate_input_property(name) for name in ("instance_ids", "ecu_ids[0]", "minRunning")
    ]
    assert translated == ["instanceIds", "ecuIds[0]", "minRunning"]
    assert web[0].translate_output_property("foreignMembers") == "foreign_members"


def test_get_reads_by_id(engine: Engine) -> None:
    """A membership that exists can be read by its id alone."""
    seen: list[int] = []

    def program() -> object:
        web = DeployGroupMembership.get("web", "cn-hangzhou/app/group")
        return web.running_count.apply(seen.append)

    run(program)
    [args] = [each for each in engine.registered if each.name == "web"]
    assert (args.resource_id, seen) == ("cn-hangzhou/app/group", [1])


def test_defaults_in_words_are_those_of_the_table() -> None:
    """The docstring states the defaults that hold."""
    words = " ".join((inspect.getdoc(DeployGroupMembership.__init__) or "").split())
    for row in PROPERTIES:
        if isinstance(row.default, (int, float)) and not isinstance(row.default, bool):
            description = words.split(f" {row.snake}: ")[1].split(": ")[0]
            assert f"y default {row.default}" in description, row.name


HEAVY = (
    "alibabacloud_",
    "Tea",
    "aiohttp",
    "darabonba",
    "grpc.aio",
    "pulumi_edas_scale.dynamic_",
    "pulumi_edas_scale.domain.model",
    "pulumi_edas_scale.operations.service",
)


EVERYTHING = "pulumi_edas_scale.DeployGroupMembership; pulumi_edas_scale.get_deploy_group"


@pytest.mark.parametrize("use", ["", EVERYTHING])
def test_a_program_imports_little(use: str) -> None:
    """Neither the import of the package nor that of the resource brings in anything heavy."""
    code = (
        "import pulumi, sys; before = set(sys.modules)\n"
        f"import pulumi_edas_scale; {use}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert [module for module in output.split() if module.startswith(HEAVY)] == []
    if not use:
        assert output.split() == ["pulumi_edas_scale", "pulumi_edas_scale.version"]


def test_unknown_names_are_attribute_errors() -> None:
    """The lazy package answers for names it does not have as any module does."""
    import pulumi_edas_scale  # noqa: PLC0415

    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = pulumi_edas_scale.Nonsense
    assert set(pulumi_edas_scale.__all__) <= set(dir(pulumi_edas_scale))
