from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.choices import ForceScaleIn
from pulumi_edas_scale.domain.codes import Message, format_failure
from pulumi_edas_scale.domain.drift import Drift, Traces, find_drift
from pulumi_edas_scale.domain.errors import BusinessError, UnavailableError
from pulumi_edas_scale.domain.model import (
    ApplicationSummary,
    ChangeOrder,
    DeployGroup,
    Floor,
    MemberState,
    OrderReport,
    Outcome,
    Policy,
    Recorded,
    RecordedMember,
    Scope,
    TaskFailure,
    WrongApplication,
)
from pulumi_edas_scale.domain.plan import Order, OrderKind, Plan, Refusal
from pulumi_edas_scale.domain.resolution import Absent, Cause
from tests.golden import golden
from tests.unit.readings import SCOPE, application, listed, machine, member, nameless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.model import Member

GOLDEN: Final = Path(__file__).parent / "golden" / "messages.txt"

GROUP: Final = "deploy group group-1 (application app-1)"

ABSENT: Final = Absent(listed("i-x")[0], Cause.NOT_IN_CLUSTER)
OUT: Final = Order(OrderKind.SCALE_OUT, ("ecu-b", "ecu-a"))
IN: Final = Order(OrderKind.SCALE_IN, ("ecu-a",), ("ecc-a",))
LONG: Final = Scope(
    "cn-hangzhou",
    "3616cdca-4f92-4413-a1b2-0123456789ab",
    "8123db90-880f-486f-b1c2-0123456789ab",
    "web-frontend",
    "blue-production",
)
GREEN: Final = "9123db90-880f-486f-b1c2-0123456789ab"
NAMES: Final = {"ecu-a": "i-a", "ecu-b": "i-b"}
NOTHING: Final = Plan((), (), (), (), (), (), (), (), (), (), (), 2, 2, 2, 2, (), ())
FAILURES: Final = (
    TaskFailure("10.0.0.1", "web-1", "Start Application", "EDAS-10001", "agent offline"),
    TaskFailure("10.0.0.9", "web-9", "", "EDAS-19999", "it broke"),
    TaskFailure("10.0.0.8", "", "Stop", "", "it broke, too"),
    TaskFailure("", "", "", "", "nothing worked"),
    TaskFailure("", "web-7", "", "", "nor did this"),
)


def report(*failures: TaskFailure, status: int = 3) -> OrderReport:
    """Return how an order ended in which this failed."""
    return OrderReport("order-1", status, "scale out", "alice", failures, None)


def recorded(*members: Member) -> Recorded:
    """Return the state in which these members were running."""
    return Recorded(
        tuple(RecordedMember(m.ecu_id, m.instance_id, m.ecc_id, m.ip, m.state, joined=True) for m in members)
    )


def outcome(*members: Member) -> Outcome:
    """Return that these members are managed and there are no others."""
    return Outcome(tuple((each, True) for each in members), (), 0, "blue", "cluster-1")


def all_states() -> list[Member]:
    """Return one member in each state, the first of each two in every state for the plural."""
    return [
        member(name, state)
        for names, state in zip(("ab", "cd", "ef", "gh", "jk"), MemberState, strict=True)
        for name in names
    ]


def plans() -> list[tuple[str, str]]:
    """Return descriptions of plans."""
    live = application(member("c"))
    full_names = messages.full_names(live, [machine("a"), machine("b")])
    join = replace(
        NOTHING, orders=(OUT,), join=("ecu-a", "ecu-b"), lowest_running=2, finally_members=4, absent=(ABSENT,)
    )
    swap = replace(NOTHING, orders=(OUT, IN), join=("ecu-a",), leave=(member("c"),), evict=(member("d"),))
    repair = replace(NOTHING, orders=(IN, OUT), broken=(member("c", MemberState.STOPPED),))
    adopt = replace(NOTHING, adopt=(member("b"), member("a")), kept=(member("c"),))
    batches = replace(NOTHING, orders=(OUT, OUT, OUT), join=("ecu-a", "ecu-b"))
    cases: list[tuple[str, Plan, int | None]] = [
        ("nothing", NOTHING, 0),
        ("join", join, 0),
        ("swap", swap, 0),
        ("swap, one id unknown", swap, 1),
        ("swap, a list unknown", swap, None),
        ("one id unknown", NOTHING, 1),
        ("a list unknown", NOTHING, None),
        ("repair", repair, 0),
        ("adopt", adopt, 0),
        ("batches", batches, 0),
    ]
    return [
        (f"plan: {name}", messages.describe_plan(plan, NAMES, full_names, 1, unknown))
        for name, plan, unknown in cases
    ]


def orders() -> list[tuple[str, str]]:
    """Return what is said of change orders."""
    active = ChangeOrder("order-1", "group-1", 1, "deploy", "alice", "now")
    bare = ChangeOrder("order-1", "group-1", 99, "", "", "")
    lookup = messages.addresses(application(member("a")))
    return [
        ("order: scale out", messages.describe_order(OUT, NAMES, NAMES)),
        ("order: repair", messages.describe_order(replace(IN, repair=True), NAMES, NAMES)),
        ("order: forced", messages.describe_order(replace(IN, force=True), {}, {})),
        ("order of somebody", messages.describe_active_order(active, SCOPE)),
        ("order of nobody", messages.describe_active_order(bare, SCOPE)),
        ("held", messages.describe_held("order-1", "alice")),
        ("held, by whom is unknown", messages.describe_held("order-1", "")),
        ("unknown status", messages.describe_unknown_status("order-1", 42)),
        ("bad end", messages.describe_bad_end(OUT, report(*FAILURES), SCOPE, NAMES, lookup)),
        ("bad end without a cause", messages.describe_bad_end(IN, report(status=6), SCOPE, {}, {})),
        (
            "bad end of many",
            messages.describe_bad_end(OUT, report(*[FAILURES[3]] * 12, status=10), SCOPE, NAMES, {}),
        ),
    ]


def said(failure: Failure) -> Message:
    """Return a failure as it is printed, after the path of its property."""
    return format_failure(*failure)


def refusals() -> list[tuple[str, str]]:
    """Return what is said of inputs and plans that cannot be."""
    live = application(member("c", group_id="group-2"))
    one = replace(NOTHING, leave=(member("a"),), evict=(), finally_running=1)
    two = replace(one, evict=(member("b"),))
    policy = Policy(min_running=2, max_removals=0)
    cases = [("refused", refusal, plan) for refusal in Refusal for plan in (one, two)]
    absent = [Absent(listed("i-c")[0], cause, "group-2") for cause in Cause]
    strange = replace(absent[0], cause=Cause.OTHER_GROUP, group_id="group-9")
    pages = [
        (
            f"{name} by {refusal.value}, {plan.removals}",
            said(messages.describe_refusal(refusal, plan, policy, SCOPE, Floor(policy.min_running))),
        )
        for name, refusal, plan in cases
    ]
    return [
        *pages,
        *((f"absent: it {each.cause.value}", said(messages.describe_absent(each, live))) for each in absent),
        *(
            (f"absent: {name}", told + messages.describe_holder(strange, releaser, begun=begun))
            for told in [said(messages.describe_absent(strange, live))]
            for name, releaser, begun in (
                ("nobody gives it up", None, False),
                ("its holder waits", "urn:web", False),
                ("its holder works", "urn:web", True),
            )
        ),
        ("absent: in a group without a name", said(messages.describe_absent(strange, live))),
        ("absent: cluster not told", said(messages.describe_absent(ABSENT, application(cluster_id="")))),
        ("evictions: one", messages.describe_evictions(replace(two, leave=()), SCOPE, 0)),
        (
            "evictions: two",
            messages.describe_evictions(replace(two, evict=(member("b"), member("a"))), SCOPE, None),
        ),
        ("repeated", said(messages.describe_repeated("ecuIds[0]", "instanceIds[1]", "ecu-a", "i-a"))),
        (
            "listed by another",
            said(messages.describe_listed_by_another("ecuIds[0]", "ecu-a", "i-a", "urn:other")),
        ),
        ("misspelt", said(messages.describe_misspelt("ecuIds[0]", "ECU-A", "ecu-a"))),
        ("no such group", said(messages.describe_missing_group(replace(SCOPE, group_id="group-9"), live))),
        (
            "no group at all",
            said(
                messages.describe_missing_group(replace(SCOPE, group_id="group-9"), replace(live, groups=()))
            ),
        ),
        ("a name is no id", said(messages.describe_missing_group(replace(SCOPE, group_id="blue"), live))),
        (
            "Kubernetes",
            said(messages.describe_kubernetes(SCOPE, ApplicationSummary("app-1", "shop", "cluster-1", 5))),
        ),
    ]


def truths() -> list[tuple[str, str]]:
    """Return what is said of members."""
    live = application(member("a"), member("b", group_id="group-2"), member("d", MemberState.STOPPED))
    before = recorded(member("a"), member("b"), member("d"), member("e"), nameless("f"))
    scale_in = ChangeOrder("order-1", "group-1", 2, "", "alice", "now", source="pop")
    traces = Traces(
        {
            "ecu-g": scale_in,
            "ecu-h": replace(scale_in, order_id="order-2", created_by=""),
            "ecu-i": replace(scale_in, source="console"),
        },
        frozenset({"ecu-j"}),
    )
    found = find_drift(before, live, SCOPE)
    others = Drift(gone=recorded(*map(member, "ghij")).members)
    drift = [
        *messages.describe_drift(found, live, SCOPE, traces),
        *messages.describe_drift(others, live, SCOPE, traces),
        *messages.describe_drift(Drift(gone=found.gone), live, SCOPE, Traces(looked=False)),
    ]
    unwell = [member("a", state) for state in MemberState]
    silent = [member("a", MemberState.AGENT_OFF), member("b", MemberState.AGENT_OFF), member("c")]
    return [
        ("members: read before", messages.describe_members(outcome(), 94.0)),
        ("time-out shorter than the join time-out", messages.describe_short_timeout(60, 300)),
        ("members: none", messages.describe_members(outcome())),
        ("members: one of each", messages.describe_members(outcome(*all_states()[::2]))),
        ("members: two of each", messages.describe_members(outcome(*all_states()))),
        *((f"drift {place}", words) for place, words in enumerate(drift, 1)),
        *unfinished_work(),
        *(
            (f"arrivals: exclusive {exclusive}, {place}", words)
            for exclusive in (False, True)
            for place, words in enumerate(
                messages.describe_arrivals(
                    [member("b"), nameless("c"), *map(member, "gi")], SCOPE, traces, exclusive=exclusive
                ),
                1,
            )
        ),
        ("not up", messages.describe_not_up(unwell, ["i-z", "i-y"], 300.4)),
        ("never deployed", messages.describe_never_deployed(SCOPE)),
        ("adopted, and down", messages.describe_adopted_down(unwell[2:4], SCOPE)),
        ("silent leavers", messages.silent_leavers(IN, Policy(), silent)),
        ("states", messages.describe_states(all_states())),
        ("the end", messages.describe_end([member("a")])),
        ("the end, nobody left", messages.describe_end([])),
    ]


def unfinished_work() -> list[tuple[str, str]]:
    """Return what is said of work that was interrupted, of lists left to somebody else, and of busy groups."""
    ours = Drift(
        left=recorded(member("a")).members,
        unjoined=recorded(member("e")).members,
        leaving=(member("b"),),
        down=(member("c", MemberState.STOPPED),),
        joining=("i-d",),
    )
    others = Drift(gone=recorded(member("a")).members, moved=(member("b", group_id="group-2"),))
    reached = Drift(dropped=recorded(member("a")).members, risen=(member("b"),))
    scale_out = ChangeOrder("order-1", "group-1", 2, "", "alice", "now")
    plan = replace(NOTHING, leave=(member("a"),), kept=(member("b"),))
    return [
        *(
            (f"reached {place}", words)
            for place, words in enumerate(messages.describe_reached(reached, SCOPE), 1)
        ),
        ("staying: one", messages.describe_staying([member("a")], SCOPE, Traces()) or ""),
        (
            "staying: two, by an order",
            messages.describe_staying([member("a"), member("b")], SCOPE, Traces({"ecu-a": scale_out})) or "",
        ),
        ("unfinished", messages.describe_unfinished(ours, ["order-1"], SCOPE) or ""),
        ("left alone", messages.describe_left_alone(others, SCOPE) or ""),
        ("busy", messages.describe_busy(others, SCOPE) or ""),
        ("plan of a replacement", messages.describe_replaced(plan, SCOPE, NAMES)),
        ("nothing leaves", messages.describe_nothing_leaves(plan.leave, SCOPE)),
    ]


def wrong_applications() -> list[tuple[str, str]]:
    """Return what is said of an id that is not that of an application."""
    shop = ApplicationSummary("app-1", "shop", "cluster-1", 2)
    named = replace(SCOPE, app_id="shop")
    place = "endpoint http://127.0.0.1:1, profile ci"
    return [
        (
            "a name of an application",
            said(messages.describe_wrong_application(named, WrongApplication(shop, ()), place)),
        ),
        (
            "not listed",
            said(messages.describe_wrong_application(SCOPE, WrongApplication(None, (shop,)), place)),
        ),
        ("applications: none", messages.describe_applications(())),
        ("application without a name", messages.describe_application(SCOPE)),
        ("application and group by name", messages.describe_group(SCOPE.named(application()))),
    ]


def outages() -> list[tuple[str, str]]:
    """Return what is said when EDAS cannot be read."""
    refused = BusinessError("QueryApplicationStatus", "601", "application not exist", "req-1")
    lost = UnavailableError("QueryApplicationStatus", message="connection reset")
    return [
        ("status: a reading is repeated", messages.describe_retry(lost, 0.4)),
        ("status: it is repeated for long", messages.describe_retry(refused, 12.3)),
        ("status: too many calls", messages.describe_budget("QueryApplicationStatus", 31.2)),
        ("status: shared call", messages.describe_shared("QueryApplicationStatus", 12.4)),
        ("settings of another provider", messages.describe_ignored_settings(["alicloud:accessKey"])),
        ("preview cannot read", messages.describe_unreadable(SCOPE, lost)),
        ("not looked at", messages.describe_not_looked_at(SCOPE, lost)),
        ("not looked at, no answer", messages.describe_not_looked_at(SCOPE, TimeoutError())),
        ("gone or not", messages.describe_not_gone(SCOPE, "cluster-1", refused)),
        ("gone or not, no cluster recorded", messages.describe_not_gone(SCOPE, "", refused)),
    ]


def page() -> str:
    """Return every message a user can meet, each under its name."""
    sections: Sequence[tuple[str, str]] = [
        *plans(),
        *orders(),
        *refusals(),
        *truths(),
        *outages(),
        *wrong_applications(),
    ]
    return "\n".join(
        f"[{name}]\n{words.with_code() if isinstance(words, Message) else words}\n"
        for name, words in sections
    )


def test_every_message() -> None:
    """Every message a user can meet reads as the page of messages shows it; UPDATE_GOLDEN=1 writes the page."""
    assert page() == golden(GOLDEN, page())


def test_every_function_is_on_the_page() -> None:
    """No public description of this file is missing on the page of messages."""
    source = Path(__file__).read_text(encoding="utf-8")
    parts = {"describe_status", "describe_group"}
    public = [each for each in vars(messages) if each.startswith("describe_") and each not in parts]
    assert [each for each in public if f"messages.{each}(" not in source] == []


@pytest.mark.parametrize("count", [0, 1, 10, 11, 25])
def test_lists_are_sorted_and_cut_at_ten(count: int) -> None:
    """A list is sorted, and of more than ten items only the number of the others is told."""
    names = [f"i-{place:02}" for place in range(count)]
    whole = ", ".join(names[:10])
    assert messages.join_list(reversed(names)) == (f"{whole} and {count - 10} more" if count > 10 else whole)


def test_a_member_is_called_by_its_ecs_id() -> None:
    """A member is called by its ECS id where EDAS tells it, else by its ECU id."""
    assert (messages.short_name(member("a")), messages.short_name(nameless("a"))) == ("i-a", "ecu-a")


def test_names_by_ecu_id() -> None:
    """Machines and members of a reading are found by ECU id, with and without place; a member counts more."""
    live = application(member("a"), nameless("b"))
    free = [machine("a", zone="zone-9"), machine("c"), replace(machine("d"), instance_id="", ip="", zone="")]
    assert messages.short_names(live, free) == {
        "ecu-a": "i-a",
        "ecu-b": "ecu-b",
        "ecu-c": "i-c",
        "ecu-d": "ecu-d",
    }
    assert messages.full_names(live, free) == {
        "ecu-a": "i-a (10.0.0.1, zone-1)",
        "ecu-b": "ecu-b",
        "ecu-c": "i-c (10.0.0.3, zone-1)",
        "ecu-d": "ecu-d",
    }


def test_names_by_address() -> None:
    """Machines and members are found by their address; one without an address is not there."""
    free = [replace(machine("c"), instance_id=""), replace(machine("d"), ip="")]
    assert messages.addresses(application(member("a"), nameless("b")), free) == {
        "10.0.0.1": "i-a",
        "10.0.0.3": "ecu-c",
    }


def test_a_failed_order_in_full() -> None:
    """A failed order tells what was asked, how it ended, and for the instance EDAS's code, its cause and a fix."""
    names = messages.addresses(application(member("a")))
    assert messages.describe_bad_end(OUT, report(FAILURES[0]), SCOPE, NAMES, names) == (
        f"Scale out of i-a, i-b to {GROUP} failed: change order order-1 ended as failed (3). i-a (10.0.0.1): "
        "EDAS-10001 STAR_AGENT_OFFLINE in 'Start Application', the agent through which EDAS runs commands does not "
        "answer; restart it on the instance: sh /home/staragent/bin/staragentctl restart."
    )


def test_an_id_outside_of_the_cluster_in_full() -> None:
    """An id that EDAS cannot add is told with its path, its cluster, and the two ways out."""
    assert said(messages.describe_absent(ABSENT, application())) == (
        "instanceIds[0]: 'i-x' is not in cluster cluster-1 of application shop (app-1), so EDAS cannot add it. Import "
        "the instance into that cluster, or remove it from the list."
    )


def test_a_plan_in_full() -> None:
    """A plan tells who joins, who leaves and what it costs, in the order in which it happens."""
    plan = replace(
        NOTHING,
        orders=(OUT, IN),
        join=("ecu-b", "ecu-a"),
        leave=(member("c"),),
        lowest_running=3,
        finally_members=4,
    )
    assert messages.describe_plan(plan, NAMES, NAMES, 2, 0) == (
        "scale out 2: i-a, i-b; then scale in 1: i-c; lowest running 3 of 4 (floor 2)"
    )


def test_the_orders_of_a_repair_are_told_beside_it() -> None:
    """A member whose join is repaired is not said to be adopted too, and the orders stand with what needs them."""
    broken = member("c", MemberState.STOPPED)
    repair = replace(NOTHING, orders=(IN, OUT), broken=(broken,), adopt=(member("a"), broken))
    assert messages.describe_plan(repair, NAMES, NAMES, None, 0) == (
        "repair 1 failed join: i-c, in 2 orders; adopt 1 existing member: i-a; lowest running 2 of 2"
    )


def test_a_group_without_a_name_has_none() -> None:
    """A group without a name is told by its id alone."""
    live = replace(application(), groups=(DeployGroup("group-2", "", deployed=True),))
    _, words = messages.describe_absent(Absent(listed("i-a")[0], Cause.OTHER_GROUP, "group-2"), live)
    assert "group-2. Remove it" in words


def test_a_healthy_membership_has_not_drifted() -> None:
    """Nothing is said of members that run where they were recorded."""
    live = application(member("a"))
    drift = find_drift(recorded(member("a")), live, SCOPE)
    assert messages.describe_drift(drift, live, SCOPE, Traces()) == ()
    assert messages.describe_reached(drift, SCOPE) == ()
    assert messages.describe_staying((), SCOPE, Traces()) is None
    assert messages.describe_unfinished(drift, (), SCOPE) is None
    assert messages.describe_left_alone(drift, SCOPE) is None
    assert messages.describe_busy(drift, SCOPE) is None


def test_known_neighbours_are_no_news() -> None:
    """Nothing is said of foreign members that are recorded already."""
    assert messages.describe_arrivals((), SCOPE, Traces(), exclusive=False) == ()


@pytest.mark.parametrize(
    ("order", "policy", "state"),
    [
        (OUT, Policy(), MemberState.AGENT_OFF),
        (IN, Policy(force_scale_in=ForceScaleIn.OFFLINE), MemberState.AGENT_OFF),
        (IN, Policy(), MemberState.RUNNING),
    ],
    ids=["scale out", "forced already", "agent answers"],
)
def test_no_hint_where_force_does_not_help(order: Order, policy: Policy, state: MemberState) -> None:
    """The hint at forceScaleIn is given only where it would have helped."""
    assert messages.silent_leavers(order, policy, [member("a", state)]) == ""


def test_everybody_is_up_but_unseen() -> None:
    """A joiner that EDAS does not list is told although there is no member to describe."""
    assert messages.describe_not_up([], ["i-a"], 60.0) == (
        "After 60 seconds: i-a: the change order ended well, but EDAS does not list it as a member."
    )


def test_a_joiner_is_told_with_its_state_and_a_fix() -> None:
    """A joiner that did not come up is told with its address, its state and the next thing to do there."""
    assert messages.describe_not_up([member("a", MemberState.AGENT_OFF)], [], 60.0) == (
        "After 60 seconds: i-a (10.0.0.1) is listed but its agent is off. Restart the EDAS agent on the instance, or "
        "the instance itself."
    )


def test_a_replacement_that_another_membership_keeps_in_place() -> None:
    """Where nobody leaves the old group, the words name only those who stay in it."""
    plan = replace(NOTHING, kept=(member("a"),))
    words = messages.describe_replaced(plan, SCOPE, NAMES)
    assert "keep 1 owned by another membership" in words
    assert "i-a" in words
    assert "scale in" not in words


def test_a_line_where_nothing_failed_is_short() -> None:
    """A status line or a warning about ten machines with real ids and names keeps to about 300 characters."""
    ten = tuple(
        replace(
            member(f"{number:022}", group_id=LONG.group_id),
            instance_id=f"i-bp1{number:018}",
            ip=f"172.16.100.{100 + number}",
            zone="cn-hangzhou-j",
        )
        for number in range(10)
    )
    away = tuple(replace(each, group_id=GREEN) for each in ten)
    live = replace(
        application(*ten),
        app_id=LONG.app_id,
        name="web-frontend",
        groups=(DeployGroup(GREEN, "green-canary", deployed=True),),
    )
    gone = recorded(*ten).members
    names, places = messages.short_names(live), messages.full_names(live)
    ecus = tuple(each.ecu_id for each in ten)
    swap = replace(NOTHING, join=ecus, leave=ten, evict=ten, orders=(OUT,))
    repair = replace(NOTHING, broken=ten, adopt=ten, orders=(OUT,))
    kept = replace(NOTHING, leave=ten, kept=ten, orders=(OUT,))
    down = tuple(replace(each, state=MemberState.AGENT_OFF) for each in ten)
    drift = Drift(gone=gone, moved=away, unwell=down, left=gone, leaving=ten)
    order = ChangeOrder(LONG.group_id, GREEN, 2, "Scale In", "alice@example.com", "now")
    lines = [
        messages.describe_order(replace(OUT, ecu_ids=ecus, repair=True, force=True), names, places),
        *(messages.describe_plan(plan, names, places, 1, 3) for plan in (swap, repair, kept)),
        messages.describe_replaced(kept, LONG, places),
        messages.describe_evictions(swap, LONG, 0),
        *messages.describe_drift(drift, live, LONG, Traces()),
        *messages.describe_drift(replace(drift, gone=gone[:1]), live, LONG, Traces({ecus[0]: order})),
        *messages.describe_reached(Drift(dropped=gone, risen=ten), LONG),
        messages.describe_staying(ten, LONG, Traces({ecus[0]: order})) or "",
        messages.describe_left_alone(drift, LONG) or "",
        messages.describe_busy(drift, LONG) or "",
        messages.describe_unfinished(replace(drift, leaving=()), [LONG.app_id], LONG) or "",
        *messages.describe_arrivals(ten, LONG, Traces(), exclusive=True),
        *messages.describe_arrivals(ten, LONG, Traces(dict.fromkeys(ecus, order)), exclusive=False),
        messages.describe_active_order(
            ChangeOrder(LONG.group_id, GREEN, 1, "Deploy V2", "alice", "now"), LONG
        ),
        messages.describe_held(LONG.group_id, "alice@example.com"),
        messages.describe_unknown_status(LONG.group_id, 42),
        messages.describe_short_timeout(1200, 1800),
        messages.describe_never_deployed(LONG),
        messages.describe_adopted_down(down, LONG),
        messages.describe_nothing_leaves(ten, LONG),
        messages.describe_budget("ListRecentChangeOrder", 59.0),
        messages.describe_ignored_settings(["alicloud:accessKey", "alicloud:profile"]),
        messages.describe_end(ten),
    ]
    assert all(line and "\n" not in line for line in lines)
    assert [line for line in lines if len(line) > messages.LONGEST_LINE + 20] == []
