from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi._types import is_output_type, output_type_types, resource_types

import pulumi_edas_scale.functions
from pulumi_edas_scale import dynamic, native
from pulumi_edas_scale.domain.fields import OUTPUTS, PROPERTIES, snake_case
from pulumi_edas_scale.domain.settings import SETTINGS
from pulumi_edas_scale.surface import MembershipSurface

if TYPE_CHECKING:
    from types import ModuleType

SCHEMA = json.loads((Path(__file__).parents[3] / "schema.json").read_text())

RESULTS = [name for name in pulumi_edas_scale.__all__ if is_output_type(getattr(pulumi_edas_scale, name))]
FUNCTIONS = [name for name in native.__all__ if name.startswith("get_")]


@pytest.mark.parametrize("front_end", [dynamic, native], ids=["dynamic", "native"])
def test_a_front_end_shows_every_input_and_output(front_end: ModuleType) -> None:
    """Both front ends take each input as a documented argument, and have a typed attribute for each property."""
    resource = front_end.DeployGroupMembership
    arguments = set(inspect.signature(resource).parameters) - {"resource_name", "opts"}
    assert arguments == {row.snake for row in PROPERTIES}
    words = inspect.getdoc(resource.__init__) or ""
    assert [name for name in arguments if f"\n    {name}: " not in words] == []

    properties = SCHEMA["resources"]["edas-scale:index:DeployGroupMembership"]["properties"]
    assert list(properties) == [*(row.name for row in PROPERTIES), *OUTPUTS]
    assert resource_types(resource) == {name: python_type(spec) for name, spec in properties.items()}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_has_the_fields_of_the_schema(name: str) -> None:
    """The classes of members, groups, machines and results have each field of the schema, typed."""
    function = f"edas-scale:index:g{name.removeprefix('G').removesuffix('Result')}"
    spec = (
        SCHEMA["functions"][function]["outputs"]
        if name.endswith("Result")
        else SCHEMA["types"][f"edas-scale:index:{name}"]
    )
    expected = {field: python_type(each) for field, each in spec["properties"].items()}
    assert output_type_types(getattr(pulumi_edas_scale, name)) == expected


def python_type(spec: dict[str, Any]) -> Any:  # noqa: ANN401  # a type
    """Return the type of a field that the schema describes; an enum is a plain string."""
    if "$ref" in spec:
        name = spec["$ref"].rpartition(":")[2]
        return getattr(pulumi_edas_scale, name) if name in RESULTS else str
    if spec["type"] == "array":
        return Sequence[python_type(spec["items"])]  # type: ignore[misc]  # made at run time
    return {"string": str, "boolean": bool, "integer": int, "number": float}[spec["type"]]


def test_an_output_may_be_none_where_the_schema_does_not_require_it() -> None:
    """Type checkers ask for a check of None exactly where a program can meet it."""
    resource = SCHEMA["resources"]["edas-scale:index:DeployGroupMembership"]
    optional = {snake_case(name) for name in resource["properties"].keys() - resource["required"]}
    annotations = inspect.get_annotations(MembershipSurface)
    assert {name for name, hint in annotations.items() if "None" in hint} == optional


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
