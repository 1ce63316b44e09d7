"""Instances that are listed and not there yet, or cannot be there, and unknown values in previews."""

from __future__ import annotations

import pytest

from tests.e2e import orders
from tests.e2e.stack import Code, Stack, machine, membership
from tests.e2e.world import (
    BETA,
    DEFAULT,
    FOREIGN_CLUSTER_INSTANCE,
    INSTANCES,
    KUBERNETES,
    KUBERNETES_DEFAULT,
    NEW,
    NEW_DEFAULT,
    NOT_IMPORTED,
    SHOP,
)

ABC = ["i-a", "i-b", "i-c"]


@pytest.mark.scenario("S18")
def test_s18_an_unknown_instance_is_a_warning_and_then_a_failure(stack: Stack) -> None:
    """The preview warns with the path, because the same up may import it; up waits and fails, nothing is sent."""
    stack.declare(["i-a", NOT_IMPORTED], join_timeout_seconds=1)

    preview = stack.preview()

    preview.must_say(f"warning: instanceIds[1]: '{NOT_IMPORTED}' is not in cluster")
    result = stack.up(fails=True)
    result.must_say(f"instanceIds[1]: '{NOT_IMPORTED}' is not in cluster")
    assert orders.writes(stack.edas) == []
    assert stack.resources() == []


@pytest.mark.scenario("S18")
def test_s18_strict_preview_fails(stack: Stack) -> None:
    """With strictPreview the same is a failure of the preview, and nobody waits for the instance in up."""
    stack.config["edas-scale:strictPreview"] = "true"
    stack.declare(["i-a", NOT_IMPORTED])

    stack.preview(fails=True).must_say(f"instanceIds[1]: '{NOT_IMPORTED}'")
    stack.up(fails=True).must_say(f"instanceIds[1]: '{NOT_IMPORTED}'")
    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S18")
def test_s18_an_update_that_cannot_be_leaves_state_alone(web: Stack) -> None:
    """An update that waits for an instance in vain sends nothing, also nothing for the others."""
    web.declare([*ABC, "i-d", NOT_IMPORTED], join_timeout_seconds=1)

    web.up(fails=True)

    assert orders.writes(web.edas) == []
    assert web.members() == ABC


@pytest.mark.scenario("S19")
def test_s19_instances_that_cannot_join_are_told_with_the_cause(stack: Stack) -> None:
    """Offline, in another application, in another cluster, in another group: each by its path and cause."""
    stack.edas.action("offline", instance="i-a")
    stack.edas.action("join", group=DEFAULT, application=SHOP, instance="i-b")
    stack.declare(["i-a", "i-b", FOREIGN_CLUSTER_INSTANCE, INSTANCES[-1]], join_timeout_seconds=1)

    preview = stack.preview()
    result = stack.up(fails=True)

    for words in (
        "instanceIds[0]: 'i-a' is in cluster cluster-ecs",
        "its EDAS agent is offline",
        "instanceIds[1]: 'i-b' is in another deploy group",
        f"instanceIds[2]: '{FOREIGN_CLUSTER_INSTANCE}' is not in cluster",
        f"instanceIds[3]: '{INSTANCES[-1]}' is in cluster",
        "another application uses it",
    ):
        preview.must_say(words)
        result.must_say(words)
    assert orders.writes(stack.edas) == []
    assert stack.resources() == []


@pytest.mark.scenario("S24")
def test_s24_an_application_that_was_never_deployed(stack: Stack) -> None:
    """Its members are stopped, which is no failure: a warning says why."""
    stack.declare(ABC, app_id=NEW, group_id=NEW_DEFAULT)

    result = stack.up()

    result.must_say("No package was ever deployed")
    assert {each["state"] for each in stack.outputs()["members"]} == {"stopped"}
    assert orders.orders(stack.edas, NEW) == [("scale_out", ABC)]
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S35")
def test_s35_an_instance_is_recreated(stack: Stack) -> None:
    """When an instance is replaced under the membership, one up has the new one in before the old one leaves."""
    ids = Code("[one.instance, two.instance]")
    stack.write(
        machine("one", "i-x1", stack.edas), machine("two", "i-x2", stack.edas), membership(instance_ids=ids)
    )
    stack.up()
    stack.edas.reset_running_minimum()

    stack.write(
        machine("one", "i-x1", stack.edas), machine("two", "i-x3", stack.edas), membership(instance_ids=ids)
    )
    stack.up(preview=True)

    assert orders.orders(stack.edas) == [
        ("scale_out", ["i-x1", "i-x2"]),
        ("scale_out", ["i-x3"]),
        ("scale_in", ["i-x2"]),
    ]
    assert stack.edas.running_minimum(BETA, SHOP) == 2
    assert stack.members() == ["i-x1", "i-x3"]


@pytest.mark.scenario("S38")
def test_s38_an_instance_that_is_imported_meanwhile(stack: Stack) -> None:
    """An instance that comes into the cluster while the run waits for it joins; nothing is sent before."""
    stack.declare(["i-a", NOT_IMPORTED])

    running = stack.start("up", "--yes", "--skip-preview")
    stack.edas.await_calls("ListClusterMembers", 2)
    assert orders.writes(stack.edas) == []
    stack.edas.action("import", instance=NOT_IMPORTED, cluster="ecs", ip="10.0.9.9")
    result = running.result()

    assert result.exit_code == 0, result
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", NOT_IMPORTED])]


@pytest.mark.scenario("S38")
def test_s38_an_instance_that_leaves_another_group_meanwhile(stack: Stack) -> None:
    """An instance of another group is waited for, and joins when it was let go."""
    stack.edas.action("join", group=DEFAULT, application=SHOP, instance="i-b")
    stack.declare(["i-a", "i-b"])

    running = stack.start("up", "--yes", "--skip-preview")
    stack.edas.await_calls("QueryApplicationStatus", 3)
    assert orders.writes(stack.edas) == []
    stack.edas.action("leave", instance="i-b")
    result = running.result()

    assert result.exit_code == 0, result
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-b"])]


@pytest.mark.scenario("S38")
def test_s38_an_import_beside_the_membership(stack: Stack) -> None:
    """One up imports an instance and lists it, without a dependency between the two."""
    stack.edas.switches(import_lag=1.0)
    stack.write(membership(instance_ids=["i-a", "i-x1"]), machine("one", "i-x1", stack.edas))

    preview = stack.preview()
    stack.up()

    preview.must_say("'i-x1' is not in cluster")
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-x1"])]


@pytest.mark.scenario("S40")
def test_s40_an_application_on_kubernetes_is_refused(stack: Stack) -> None:
    """Membership is a matter of ECS clusters: refused in preview and in up, with the reason."""
    stack.declare(ABC, app_id=KUBERNETES, group_id=KUBERNETES_DEFAULT)

    stack.preview(fails=True).must_say("runs on a Kubernetes cluster")
    stack.up(fails=True).must_say("runs on a Kubernetes cluster")
    assert orders.writes(stack.edas) == []


@pytest.mark.scenario("S43")
def test_s43_ids_that_are_not_known_yet(stack: Stack) -> None:
    """Ids that are outputs of resources to be created do not disturb the first preview, and are used in up."""
    stack.write(
        machine("one", "i-x1", stack.edas),
        machine("two", "i-x2", stack.edas),
        membership(instance_ids=Code("[one.id, 'i-a', two.id]")),
    )

    preview = stack.preview()

    preview.must_say("scale out 3: i-a")
    preview.must_say("2 not known yet")
    stack.up()
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-x1", "i-x2"])]


@pytest.mark.scenario("S43")
def test_s43_an_unknown_list_and_application(stack: Stack) -> None:
    """The whole list, and the application itself, may be unknown in the first preview."""
    stack.write(
        machine("one", "i-x1", stack.edas),
        membership(
            instance_ids=Code("one.id.apply(lambda each: [each, 'i-a'])"),
            app_id=Code(f"one.id.apply(lambda each: {SHOP!r})"),
        ),
    )

    stack.up(preview=True)

    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-x1"])]


@pytest.mark.scenario("S43")
def test_s43_an_unknown_id_evicts_nobody_for_sure(web: Stack) -> None:
    """An id that is not known yet may turn out to be a live member: the preview says at most."""
    web.write(
        machine("one", "i-x1", web.edas),
        membership(instance_ids=Code("['i-a', 'i-b', one.id]")),
    )

    preview = web.preview()

    preview.must_say("at most 1 of: i-c")
    web.up()
    assert orders.orders(web.edas) == [("scale_out", ["i-x1"]), ("scale_in", ["i-c"])]
