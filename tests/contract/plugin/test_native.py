from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest

import pulumi_edas_scale.functions
from pulumi_edas_scale import dynamic, native
from pulumi_edas_scale.domain.fields import OUTPUTS, PROPERTIES, snake_case
from pulumi_edas_scale.domain.settings import SETTINGS

SCHEMA = json.loads((Path(__file__).parents[3] / "schema.json").read_text())

FUNCTIONS = [name for name in native.__all__ if name.startswith("get_")]


def test_both_front_ends_take_the_same_arguments() -> None:
    """A program changes front ends by changing its import."""
    assert inspect.signature(native.DeployGroupMembership.__init__) == inspect.signature(
        dynamic.DeployGroupMembership.__init__
    )
    assert inspect.signature(native.DeployGroupMembership.get) == inspect.signature(
        dynamic.DeployGroupMembership.get
    ).replace(return_annotation="DeployGroupMembership")


def test_both_front_ends_have_the_same_outputs() -> None:
    """Every output has the same name and type in both front ends, and there is one for each property."""
    ours = inspect.get_annotations(native.DeployGroupMembership)
    assert ours == inspect.get_annotations(dynamic.DeployGroupMembership)
    assert set(ours) == {snake_case(name) for name in (*(row.name for row in PROPERTIES), *OUTPUTS)}


def test_settings_are_arguments_of_the_provider() -> None:
    """Each setting is an argument, and there is no other."""
    parameters = inspect.signature(native.Provider.__init__).parameters
    assert set(parameters) - {"self", "resource_name", "opts"} == {row.snake for row in SETTINGS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_differ_only_by_their_provider(name: str) -> None:
    """The plugin's functions take what the package's own take, and which provider answers."""
    ours = inspect.signature(getattr(native, name))
    theirs = inspect.signature(getattr(pulumi_edas_scale.functions, name))
    assert [each for each in ours.parameters.values() if each.name != "opts"] == [*theirs.parameters.values()]
    assert ours.return_annotation == theirs.return_annotation


def test_every_function_of_the_schema_is_offered() -> None:
    """Each function can be called with plain values and with outputs."""
    expected = {snake_case(token.rpartition(":")[2]) for token in SCHEMA["functions"]}
    assert set(FUNCTIONS) == expected | {f"{name}_output" for name in expected}


PROGRAM = """
import json, pulumi
from pulumi_edas_scale import native

seen = []

class Monitor(pulumi.runtime.Mocks):
    def new_resource(self, args):
        seen.append([args.typ, args.name, args.inputs, args.provider])
        return args.name + "-id", {**args.inputs, "runningCount": 2, "members": [{"ecuId": "e", "instanceId": "i-a"}]}
    def call(self, args):
        seen.append([args.token, args.args])
        return {"appId": "app", "groupId": "group", "members": [{"ecuId": "e"}], "runningCount": 3}

pulumi.runtime.set_mocks(Monitor())

@pulumi.runtime.test
def program():
    west = native.Provider("west", region_id="cn-hangzhou", preview_reads=False)
    found = native.get_deploy_group("app", group_name="beta")
    later = native.get_deploy_group_output(pulumi.Output.from_input("app"), group_id="g")
    web = native.DeployGroupMembership(
        "web", pulumi.ResourceOptions(provider=west), app_id=found.app_id, group_id=found.group_id,
        instance_ids=["i-a"], min_running=2, wait_for="order",
    )
    def tell(values):
        print(json.dumps({"seen": seen, "values": values}))
    return pulumi.Output.all(
        web.running_count, web.members.apply(lambda all: all[0].instance_id), web.instance_ids, web.change_order_ids,
        later.apply(lambda group: group.members[0].ecu_id), later.running_count,
    ).apply(tell)

program()
"""


def test_a_program_speaks_the_names_of_the_schema() -> None:
    """Arguments become camelCase inputs of the schema's tokens, and outputs become snake_case attributes."""
    # Pulumi's mocks make a loop of their own, of which Python 3.12 and 3.13 warn.
    strict = ["-W", "error", "-W", "ignore:There is no current event loop:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *strict, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout)
    assert reported["values"] == [2, "i-a", ["i-a"], None, "e", 3]
    resources = {seen[0]: seen[1:] for seen in reported["seen"]}
    assert resources["pulumi:providers:edas-scale"][1] == {"regionId": "cn-hangzhou", "previewReads": "false"}
    name, inputs, provider = resources["edas-scale:index:DeployGroupMembership"]
    assert (name, inputs) == (
        "web",
        {"appId": "app", "groupId": "group", "instanceIds": ["i-a"], "minRunning": 2, "waitFor": "order"},
    )
    assert provider.endswith("::west-id") or "west" in provider
    assert resources["edas-scale:index:getDeployGroup"][0].items() <= {"appId": "app", "groupId": "g"}.items()
    assert set(resources) - {"pulumi:providers:edas-scale"} <= {*SCHEMA["resources"], *SCHEMA["functions"]}


def test_paths_of_options_are_translated() -> None:
    """``ignore_changes=["instance_ids[0]"]`` names what the schema calls instanceIds[0]."""
    web = native.DeployGroupMembership.__new__(native.DeployGroupMembership)
    assert web.translate_input_property("instance_ids[0]") == "instanceIds[0]"
    assert web.translate_input_property("appId") == "appId"
    assert web.translate_output_property("runningCount") == "running_count"
    assert isinstance(web, pulumi.CustomResource)
