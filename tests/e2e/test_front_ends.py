"""What only one front end can do, how a stack changes front ends, and programs that are no ordinary Python program."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e import orders
from tests.e2e.stack import COMMAND_TIMEOUT, FrontEnd, Stack, membership
from tests.e2e.world import BETA, REGION, SHOP

ABC = ["i-a", "i-b", "i-c"]
ID = f"{REGION}/{SHOP}/{BETA}"
NATIVE_ONLY = pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])
DYNAMIC_ONLY = pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])


def join(stack: Stack) -> None:
    """Have the members there before the stack knows of them."""
    for each in ABC:
        stack.edas.action("join", group=BETA, application=SHOP, instance=each)


@pytest.mark.scenario("S22")
@NATIVE_ONLY
def test_s22_import_takes_the_whole_group(stack: Stack) -> None:
    """``pulumi import`` records the members of the group, and the preview of a program that lists them is clean."""
    join(stack)
    stack.write()

    stack.run("import", FrontEnd.NATIVE.type_token, "web", ID, "--yes", "--generate-code=false")

    assert stack.members() == ABC
    assert stack.resource()["inputs"]["instanceIds"] == ABC
    stack.declare(ABC)
    stack.preview(expect_no_changes=True)
    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S22")
@NATIVE_ONLY
def test_s22_import_of_what_is_not_there_fails(stack: Stack) -> None:
    """An id that names no group is an error that says what an id is."""
    stack.write()

    result = stack.run(
        "import",
        FrontEnd.NATIVE.type_token,
        "web",
        f"{REGION}/{SHOP}/no-such-group",
        "--yes",
        fails=True,
    )

    result.must_say("There is nothing to import")
    assert stack.resources() == []


@pytest.mark.scenario("S22")
def test_s22_create_adopts_members_that_are_there(stack: Stack) -> None:
    """Listed instances that are members already are adopted without an order, and the preview says so."""
    join(stack)
    stack.declare(ABC)

    result = stack.up(preview=True)

    result.must_say("no change orders; adopt 3 existing members")
    assert orders.writes(stack.edas) == []
    assert stack.members() == ABC
    stack.preview(expect_no_changes=True)


@NATIVE_ONLY
def test_import_by_the_program(stack: Stack) -> None:
    """The resource option ``import_`` takes a group over whose members the program lists."""
    join(stack)
    stack.declare(ABC, opts=f"import_={ID!r}")

    stack.up(preview=True)

    assert orders.writes(stack.edas) == []
    stack.declare(ABC)
    stack.preview(expect_no_changes=True)


@pytest.mark.parametrize(
    "back", [FrontEnd.DYNAMIC, FrontEnd.NATIVE], ids=lambda front_end: f"to-{front_end.name.lower()}"
)
@NATIVE_ONLY
def test_changing_front_ends_needs_no_order(stack: Stack, back: FrontEnd) -> None:
    """Set onDelete retain, up, change the import, up, take retain back, up: no order and no gap."""
    old = FrontEnd.NATIVE if back is FrontEnd.DYNAMIC else FrontEnd.DYNAMIC
    stack.write(membership(instance_ids=ABC), front_end=old)
    stack.up()
    stack.edas.clear_log()
    stack.edas.reset_running_minimum()

    stack.write(membership(instance_ids=ABC, on_delete="retain"), front_end=old)
    stack.up()
    stack.write(membership(instance_ids=ABC, on_delete="retain"), front_end=back)
    stack.up(preview=True)
    stack.write(membership(instance_ids=ABC), front_end=back)
    stack.up()

    assert orders.writes(stack.edas) == []
    assert stack.edas.running_minimum(BETA, SHOP) == 3
    assert stack.resource()["type"] == back.type_token
    assert len(stack.resources()) == 1
    assert stack.members() == ABC
    stack.write(membership(instance_ids=ABC), front_end=back)
    stack.preview(expect_no_changes=True)


def test_get_reads_a_membership_that_is_not_managed(stack: Stack) -> None:
    """``DeployGroupMembership.get`` shows who is in a group, and a destroy leaves it alone."""
    join(stack)
    stack.write(
        f"web = DeployGroupMembership.get('web', {ID!r})",
        "pulumi.export('running', web.running_count)",
    )

    result = stack.up()

    result.must_say("running: 3")
    stack.destroy()
    assert orders.writes(stack.edas) == []
    assert orders.running(stack.edas) == ABC


def test_outputs_reach_the_program(stack: Stack) -> None:
    """What is true of the group is there for the rest of the program, under its Python names."""
    stack.edas.action("join", group=BETA, application=SHOP, instance="i-d")
    stack.write(
        membership(instance_ids=ABC),
        "pulumi.export('running', web.running_count)",
        "pulumi.export('group', web.group_name)",
        "pulumi.export('cluster', web.cluster_id)",
        "pulumi.export('first', web.members.apply(lambda all: all[0].ip))",
        "pulumi.export('others', web.foreign_members.apply(lambda all: [each.instance_id for each in all]))",
        "pulumi.export('floor', web.min_running)",
    )

    stack.up(preview=True)

    exported = json.loads(stack.run("stack", "output", "--json").output)
    assert exported["running"] == 4
    assert exported["group"] == "beta"
    assert exported["cluster"] == "cluster-ecs"
    assert exported["others"] == ["i-d"]
    assert exported["floor"] == 1
    assert exported["first"].startswith("10.0.0.")


@pytest.mark.scenario("S44")
def test_s44_in_an_inline_program(stack: Stack) -> None:
    """A program of the Automation API that has no project directory is a program like any other."""
    script = f"""
import pulumi
from pulumi import automation

from {stack.front_end.value} import DeployGroupMembership


def program():
    web = DeployGroupMembership("web", app_id={SHOP!r}, group_id={BETA!r}, instance_ids={ABC!r})
    pulumi.export("running", web.running_count)


stack = automation.create_or_select_stack("dev", project_name="shop", program=program)
print("RUNNING", stack.up().outputs["running"].value)
changes = stack.preview(expect_no_changes=True).change_summary
print("CLEAN", {{str(kind): count for kind, count in changes.items()}})
stack.destroy()
"""
    file = stack.program / "inline.py"
    file.write_text(script)
    done = subprocess.run(
        [sys.executable, file],
        cwd=stack.directory,
        env=stack.variables(),
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "RUNNING 3" in done.stdout
    assert "CLEAN {'same'" in done.stdout
    assert orders.orders(stack.edas) == [("scale_out", ABC), ("scale_in", ABC)]


@NATIVE_ONLY
def test_a_yaml_program_needs_no_sdk(stack: Stack) -> None:
    """A program in YAML finds group and application by name and manages the membership."""
    project = json.loads((stack.program / "Pulumi.yaml").read_text())
    project["runtime"] = "yaml"
    project["variables"] = {
        "app": {
            "fn::invoke": {
                "function": "edas-scale:index:getApplication",
                "arguments": {"name": "shop"},
            }
        },
        "group": {
            "fn::invoke": {
                "function": "edas-scale:index:getDeployGroup",
                "arguments": {"appId": "${app.appId}", "groupName": "beta"},
            }
        },
    }
    project["resources"] = {
        "web": {
            "type": "edas-scale:index:DeployGroupMembership",
            "properties": {
                "appId": "${app.appId}",
                "groupId": "${group.groupId}",
                "instanceIds": ABC,
            },
        }
    }
    project["outputs"] = {"running": "${web.runningCount}"}
    (stack.program / "Pulumi.yaml").write_text(json.dumps(project))

    result = stack.up(preview=True)

    result.must_say("running: 3")
    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    stack.preview(expect_no_changes=True)


@NATIVE_ONLY
def test_an_explicit_provider_has_settings_of_its_own(stack: Stack) -> None:
    """Region and endpoint of an explicit provider win over stack and environment."""
    stack.environment["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://127.0.0.1:1"
    stack.environment["ALIBABA_CLOUD_REGION_ID"] = "cn-beijing"
    stack.write(
        "from pulumi_edas_scale.native import Provider",
        f"here = Provider('here', region_id={REGION!r}, endpoint={stack.edas.url!r})",
        membership(instance_ids=ABC, opts="provider=here"),
    )

    stack.up()

    assert stack.resource()["id"] == ID
    assert orders.orders(stack.edas) == [("scale_out", ABC)]


def test_settings_of_the_stack(stack: Stack) -> None:
    """Endpoint and region of the stack configuration win over the environment."""
    stack.environment["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://127.0.0.1:1"
    stack.environment["ALIBABA_CLOUD_REGION_ID"] = "cn-beijing"
    stack.config = {"edas-scale:endpoint": stack.edas.url, "edas-scale:regionId": REGION}
    stack.declare(ABC)

    stack.up()

    assert stack.resource()["id"] == ID
    stack.destroy()
    assert orders.orders(stack.edas) == [("scale_out", ABC), ("scale_in", ABC)]


@DYNAMIC_ONLY  # the engine gives a plugin the configuration of its own package only
def test_the_region_of_the_alicloud_provider(stack: Stack) -> None:
    """Without a setting of our own the region is that of the Alibaba Cloud provider of the stack."""
    stack.environment["ALIBABA_CLOUD_REGION_ID"] = ""
    stack.config = {"alicloud:region": REGION}
    stack.declare(ABC)

    stack.up()

    assert stack.resource()["id"] == ID


def test_a_wrong_setting_is_refused_by_its_key(stack: Stack) -> None:
    """A setting that cannot be right is named by its key in the stack configuration."""
    stack.config["edas-scale:previewReads"] = "perhaps"
    stack.declare(ABC)

    result = stack.preview(fails=True)

    result.must_say("edas-scale:previewReads")
    assert stack.edas.log() == []


def test_nobody_signed_in(stack: Stack) -> None:
    """Without credentials the preview warns and up fails; both say where credentials come from."""
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        stack.environment[name] = ""
    stack.environment["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
    stack.declare(ABC)

    result = stack.up(fails=True)

    result.must_say("ALIBABA_CLOUD_ACCESS_KEY_ID")
    assert stack.resources() == []
