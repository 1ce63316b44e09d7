"""Several memberships in one stack: they share readings, take turns, and do not take each other's members."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.orders import calls
from tests.e2e.stack import machine, membership
from tests.e2e.world import BETA, DEFAULT, GAMMA, INSTANCES, SHOP
from tests.simulation.looks import most_in_a_minute

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator
    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]


def add_machine(edas: Emulator, number: int) -> str:
    """Import an instance and return its id."""
    instance_id = f"i-n{number:03d}"
    address = f"10.3.{number // 250}.{number % 250 + 1}"
    edas.action("import", instance=instance_id, cluster="ecs", ip=address)
    return instance_id


def add_applications(edas: Emulator, count: int) -> list[str]:
    """Create applications with one group and one instance each, and return the statements of memberships."""
    statements = []
    for number in range(count):
        app_id, group_id = f"app-{number:03d}", f"group-{number:03d}"
        edas.action(
            "create_application",
            application={
                "id": app_id,
                "name": app_id,
                "cluster": "ecs",
                "groups": [{"id": group_id, "name": "_DEFAULT_GROUP"}],
            },
        )
        statements.append(
            membership(
                f"web-{number}", app_id=app_id, group_id=group_id, instance_ids=[add_machine(edas, number)]
            )
        )
    return statements


@pytest.mark.scenario("S27")
@pytest.mark.parametrize("second_order", ["refused", "queued"])
def test_s27_two_groups_of_one_application(stack: Stack, second_order: str) -> None:
    """Two memberships of one application take turns by themselves: EDAS never has to refuse a second order."""
    stack.edas.switches(second_order=second_order)
    stack.write(
        membership("one", group_id=DEFAULT, instance_ids=["i-a", "i-b"]),
        membership("two", group_id=BETA, instance_ids=["i-c", "i-d"]),
    )

    stack.up()

    assert sorted(orders.orders(stack.edas)) == [("scale_out", ["i-a", "i-b"]), ("scale_out", ["i-c", "i-d"])]
    assert orders.answers(stack.edas, "ScaleOutApplication") == ["200", "200"]
    first, second = stack.edas.orders(SHOP)
    assert first["finishedAt"] <= second["createdAt"]
    assert stack.members("one") == ["i-a", "i-b"]
    assert stack.members("two") == ["i-c", "i-d"]


@pytest.mark.scenario("S30")
def test_s30_forty_applications_at_once(stack: Stack) -> None:
    """Forty applications get one order each, and a preview without changes costs one reading of each."""
    statements = add_applications(stack.edas, 40)
    stack.write(*statements)

    stack.up("--parallel", "64")

    assert len(stack.edas.log("ScaleOutApplication")) == 40
    assert len(stack.edas.log("ListClusterMembers")) <= 2
    assert set(orders.answers(stack.edas, "ScaleOutApplication")) == {"200"}
    stack.edas.clear_log()
    stack.preview(expect_no_changes=True)
    assert calls(stack.edas) == {"QueryApplicationStatus": 40}


@pytest.mark.scenario("S41")
@pytest.mark.soak
def test_s41_below_the_limits_of_edas(stack: Stack) -> None:
    """Sixty applications are brought up without one throttled answer, under the documented limits per minute."""
    stack.edas.switches(limits="documented")
    stack.write(*add_applications(stack.edas, 60))

    stack.up("--parallel", "64")

    assert stack.edas.breaches() == {}
    assert len(stack.edas.log("ScaleOutApplication")) == 60
    assert len(stack.resources()) == 60


@pytest.mark.scenario("S72")
@pytest.mark.soak
def test_s72_an_order_of_a_minute(stack: Stack) -> None:
    """A long order costs at most thirty calls a minute of any operation, and its end is seen soon."""
    stack.edas.switches(order_duration="seconds:60")
    stack.write(membership(instance_ids=["i-a"]))

    stack.up()

    busiest = {
        operation: most_in_a_minute([entry["time"] for entry in stack.edas.log(operation)])
        for operation in calls(stack.edas)
    }
    assert max(busiest.values()) <= 30, busiest
    (order,) = stack.edas.orders(SHOP)
    readings = [entry["time"] for entry in stack.edas.log("QueryApplicationStatus")]
    assert readings[-1] - order["finishedAt"] <= 2.5, (
        "the reading that verifies follows the poll that saw the end"
    )


@pytest.mark.scenario("S77")
@pytest.mark.soak
@pytest.mark.parametrize("hint", ["fresh", "stale:3", "failing"])
def test_s77_many_orders_of_unequal_length(stack: Stack, hint: str) -> None:
    """Thirty-six applications at once take little more than the longest order, below the limits of EDAS."""
    stack.edas.switches(limits="documented", list_application=hint)
    statements = add_applications(stack.edas, 36)
    for number in range(36):
        seconds = 4.0 + 16.0 * number / 35
        stack.edas.rule(effect="order", application=f"app-{number:03d}", duration=f"seconds:{seconds}")
    stack.write(*statements)

    stack.up("--parallel", "64")

    assert stack.edas.breaches() == {}
    moments = [entry["time"] for entry in stack.edas.log()]
    late = moments[-1] - max(order["finishedAt"] for order in stack.edas.orders())
    assert late <= (12.0 if hint == "failing" else 4.0 if hint == "fresh" else 6.0), late


def add_members(edas: Emulator, groups: int, applications: int) -> list[str]:
    """Create applications with groups of one member each, and return the statements of their memberships."""
    statements = []
    for number in range(applications):
        app_id = f"app-{number:03d}"
        here = range(number, groups, applications)
        edas.action(
            "create_application",
            application={
                "id": app_id,
                "name": app_id,
                "cluster": "ecs",
                "groups": [{"id": f"group-{each:03d}", "name": f"group-{each}"} for each in here],
            },
        )
        for each in here:
            instance_id, group_id = add_machine(edas, each), f"group-{each:03d}"
            edas.action("join", group=group_id, application=app_id, instance=instance_id)
            statements.append(
                membership(f"web-{each}", app_id=app_id, group_id=group_id, instance_ids=[instance_id])
            )
    return statements


@pytest.mark.scenario("S42")
@pytest.mark.parametrize("count", [1, 10, pytest.param(100, marks=pytest.mark.soak)])
def test_s42_one_reading_for_all_groups_of_an_application(stack: Stack, count: int) -> None:
    """A preview without changes reads an application once, however many of its groups are in the stack."""
    stack.write(*add_members(stack.edas, count, 1))
    stack.up()
    assert orders.writes(stack.edas) == []
    stack.edas.clear_log()

    stack.preview(expect_no_changes=True)

    # A reading is fresh for ten seconds, and a busy machine needs longer for a hundred diffs.
    assert set(calls(stack.edas)) == {"QueryApplicationStatus"}
    assert calls(stack.edas).total() <= (1 if count < 100 else 2)


@pytest.mark.scenario("S78")
@pytest.mark.parametrize(
    ("applications", "most"),
    [(1, 10), pytest.param(100, 210, marks=pytest.mark.soak)],
    ids=["one", "hundred"],
)
def test_s78_a_hundred_adoptions(stack: Stack, applications: int, most: int) -> None:
    """Memberships whose members are there already share their readings, and none waits for another minute."""
    stack.edas.switches(limits="documented")
    stack.write(*add_members(stack.edas, 100, applications))

    stack.up()

    assert orders.writes(stack.edas) == []
    assert calls(stack.edas).total() <= most, calls(stack.edas)
    assert max(calls(stack.edas).values()) <= 100, calls(stack.edas)


@pytest.mark.scenario("S44")
def test_s44_two_resources_with_the_same_arguments(stack: Stack) -> None:
    """One dictionary of arguments serves two resources that differ by their group only."""
    stack.write(
        f"shared = dict(app_id={SHOP!r}, min_running=1, batch_size=10)",
        f"one = DeployGroupMembership('one', group_id={DEFAULT!r}, instance_ids=['i-a'], **shared)",
        f"two = DeployGroupMembership('two', group_id={BETA!r}, instance_ids=['i-b'], **shared)",
    )

    stack.up(preview=True)

    assert sorted(orders.orders(stack.edas)) == [("scale_out", ["i-a"]), ("scale_out", ["i-b"])]


@pytest.mark.scenario("S44")
def test_s44_in_a_component(stack: Stack) -> None:
    """A membership is a child of a component like any resource, and moves nobody when it becomes one."""
    component = (
        "class Site(pulumi.ComponentResource):\n"
        "    def __init__(self, name):\n"
        "        super().__init__('test:index:Site', name)\n"
        "        self.web = DeployGroupMembership(\n"
        f"            name + '-web', app_id={SHOP!r}, group_id={BETA!r}, instance_ids={ABC!r},\n"
        "            opts=pulumi.ResourceOptions(parent=self),\n"
        "        )\n"
        "        self.register_outputs({'running': self.web.running_count})\n"
        "site = Site('site')\n"
        "pulumi.export('running', site.web.running_count)\n"
    )
    stack.write(component)

    stack.up(preview=True)

    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert json.loads(stack.run("stack", "output", "--json").output) == {"running": 3}
    stack.destroy()
    assert orders.members(stack.edas) == []


@pytest.mark.scenario("S44")
def test_s44_beside_other_dynamic_resources(stack: Stack) -> None:
    """Resources of the program's own dynamic providers live in the same process and are not disturbed."""
    stack.write(
        machine("one", "i-x1", stack.edas),
        membership(instance_ids=ABC),
        machine("two", "i-x2", stack.edas, opts="depends_on=[web]"),
    )

    stack.up(preview=True)
    stack.destroy()

    assert orders.orders(stack.edas) == [("scale_out", ABC), ("scale_in", ABC)]


@pytest.mark.scenario("S51")
def test_s51_an_instance_moves_between_two_groups(stack: Stack) -> None:
    """An instance that goes from one membership to that of another group leaves there and joins here, in one up."""
    one, two = {"group_id": DEFAULT}, {"group_id": BETA}
    stack.write(
        membership("one", instance_ids=["i-a", "i-b"], **one),
        membership("two", instance_ids=["i-c"], **two),
    )
    stack.up()
    stack.edas.reset_running_minimum()
    stack.write(
        membership("one", instance_ids=["i-a"], **one),
        membership("two", instance_ids=["i-b", "i-c"], **two),
    )

    stack.preview()
    stack.up()

    assert orders.orders(stack.edas)[2:] == [("scale_in", ["i-b"]), ("scale_out", ["i-b"])]
    assert orders.running(stack.edas, DEFAULT) == ["i-a"]
    assert orders.running(stack.edas, BETA) == ["i-b", "i-c"]


@pytest.mark.scenario("S51")
def test_s51_an_exchange_is_refused_by_name(stack: Stack) -> None:
    """Two memberships that exchange instances cannot both add first: refused, with the way out."""
    one, two = {"group_id": DEFAULT}, {"group_id": BETA}
    stack.write(
        membership("one", instance_ids=["i-a", "i-b"], **one), membership("two", instance_ids=["i-c"], **two)
    )
    stack.up()
    stack.edas.clear_log()
    stack.write(
        membership("one", instance_ids=["i-a", "i-c"], **one), membership("two", instance_ids=["i-b"], **two)
    )

    result = stack.preview(fails=True)

    result.must_say("exchange instances (i-b, i-c)")
    result.must_say("two runs of 'pulumi up'")
    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S52")
def test_s52_two_memberships_of_one_group(stack: Stack) -> None:
    """They live side by side, and an id that is handed from one to the other moves nobody."""
    stack.write(
        membership("one", instance_ids=["i-a", "i-b"]), membership("two", instance_ids=["i-c", "i-d"])
    )
    stack.up()
    stack.preview(expect_no_changes=True)
    stack.edas.clear_log()
    stack.edas.reset_running_minimum()

    stack.write(
        membership("one", instance_ids=["i-a"]), membership("two", instance_ids=["i-b", "i-c", "i-d"])
    )
    stack.up(preview=True)

    assert orders.writes(stack.edas) == []
    assert stack.edas.running_minimum(BETA, SHOP) == 4
    assert stack.members("one") == ["i-a"]
    assert stack.members("two") == ["i-b", "i-c", "i-d"]
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S52")
def test_s52_a_clean_stack_reports_no_drift(stack: Stack) -> None:
    """Members of other memberships of the group, made at the same time or later, are not told as drift."""
    first, second = membership("one", instance_ids=["i-a"]), membership("two", instance_ids=["i-b"])
    stack.write(first, second)
    stack.up()
    stack.write(first, second, membership("three", instance_ids=["i-c", "i-d"]))
    stack.up()

    assert "Drift:" not in stack.preview(expect_no_changes=True).words
    assert "Drift:" not in stack.refresh().words


@pytest.mark.scenario("S52")
def test_s52_an_id_in_two_memberships_is_refused(stack: Stack) -> None:
    """A member belongs to one membership: the second one is refused, naming both."""
    stack.write(membership("one", instance_ids=["i-a", "i-b"]), membership("two", instance_ids=["i-b"]))

    result = stack.preview(fails=True)

    result.must_say("i-b of deploy group")
    result.must_say("is also listed by")
    assert "::one" in result.words or "::two" in result.words
    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S52")
def test_s52_exclusive_beside_another_membership_is_refused(stack: Stack) -> None:
    """An exclusive membership tolerates no other of its group."""
    stack.write(
        membership("one", instance_ids=["i-a"], exclusive=True), membership("two", instance_ids=["i-b"])
    )

    result = stack.preview(fails=True)

    result.must_say("is exclusive")
    assert orders.writes(stack.edas) == []


def test_every_group_of_an_application_at_once(stack: Stack) -> None:
    """Three memberships of one application are swapped in one up, without ever going below what runs."""
    groups = {"one": DEFAULT, "two": BETA, "three": GAMMA}
    free = iter(INSTANCES)
    before = {name: [next(free), next(free)] for name in groups}
    after = {name: [before[name][0], next(free)] for name in groups}
    stack.write(*(membership(name, group_id=groups[name], instance_ids=ids) for name, ids in before.items()))
    stack.up()
    stack.edas.reset_running_minimum()
    stack.write(*(membership(name, group_id=groups[name], instance_ids=ids) for name, ids in after.items()))

    stack.up()

    for name, group_id in groups.items():
        assert orders.running(stack.edas, group_id) == sorted(after[name])
        assert stack.edas.running_minimum(group_id, SHOP) == 2
    assert len(orders.orders(stack.edas)) == 3 + 6
