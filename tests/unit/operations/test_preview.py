from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.errors import (
    EdasError,
    OperationError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import (
    Application,
    ApplicationSummary,
    ChangeOrder,
    MemberState,
    Policy,
    Recorded,
    RecordedMember,
    Scope,
    TaskState,
)
from pulumi_edas_scale.edas.rate_limit import CALLS_PER_MINUTE
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.observe import Target
from pulumi_edas_scale.operations.preview import Preview, preview_change, preview_replacement
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
HALF_A_MINUTE = 30.0
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
    return preview_change(session, what, OperationContext(session.runtime), strict=strict)


def test_nothing_to_do_says_nothing() -> None:
    """The preview of a membership that is as it should be has no lines, warnings or failures."""
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
    assert look(target("i-a")).lines == ["no change orders; adopt 1 existing member: i-a"]


def test_an_order_of_somebody_is_shown() -> None:
    """An order that occupies the application is shown before the plan, and only where an order would be sent."""
    running = replace(ORDER, description="Deploy V2", created_by="Alice")
    busy = replace(CLIENT, orders=(running, replace(ORDER, order_id="order-0", status=2)))
    found = look(target("i-a", recorded=True), busy)
    assert found.lines == [
        (
            "Now waiting for change order order-1 'Deploy V2' of application shop (app-1), started by Alice: it is "
            "running (1)."
        ),
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
        "instanceIds[0]: 'i-x' is not in cluster cluster-1 of application shop (app-1), so EDAS cannot add it. Import "
        "the instance into that cluster, or remove it from the list."
    )
    assert look(target("i-x")).warnings == [words]
    strict = look(target("i-x"), strict=True)
    assert (strict.warnings, strict.failures) == ([], [("", words)])


def test_a_group_that_is_not_there() -> None:
    """A group that is not there may still be created; the name of a group given as its id never becomes right."""
    missing = look(target("i-a", scope=replace(SCOPE, group_id="group-9")))
    assert (len(missing.warnings), missing.failures, missing.observation) == (1, [], None)
    named = look(target("i-a", scope=replace(SCOPE, group_id="green")))
    assert [path for path, _ in named.failures] == ["groupId"]
    assert not named.changes_membership


def test_a_create_that_cannot_be_read() -> None:
    """That EDAS cannot be read is a warning for a create, with the applications that there are."""
    found = look(target("i-a", scope=replace(SCOPE, app_id="app-9")))
    assert found.failures == []
    assert found.warnings == [
        (
            "appId: application app-9 is not listed in region cn-hangzhou (). It may be deleted, or in another region "
            "or account. Its applications are: shop (app-1)."
        )
    ]


def test_the_name_of_an_application() -> None:
    """The name of an application never becomes its id, so the preview fails with the id."""
    found = look(target("i-a", scope=replace(SCOPE, app_id="shop")))
    assert found.failures == [("appId", "'shop' is the name of an application; its id is needed: app-1.")]


def test_a_recorded_membership_that_cannot_be_read() -> None:
    """What could not be looked at is not clean: a recorded membership that cannot be read fails the preview."""
    with pytest.raises(OperationError, match=r"Reading deploy group group-1 \(application app-9\)") as caught:
        look(target("i-a", recorded=True, scope=replace(SCOPE, app_id="app-9")))
    assert "application not exist" in str(caught.value)


def test_a_recorded_group_that_is_gone() -> None:
    """A deleted group never comes back under its id, so no other resource can mend it."""
    found = look(target("i-a", recorded=True, scope=replace(SCOPE, group_id="group-9")))
    assert [path for path, _ in found.failures] == ["groupId"]


@dataclass
class FailingClient(QuietClient):
    """An EDAS whose applications cannot be read."""

    error: EdasError = field(
        default_factory=lambda: UnavailableError("QueryApplicationStatus", "503", "down")
    )

    def read_application(self, app_id: str) -> Application:
        """Fail."""
        del app_id
        raise self.error


def test_a_recorded_membership_without_members_is_looked_at() -> None:
    """S68: a list of nobody, exclusive perhaps, is not clean either when EDAS cannot be read."""
    client = FailingClient(CLIENT.live, error=PermissionDeniedError("QueryApplicationStatus", "403", "no"))
    empty = replace(target(), recorded=Recorded(cluster_id="cluster-1", group_name="blue"))
    with pytest.raises(OperationError, match="cannot be told whether anything changed"):
        look(empty, client)


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("QueryApplicationStatus", "503", "down"),
        ThrottledError("QueryApplicationStatus", "Throttling.User", "too many", retry_after=60.0),
        PermissionDeniedError("QueryApplicationStatus", "403", "no", action="edas:ReadApplication"),
    ],
    ids=["outage", "throttled", "permission"],
)
def test_a_preview_ends_within_half_a_minute(error: EdasError) -> None:
    """However EDAS refuses, the preview of a recorded membership fails within half a minute, with the cause."""
    session = quiet_session(FailingClient(CLIENT.live, error=error))
    with pytest.raises(OperationError) as caught:
        preview_change(session, target("i-a", recorded=True), OperationContext(session.runtime), strict=False)
    assert str(error) in str(caught.value)
    assert session.runtime.now() <= HALF_A_MINUTE


def test_the_queue_of_our_own_calls_is_no_failure() -> None:
    """A stack with more applications than EDAS may be asked for in a minute is previewed all the same."""
    session = quiet_session(CLIENT)
    context = OperationContext(session.runtime)
    for _ in range(CALLS_PER_MINUTE["QueryApplicationStatus"]):
        session.reads.reserve("QueryApplicationStatus", context)
    found = preview_change(
        session, target("i-a", "i-b", recorded=True), OperationContext(session.runtime), strict=False
    )
    assert session.runtime.now() > HALF_A_MINUTE
    assert found.failures == []


def test_our_own_work_is_no_drift() -> None:
    """A scale in of ours that ended, and a join that failed, are unfinished work of ours; who left else is drift."""
    before = Recorded(
        (*NOW, RecordedMember("ecu-d", "i-d", "ecc-d", "10.0.0.4", MemberState.STOPPED, joined=False)),
        listed("i-a", "i-d"),
        change_order_ids=("order-1",),
        unsettled=frozenset({"ecu-d"}),
        cluster_id="cluster-1",
    )
    live = application(member("d", MemberState.STOPPED, task=TaskState.FAILED))
    found = look(
        replace(target("i-a", "i-d"), recorded=before), replace(CLIENT, live=live, machines=(machine("a"),))
    )
    assert found.warnings[:2] == [
        (
            "Unfinished work of the last update (change order order-1) in deploy group blue (group-1) of application "
            "shop (app-1): left as ordered: i-b; joined, but not up: i-d is listed but does not run (AppState 1). "
            "'pulumi up' "
            "finishes it."
        ),
        (
            "Drift: i-a left deploy group blue (group-1) of application shop (app-1). How is not known: no recent "
            "change order names it."
        ),
    ]
    assert found.unfinished


def test_members_of_another_membership_are_no_drift() -> None:
    """What another membership of the run lists in the group, or listed until now, is told by that one alone."""
    wish = replace(CLIENT, live=application(member("a"), member("b"), member("c"), member("e"), member("f")))
    others = (
        Claim("two", SCOPE, frozenset({"i-c"})),
        Claim("three", GREEN, frozenset({"i-e"}), left=(SCOPE, frozenset({"ecu-e"}))),
    )
    (line,) = look(target("i-a", "i-b", recorded=True), wish, claims=others).lines
    assert line.startswith("Drift: i-f joined deploy group blue (group-1) of application shop (app-1)")


def test_ignored_lists_are_left_alone() -> None:
    """Who is in a list under ignoreChanges is left to somebody else, also under exclusive."""
    what = target("i-a", "i-b", recorded=True, policy=Policy(exclusive=True))
    live = application(member("a"), member("e"))
    found = look(replace(what, ignored=frozenset({"instanceIds"})), replace(CLIENT, live=live))
    assert found.lines[0] == (
        "Left deploy group blue (group-1) of application shop (app-1) and left alone, because of ignoreChanges: i-b."
    )
    assert (found.warnings, found.failures, found.changes_membership) == ([], [], False)


def replaced(*ids: str, client: QuietClient = CLIENT) -> Preview:
    """Return the preview of a membership of i-a and i-b that goes to the other group with these members."""
    session = quiet_session(client)
    old = replace(target(recorded=True), deleting=True)
    return preview_replacement(
        (session, old), (session, target(*ids, scope=GREEN)), OperationContext(session.runtime)
    )


def test_a_replacement_lists_what_leaves() -> None:
    """A replacement that deletes first names who leaves; who leaves there may join here."""
    found = replaced("i-a", "i-b", "i-d")
    assert found.lines == [
        (
            "Replacement, in the old deploy group blue (group-1) of application shop (app-1): scale in 2: i-a "
            "(10.0.0.1, zone-1), i-b (10.0.0.2, zone-1)"
        )
    ]
    assert (found.warnings, found.failures) == ([], [])


@pytest.mark.parametrize(
    ("client", "path"),
    [
        (replace(CLIENT, machines=(machine("d", online=False),)), "instanceIds[1]"),
        (replace(CLIENT, machines=(), cluster=(in_cluster("d"),)), "instanceIds[1]"),
        (replace(CLIENT, machines=(), cluster=()), "instanceIds[1]"),
        (replace(CLIENT, live=application(member("a", online=False), member("b"))), "instanceIds[0]"),
    ],
    ids=["agent off", "another application", "not in the cluster", "a leaver whose agent is off"],
)
def test_nothing_leaves_for_those_who_cannot_join(client: QuietClient, path: str) -> None:
    """A replacement that deletes first fails while a listed machine cannot join, whatever the reason."""
    found = replaced("i-a", "i-d", client=client)
    assert [each for each, _ in found.failures] == [path, ""]
    assert "takes i-a, i-b out of deploy group blue" in found.failures[-1][1]
    assert "nothing leaves" in found.failures[-1][1]


def test_a_new_group_that_is_not_known() -> None:
    """While the new place is not known, what leaves is listed and nobody is judged."""
    session = quiet_session(CLIENT)
    found = preview_replacement(
        (session, replace(target(recorded=True), deleting=True)), None, OperationContext(session.runtime)
    )
    assert (len(found.lines), found.failures) == (1, [])


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
    assert evicted.warnings[0].startswith("exclusive: 1 foreign member of deploy group blue (group-1)")


def test_what_another_membership_gives_up_is_no_warning() -> None:
    """An instance of another group is a warning, unless a membership of this run gives it up."""
    assert len(look(target("i-c")).warnings) == 1
    giving = Claim("other", GREEN, frozenset(), frozenset({"i-c"}))
    assert look(target("i-c"), claims=(giving,)).warnings == []
