"""Whose member it is holds for every provider process of one run, whichever of them deletes.

The engine starts a provider process for each explicit provider, each version and each front end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.stack import Code, FrontEnd, membership
from tests.e2e.world import BETA, GAMMA

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]

COMPONENT = """
class Site(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("shop:index:Site", name, None, opts)
site = Site("site")
"""


def provider(front_end: FrontEnd, name: str) -> str:
    """Return the statement that declares an explicit provider: a provider process of its own."""
    package = "pulumi-python" if front_end is FrontEnd.DYNAMIC else "edas-scale"
    return f"{name} = pulumi.ProviderResource({package!r}, {name!r}, {{}})"


def moved_nobody(stack: Stack, name: str) -> None:
    """Check that no order was sent, that three members run, and that one membership says so."""
    assert orders.writes(stack.edas) == []
    assert orders.running(stack.edas) == ABC
    assert [each["urn"].rpartition("::")[2] for each in stack.resources()] == [name]
    assert stack.members(name) == ABC


@pytest.mark.scenario("S53")
def test_s53_renamed_and_given_a_provider(web: Stack) -> None:
    """A resource that gets another name and another provider in one run is deleted by the other process."""
    web.write(
        provider(web.front_end, "other"), membership("renamed", opts="provider=other", instance_ids=ABC)
    )

    web.up(preview=True)

    moved_nobody(web, "renamed")
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S53")
def test_s53_replaced_on_demand_with_a_provider(web: Stack) -> None:
    """``--replace`` together with another provider: the one process creates, the other deletes."""
    web.write(provider(web.front_end, "other"), membership(opts="provider=other", instance_ids=ABC))

    web.up("--replace", web.resource()["urn"])

    moved_nobody(web, "web")


@pytest.mark.scenario("S53")
def test_s53_moved_into_a_component_with_a_provider(web: Stack) -> None:
    """A component around the resource changes its URN, and the component's provider is another process."""
    opts = "parent=site, provider=other"
    web.write(provider(web.front_end, "other"), COMPONENT, membership(opts=opts, instance_ids=ABC))

    web.up()

    moved_nobody(web, "web")


@pytest.mark.scenario("S53")
@pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])
def test_s53_renamed_and_given_a_version(web: Stack) -> None:
    """Another version of the plugin is another process."""
    web.write(membership("renamed", opts="version='0.0.1'", instance_ids=ABC))

    web.up()

    moved_nobody(web, "renamed")


@pytest.mark.scenario("S54")
@pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["to-native"])
def test_s54_only_the_import_changes(front_end: FrontEnd, given: Callable[..., Stack]) -> None:
    """The import changes from the dynamic provider to the plugin and nothing else: nobody moves."""
    del front_end
    stack = given(instance_ids=["i-d"])
    stack.write(membership(instance_ids=ABC), front_end=FrontEnd.DYNAMIC)
    stack.up()
    stack.edas.clear_log()
    stack.write(membership(instance_ids=ABC), front_end=FrontEnd.NATIVE)

    stack.up(preview=True)

    moved_nobody(stack, "web")


@pytest.mark.scenario("S55")
def test_s55_an_id_in_two_memberships_of_two_providers(stack: Stack) -> None:
    """One id in two memberships is refused, naming both, whichever process checks which."""
    stack.write(
        provider(stack.front_end, "other"),
        membership("web", instance_ids=["i-a", "i-b"]),
        membership("web2", opts="provider=other", instance_ids=["i-b", "i-c"], exclusive=True),
    )

    stack.up(fails=True).must_say("i-b of deploy group", "is also listed by urn:pulumi:dev::shop::")


@pytest.mark.scenario("S55")
def test_s55_an_id_for_two_groups_of_two_providers(stack: Stack) -> None:
    """One id in memberships of two groups is refused as well, naming both: it can be in one of them only."""
    stack.write(
        provider(stack.front_end, "other"),
        membership("web", instance_ids=["i-a", "i-b"]),
        membership("web2", opts="provider=other", group_id=GAMMA, instance_ids=["i-b", "i-c"]),
    )

    stack.preview(fails=True).must_say("i-b of deploy group", "is also listed by urn:pulumi:dev::shop::")

    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S52")
@pytest.mark.parametrize("skip_preview", [False, True])
def test_s52_one_machine_by_its_two_ids(stack: Stack, *, skip_preview: bool) -> None:
    """One machine in two memberships, by its ECS id and by its ECU id, is refused, naming both, before its order."""
    stack.write(
        membership("web", instance_ids=["i-a"]),
        membership("web2", ecu_ids=["ecu-a"]),
    )

    options = ("--skip-preview",) if skip_preview else ()
    stack.up(*options, fails=True).must_say("'ecu-a' is the same machine as 'i-a'", "also listed by", "::web")

    assert len(stack.edas.log("ScaleOutApplication")) <= skip_preview
    assert stack.edas.log("ScaleInApplication") == []


@pytest.mark.scenario("S55")
def test_s55_a_refused_membership_keeps_its_members(stack: Stack) -> None:
    """The one that becomes exclusive is checked first, the other is refused: nobody of it is evicted."""
    stack.write(membership("web", instance_ids=["i-a"]), membership("web2", instance_ids=["i-b", "i-c"]))
    stack.up()
    stack.edas.clear_log()
    stack.write(
        membership("web", instance_ids=["i-a"], exclusive=True),
        membership("web2", instance_ids=["i-b", "i-c"]),
    )

    stack.up(fails=True).must_say("is exclusive", "::web ", "::web2")

    assert orders.running(stack.edas) == ABC


@pytest.mark.scenario("S57")
def test_s57_delete_before_replace_leaves_what_another_owns(web: Stack) -> None:
    """A membership goes to another group, delete first, and another one owns an instance of the old group."""
    web.write(
        membership("web", instance_ids=["i-a", "i-b"], group_id=GAMMA),
        membership("web2", instance_ids=["i-c"], group_id=BETA),
    )

    web.up()

    assert orders.running(web.edas, GAMMA) == ["i-a", "i-b"]
    assert orders.running(web.edas, BETA) == ["i-c"]
    assert web.members("web2") == ["i-c"]


@pytest.mark.scenario("S67")
def test_s67_renamed_with_a_shorter_list(given: Callable[..., Stack]) -> None:
    """A rename with a list below minRunning does not take the running members below it."""
    stack = given(instance_ids=ABC, min_running=2)
    stack.write(membership("renamed", instance_ids=["i-a"], min_running=2))

    result = stack.up(fails=True)

    result.must_say("minRunning", "::renamed")
    assert len(orders.running(stack.edas)) >= 2


@pytest.mark.scenario("S62")
def test_s62_from_a_membership_that_was_removed(stack: Stack) -> None:
    """An instance of a membership removed from the program cannot join elsewhere in that run: the steps are named."""
    stack.write(
        membership("old", instance_ids=["i-a", "i-b"], group_id=BETA),
        membership("web", instance_ids=["i-c"], group_id=GAMMA),
    )
    stack.up()
    stack.write(membership("web", instance_ids=["i-a", "i-c"], group_id=GAMMA, join_timeout_seconds=3))

    stack.up(fails=True).must_say("i-a", "deletes last", "two")


@pytest.mark.scenario("S86")
def test_s86_a_receiver_before_its_donor_in_one_slot(stack: Stack) -> None:
    """Under ``--parallel 1`` a receiver that waits in the only slot says which resource stands behind it."""
    stack.write(
        membership("donor", instance_ids=["i-a", "i-b"], group_id=BETA),
        membership("web", instance_ids=["i-c"], group_id=GAMMA),
    )
    stack.up()
    stack.edas.clear_log()
    # The donor's list is known when the receiver has looked at EDAS, so that the receiver is registered first.
    late = (
        "import asyncio, json, urllib.request\n"
        "async def late():\n"
        f"    while not json.load(urllib.request.urlopen('{stack.edas.url}/_emulator/log')):\n"
        "        await asyncio.sleep(0.1)\n"
        "    return ['i-b']\n"
    )
    stack.write(
        late,
        membership("web", instance_ids=["i-a", "i-c"], group_id=GAMMA, join_timeout_seconds=8),
        membership("donor", instance_ids=Code("pulumi.Output.from_input(late())"), group_id=BETA),
    )

    stack.up("--parallel", "1", fails=True).must_say("::donor", "--parallel", "depends_on")


@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
def test_an_instance_that_moves_needs_both_targets(web: Stack) -> None:
    """``up --target`` of the receiver alone sends nothing and fails naming the instance; of both, it moves."""
    web.write(
        membership("web", instance_ids=ABC[:2]),
        membership("other", group_id=GAMMA, instance_ids=ABC[2:], join_timeout_seconds=1),
    )

    web.up("--target", "**::other", fails=True).must_say("i-c")
    assert orders.writes(web.edas) == []

    web.up("--target", "**::web", "--target", "**::other")
    assert orders.orders(web.edas) == [("scale_in", ["i-c"]), ("scale_out", ["i-c"])]
