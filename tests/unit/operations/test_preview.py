from __future__ import annotations

from dataclasses import replace

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.model import (
    ApplicationSummary,
    ChangeOrder,
    MemberState,
    Policy,
    Recorded,
    RecordedMember,
    Scope,
)
from pulumi_edas_scale.operations.observe import Target
from pulumi_edas_scale.operations.ownership import Claim
from pulumi_edas_scale.operations.preview import Preview, preview_change
from tests.unit.quiet import QuietClient, quiet_session
from tests.unit.readings import SCOPE, application, in_cluster, listed, machine, member

CLIENT = QuietClient(
    application(member("a"), member("b"), member("c", group_id="group-2")),
    applications=(ApplicationSummary("app-1", "shop", "cluster-1", 2),),
    machines=(machine("d"),),
    cluster=(in_cluster("d"),),
)
NOW = (
    RecordedMember("ecu-a", "i-a", "ecc-a", "10.0.0.1", MemberState.RUNNING, joined=True),
    RecordedMember("ecu-b", "i-b", "ecc-b", "10.0.0.2", MemberState.RUNNING, joined=True),
)
ORDER = ChangeOrder("order-1", "group-1", 1, "deploy", "alice", "now")
GREEN = replace(SCOPE, group_id="group-2")


def target(*ids: str, policy: Policy | None = None, recorded: bool = False, scope: Scope = SCOPE) -> Target:
    """Return the wish for these members, of a new resource or of one that manages i-a and i-b."""
    before = Recorded(NOW, listed("i-a", "i-b"), cluster_id="cluster-1") if recorded else Recorded()
    return Target("urn", scope, listed(*ids), policy or Policy(), before)


def look(
    what: Target, client: QuietClient = CLIENT, *, strict: bool = False, claims: tuple[Claim, ...] = ()
) -> Preview:
    """Return the preview of a wish."""
    session = quiet_session(client)
    for each in claims:
        session.ownership.record(each)
    return preview_change(session, what, OperationContext(session.runtime, retry_timeout=8.0), strict=strict)


def test_nothing_to_do_says_nothing() -> None:
    """The preview of a membership that is as it shall be has no lines, warnings or failures."""
    found = look(target("i-a", "i-b", recorded=True))
    assert (found.lines, found.warnings, found.failures) == ([], [], [])
    assert not found.changes_membership


def test_a_joiner_and_a_leaver() -> None:
    """The preview of a swap shows the orders and their cost."""
    found = look(target("i-a", "i-d", recorded=True))
    assert found.lines == [
        "scale out 1: i-d (10.0.0.4, zone-1); then scale in 1: i-b (10.0.0.2, zone-1); lowest running 2 of 2 (floor 1)"
    ]
    assert found.changes_membership


def test_an_adoption_is_shown() -> None:
    """The preview of a create shows the members it adopts without an order."""
    assert look(target("i-a")).lines == ["no order; adopt without an order 1: i-a"]


def test_an_order_of_somebody_is_shown() -> None:
    """An order that occupies the application is shown before the plan, and only where an order would be sent."""
    running = replace(ORDER, description="Deploy V2", created_by="Alice")
    busy = replace(CLIENT, orders=(running, replace(ORDER, order_id="order-0", status=2)))
    found = look(target("i-a", recorded=True), busy)
    assert found.lines == [
        "Now waiting for change order order-1 'Deploy V2' of application app-1, started by Alice: it is running (1).",
        "scale in 1: i-b (10.0.0.2, zone-1); lowest running 1 of 1 (floor 1)",
    ]
    assert look(target("i-a", "i-b", recorded=True), busy).lines == []


def test_kubernetes_is_refused() -> None:
    """An application on Kubernetes is refused by a create and by a change that sends something."""
    pods = replace(CLIENT, applications=(ApplicationSummary("app-1", "shop", "cluster-1", 3),))
    for what in (target("i-a"), target("i-a", recorded=True)):
        assert [path for path, _ in look(what, pods).failures] == ["appId"]


def test_what_the_same_run_may_mend_is_a_warning() -> None:
    """An instance that is not there is a warning, and under strictPreview a failure instead."""
    words = (
        "instanceIds[0]: 'i-x' is not in cluster cluster-1 of application app-1, so EDAS cannot add it. Import the "
        "instance into that cluster, or remove it from the list."
    )
    assert look(target("i-x")).warnings == [words]
    strict = look(target("i-x"), strict=True)
    assert (strict.warnings, strict.failures) == ([], [("", words)])


def test_a_group_that_is_not_there() -> None:
    """A group that is not there may still be created; the name of a group given as its id never becomes right."""
    missing = look(target("i-a", scope=replace(SCOPE, group_id="group-9")))
    assert (len(missing.warnings), missing.failures, missing.observe) == (1, [], None)
    named = look(target("i-a", scope=replace(SCOPE, group_id="green")))
    assert [path for path, _ in named.failures] == ["groupId"]
    assert not named.changes_membership


def test_an_application_that_cannot_be_read() -> None:
    """That EDAS cannot be read is a warning, never an error."""
    found = look(target("i-a", recorded=True, scope=replace(SCOPE, app_id="app-9")))
    assert found.warnings[0].startswith("The preview could not read deploy group group-1 (application app-9)")


def test_too_little_time() -> None:
    """A preview that runs out of time says that it could not read."""
    session = quiet_session(CLIENT)
    found = preview_change(
        session, target("i-a"), OperationContext(session.runtime, deadline=0.0), strict=False
    )
    assert found.warnings[0].startswith("The preview could not read")


def test_the_floor_is_a_failure() -> None:
    """A change that would fall below the floor is refused under its property, or doubted while ids are unknown."""
    policy = Policy(min_running=2)
    less = target("i-a", recorded=True, policy=policy)
    assert [path for path, _ in look(less).failures] == ["minRunning"]
    doubted = look(replace(less, unknown_ids=None))
    assert doubted.failures == []
    assert doubted.warnings[0].startswith("minRunning: depending on ids that are not known yet, at most: ")


def test_one_machine_twice() -> None:
    """An instance and its own ECU in one list are refused."""
    assert [path for path, _ in look(target("i-a", "ecu-a")).failures] == ["ecuIds[1]"]


def test_foreign_members() -> None:
    """Foreign members that arrived are told, and under exclusive there is a warning that they go."""
    arrived = replace(CLIENT, live=application(member("a"), member("b"), member("e")))
    reported = look(target("i-a", "i-b", recorded=True), arrived)
    assert reported.lines[0].startswith("Drift: i-e joined")
    evicted = look(target("i-a", "i-b", recorded=True, policy=Policy(exclusive=True)), arrived)
    assert evicted.warnings[0].startswith("exclusive: 1 foreign member of deploy group group-1")


def test_what_another_membership_gives_up_is_no_warning() -> None:
    """An instance of another group is a warning, unless a membership of this run gives it up."""
    assert len(look(target("i-c")).warnings) == 1
    giving = Claim("other", GREEN, frozenset(), frozenset({"i-c"}))
    assert look(target("i-c"), claims=(giving,)).warnings == []
