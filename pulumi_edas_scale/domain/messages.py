"""What to say to the user, in words.

This file's law: it turns values into sentences and decides nothing. A message says what was attempted on which
ids, the evidence, what is true now, and the next command or input (ARCHITECTURE.md, "Messages"). Lists are sorted
and cut at ten; an instance is named by its ECS id where EDAS reports it, else by its ECU id.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.choices import ForceScaleIn
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import EdasError
from pulumi_edas_scale.domain.model import MemberState
from pulumi_edas_scale.domain.orders import describe_status
from pulumi_edas_scale.domain.plan import OrderKind, Refusal
from pulumi_edas_scale.domain.resolution import Cause
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.drift import Drift, Traces
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        Floor,
        Machine,
        Member,
        OrderReport,
        Outcome,
        Policy,
        RecordedMember,
        Scope,
        TaskFailure,
        WrongApplication,
    )
    from pulumi_edas_scale.domain.plan import Order, Plan
    from pulumi_edas_scale.domain.resolution import Absent

LONGEST_LIST: Final = 10

LONGEST_LINE: Final = 300
"""Characters, about, of a line that says something where nothing failed."""

CONSOLE: Final = "console"
"""The source of a change order that a person started in the EDAS console; the other one is the API."""

_STATE_WORDS: Final = {
    MemberState.RUNNING: ("runs", "run"),
    MemberState.UNHEALTHY: (
        "runs, but its health check fails (AppState 3)",
        "run, but their health checks fail (AppState 3)",
    ),
    MemberState.STOPPED: (
        "is listed but does not run (AppState 1)",
        "are listed but do not run (AppState 1)",
    ),
    MemberState.AGENT_OFF: ("is listed but its agent is off", "are listed but their agents are off"),
    MemberState.UNKNOWN: (
        "is listed in a state EDAS does not document",
        "are listed in a state EDAS does not document",
    ),
}

_STATE_FIXES: Final = {
    MemberState.UNHEALTHY: "Check the health check URL of the application and its logs on the instance.",
    MemberState.STOPPED: "Read the application's logs on the instance and start it there or in the EDAS console.",
    MemberState.AGENT_OFF: "Restart the EDAS agent on the instance, or the instance itself.",
}


def join_list(items: Iterable[str], most: int = LONGEST_LIST) -> str:
    """Return the items sorted and joined by commas, cut at ten or fewer with a count."""
    ordered = sorted(items)
    if len(ordered) <= most:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:most])} and {len(ordered) - most} more"


def fit(line: Callable[[int], str]) -> str:
    """Return a line with lists as long as it can hold: ``line`` gets how many items a list may have."""
    lines = (line(most) for most in range(LONGEST_LIST, 1, -1))
    return next((each for each in lines if len(each) <= LONGEST_LINE), line(1))


def short_name(member: Member) -> str:
    """Return how a member is called: its ECS id where EDAS reports it, else its ECU id."""
    return member.instance_id or member.ecu_id


def short_names(application: Application, machines: Iterable[Machine] = ()) -> dict[str, str]:
    """Return by ECU id how each machine of a reading is called."""
    named = {each.ecu_id: each.instance_id or each.ecu_id for each in machines}
    return named | {each.ecu_id: short_name(each) for each in application.members}


def full_names(application: Application, machines: Iterable[Machine] = ()) -> dict[str, str]:
    """Return by ECU id the name with address and zone, ``i-a (10.0.0.3, cn-hangzhou-b)``."""
    found = {each.ecu_id: _placed(each.instance_id or each.ecu_id, each.ip, each.zone) for each in machines}
    return found | {
        each.ecu_id: _placed(short_name(each), each.ip, each.zone) for each in application.members
    }


def addresses(application: Application, machines: Iterable[Machine] = ()) -> dict[str, str]:
    """Return by address how each machine of a reading is called."""
    named = {each.ip: each.instance_id or each.ecu_id for each in machines if each.ip}
    return named | {each.ip: short_name(each) for each in application.members if each.ip}


def _placed(name: str, ip: str, zone: str) -> str:
    known = ", ".join(part for part in (ip, zone) if part)
    return f"{name} ({known})" if known else name


def describe_group(scope: Scope) -> str:
    """Return how a deploy group is named in a message: by its names, where they are known, and ids."""
    if not (scope.app_name or scope.group_name):
        return f"deploy group {scope.group_id} (application {scope.app_id})"
    return f"deploy group {name_and_id(scope.group_name, scope.group_id)} of {describe_application(scope)}"


def describe_application(scope: Scope) -> str:
    """Return how an application is named in a message."""
    return f"application {name_and_id(scope.app_name, scope.app_id)}"


def name_and_id(name: str, id_: str) -> str:
    """Return ``web (4f1fb6f5)``, or the id alone where there is no name."""
    return f"{name} ({id_})" if name else id_


def describe_order(order: Order, names: Mapping[str, str], places: Mapping[str, str]) -> str:
    """Return an order in words, ``scale out 2: i-a, i-b``, with the places of the machines if the line stays short."""
    forced = ", forced because their agents are off" if order.force else ""
    whose = "its join" if len(order.ecu_ids) == 1 else "their joins"
    again = f" to repair {whose}" if order.repair else ""

    def line(names: Mapping[str, str], most: int) -> str:
        who = join_list((names.get(each, each) for each in order.ecu_ids), most)
        return f"{order.kind.value} {len(order.ecu_ids)}{again}{forced}: {who}"

    with_places = line(places, LONGEST_LIST)
    return with_places if len(with_places) <= LONGEST_LINE else fit(lambda most: line(names, most))


def describe_plan(
    plan: Plan,
    names: Mapping[str, str],
    places: Mapping[str, str],
    floor: int | None,
    unknown_ids: int | None,
) -> str:
    """Return what EDAS will be asked to do, and what it costs in capacity.

    Args:
        plan: the decision.
        names: how each machine is called, by ECU id.
        places: the same with address and zone, which are left out where the line would be long.
        floor: what minRunning says; None for a delete, to which it does not apply.
        unknown_ids: desired ids the preview does not know; None when not even their number is known.

    Returns:
        One sentence; ``no change orders`` when nothing has to be sent.
    """
    with_places = _plan_line(plan, places, floor, unknown_ids, LONGEST_LIST)
    if len(with_places) <= LONGEST_LINE:
        return with_places
    return fit(lambda most: _plan_line(plan, names, floor, unknown_ids, most))


def _plan_line(
    plan: Plan, names: Mapping[str, str], floor: int | None, unknown_ids: int | None, most: int
) -> str:
    def listed(members: Sequence[Member]) -> str:
        return join_list((names.get(each.ecu_id, short_name(each)) for each in members), most)

    parts = _joining_words(plan, names, unknown_ids, most)
    if plan.broken:
        joins = "1 failed join" if len(plan.broken) == 1 else f"{len(plan.broken)} failed joins"
        parts.append(f"repair {joins}: {listed(plan.broken)}")
    leaving = [*plan.leave, *plan.evict]
    if leaving:
        at_most, of = ("", "") if unknown_ids == 0 else ("at most ", " of")
        parts.append(f"scale in {at_most}{len(leaving)}{of}: {listed(leaving)}")
    sentence = "; then ".join(parts) if parts else "no change orders"
    if parts and len(plan.orders) > len(parts):
        sentence += f", in {len(plan.orders)} orders"
    adopt = [each for each in plan.adopt if each not in plan.broken]
    if adopt:
        who = join_list(map(short_name, adopt), most)
        sentence += f"; adopt {len(adopt)} existing member{'s' if len(adopt) > 1 else ''}: {who}"
    if plan.kept:
        sentence += f"; {_kept(plan, most)}"
    if not parts:
        return sentence
    bound = "" if floor is None else f" (floor {floor})"
    return f"{sentence}; lowest running {plan.lowest_running} of {plan.finally_members}{bound}"


def _kept(plan: Plan, most: int) -> str:
    return f"keep {len(plan.kept)} owned by another membership: {join_list(map(short_name, plan.kept), most)}"


def _joining_words(
    plan: Plan, names_by_ecu: Mapping[str, str], unknown_ids: int | None, most: int
) -> list[str]:
    names = [names_by_ecu.get(each, each) for each in plan.join]
    names += [f"{each.listed.id} (not there yet)" for each in plan.absent]
    if not names and unknown_ids == 0:
        return []
    if not names:
        number = f"{unknown_ids} " if unknown_ids else ""
        return [f"scale out {number}(id{'' if unknown_ids == 1 else 's'} not known yet)"]
    more = " or more" if unknown_ids is None else ""
    unknown = (
        "" if unknown_ids == 0 else f", {'others' if unknown_ids is None else unknown_ids} not known yet"
    )
    return [f"scale out {len(names) + (unknown_ids or 0)}{more}: {join_list(names, most)}{unknown}"]


def describe_evictions(plan: Plan, scope: Scope, unknown_ids: int | None) -> Message:
    """Return the warning that names the foreign members ``exclusive`` scales in."""
    at_most = "at most " if unknown_ids != 0 else ""
    one = len(plan.evict) == 1
    members, they, them = ("member", "it is", "it") if one else ("members", "they are", "them")
    words = fit(
        lambda most: (
            f"exclusive: {at_most}{len(plan.evict)} foreign {members} of {describe_group(scope)} will be scaled in, "
            f"because {they} not listed: {join_list(map(short_name, plan.evict), most)}. List {them}, or "
            "set exclusive to false."
        )
    )
    return Message("ES308", words)


def describe_refusal(  # noqa: PLR0913 - a decision, and what it is held against
    refusal: Refusal, plan: Plan, policy: Policy, scope: Scope, floor: Floor, *, removed: int | None = None
) -> Failure:
    """Return the property path and the reason of what forbids a plan.

    ``removed`` is how many members the same change has scaled in before; None when it has sent nothing.
    """
    leaving = [*plan.leave, *plan.evict]
    who = join_list(short_name(each) for each in leaving)
    nothing = "Nothing was sent." if removed is None else "What was changed before stays changed."
    if refusal is Refusal.MAX_REMOVALS:
        members = "1 member" if len(leaving) == 1 else f"{len(leaving)} members"
        before = f" after {removed} that left before" if removed else ""
        return "maxRemovals", Message(
            "ES202",
            f"{members} would leave {describe_group(scope)} ({who}){before}, but maxRemovals is "
            f"{policy.max_removals}. {nothing} Raise maxRemovals if this is meant, or list the members.",
        )
    if floor.urn:
        return "minRunning", Message(
            "ES201",
            f"scaling in {len(leaving)} of {describe_group(scope)} ({who}) would leave {plan.finally_running} running, "
            f"but minRunning of {floor.urn}, which has members in the same group, is {floor.min_running}. {nothing} "
            "Add instances to that membership first, start members that do not run, or lower its minRunning.",
        )
    return "minRunning", Message(
        "ES201",
        f"scaling in {len(leaving)} of {describe_group(scope)} ({who}) would leave {plan.finally_running} running, "
        f"but minRunning is {floor.min_running}. {nothing} Add instances first, start members that do not "
        "run, or lower minRunning.",
    )


USED_ELSEWHERE: Final = frozenset({Cause.OTHER_GROUP, Cause.OTHER_APPLICATION})
"""Why a listed id is absent although nothing is wrong with its machine: somebody holds it."""


def describe_absent(absent: Absent, live: Application) -> Failure:
    """Return what is wrong with a listed id, why, and what to do."""
    each = absent.listed
    app = f"application {name_and_id(live.name, live.app_id)}"
    cluster = f"cluster {live.cluster_id} of {app}" if live.cluster_id else f"the cluster of {app}"
    sentences = {
        Cause.NOT_IN_CLUSTER: Message(
            "ES301",
            f"is not in {cluster}, so EDAS cannot add it. Import the instance into that cluster, or remove it from "
            "the list.",
        ),
        Cause.CONVERTING: Message(
            "ES302",
            f"is in {cluster}, but EDAS still converts it. Wait until the console shows it as running.",
        ),
        Cause.CONVERSION_FAILED: Message(
            "ES303",
            f"is in {cluster}, but EDAS could not convert it. Import it again, or remove it from the list.",
        ),
        Cause.AGENT_OFF: Message(
            "ES304",
            f"is in {cluster}, but its EDAS agent is offline and does not answer. Start the instance and restart "
            "the agent on it, or remove it from the list.",
        ),
        Cause.OTHER_GROUP: Message(
            "ES305",
            f"is in another deploy group of {app}, {_group_of(live, absent.group_id)}. Remove it from "
            "that group first: from the membership that lists it, or in the EDAS console.",
        ),
        Cause.OTHER_APPLICATION: Message(
            "ES306",
            f"is in {cluster}, but another application uses it, and EDAS runs one application on an instance. "
            "Remove it from that application, or from the list.",
        ),
    }
    reason = sentences[absent.cause]
    return each.path, Message(reason.code, f"'{each.id}' {reason}")


def describe_holder(absent: Absent, releaser: str | None, *, begun: bool) -> str:
    """Return which resource stands in the way of an instance that is used elsewhere, and the steps that work.

    Args:
        absent: the listed id.
        releaser: the membership of this run that gives it up, None when none does.
        begun: whether Pulumi has begun to change that one.
    """
    if absent.cause not in USED_ELSEWHERE:
        return ""
    if releaser is None:
        return (
            " No membership of the program gives it up. One that was removed from the program may hold it: Pulumi "
            f"deletes last, so this takes two runs of 'pulumi up', the first without '{absent.listed.id}' in this "
            "list, the second with it."
        )
    if begun:
        return f" {releaser} gives it up and has not finished."
    return (
        f" {releaser} gives it up, but Pulumi has not begun to change it: a resource that waits keeps one of the "
        "places of --parallel. Add depends_on with that resource to this one, raise --parallel, or take "
        f"'{absent.listed.id}' out of this list for one run of 'pulumi up'."
    )


def _group_of(live: Application, group_id: str) -> str:
    group = live.group(group_id)
    return name_and_id("" if group is None else group.name, group_id)


def list_groups(live: Application) -> str:
    """Return which deploy groups an application has."""
    known = join_list(name_and_id(each.name, each.group_id) for each in live.groups) or "none"
    return f"Its groups are: {known}."


def describe_missing_group(scope: Scope, live: Application) -> Failure:
    """Return that a group is not in its application, with the groups there are."""
    scope = scope.named(live)
    same_name = next((group for group in live.groups if group.name == scope.group_id), None)
    if same_name is not None:
        return "groupId", Message(
            "ES107",
            f"'{scope.group_id}' is the name of a deploy group of {describe_application(scope)}; the id of that group "
            f"is needed: {same_name.group_id}.",
        )
    return "groupId", Message(
        "ES307",
        f"{describe_application(scope)} has no deploy group '{scope.group_id}'. {list_groups(live)} "
        "Create the group first, or use one of these ids.",
    )


def describe_applications(applications: Sequence[ApplicationSummary]) -> str:
    """Return which applications a region lists."""
    known = join_list(f"{each.name} ({each.app_id})" for each in applications)
    return f"Its applications are: {known}." if known else "It lists no applications."


def describe_wrong_application(scope: Scope, wrong: WrongApplication, place: str) -> Failure:
    """Return what is wrong with the id of an application.

    Args:
        scope: where it stands.
        wrong: what there is instead.
        place: which endpoint was asked, and with which profile.
    """
    if wrong.meant is not None:
        return "appId", Message(
            "ES134",
            f"'{scope.app_id}' is the name of an application; its id is needed: {wrong.meant.app_id}.",
        )
    return "appId", Message(
        "ES135",
        f"application {scope.app_id} is not listed in region {scope.region_id} ({place}). It may be deleted, or in "
        f"another region or account. {describe_applications(wrong.listed)}",
    )


def describe_replaced(plan: Plan, scope: Scope, places: Mapping[str, str]) -> str:
    """Return what a replacement takes out of the group that it leaves."""

    def line(names: Mapping[str, str], most: int) -> str:
        who = join_list((names.get(each.ecu_id, short_name(each)) for each in plan.leave), most)
        parts = [f"scale in {len(plan.leave)}: {who}"] if plan.leave else []
        parts += [_kept(plan, most)] if plan.kept else []
        return f"Replacement, in the old {describe_group(scope)}: {'; '.join(parts)}"

    with_places = line(places, LONGEST_LIST)
    return with_places if len(with_places) <= LONGEST_LINE else fit(lambda most: line({}, most))


def describe_nothing_leaves(leaving: Iterable[Member], scope: Scope) -> Message:
    """Return why a replacement is refused because of those who cannot join."""
    names = [short_name(each) for each in leaving]

    def line(most: int) -> str:
        where = describe_group(scope)
        return (
            f"This change takes {join_list(names, most)} out of {where} before the new members join, so nothing "
            "leaves until every listed instance can join."
        )

    return Message("ES312", fit(line))


def describe_kubernetes(scope: Scope, summary: ApplicationSummary) -> Failure:
    """Return why an application on Kubernetes has no membership."""
    return "appId", Message(
        "ES118",
        f"application {name_and_id(summary.name, scope.app_id)} runs on a Kubernetes cluster (ClusterType "
        f"{summary.cluster_type}), where pods are scaled and not ECS instances. DeployGroupMembership is for "
        "applications on ECS clusters; scale this one by its replicas.",
    )


def describe_repeated(path: str, other: str, listed_id: str, other_id: str) -> Failure:
    """Return the failure of one machine that is listed twice, by its ECS id and by its ECU id."""
    return path, Message(
        "ES103",
        f"'{listed_id}' is the same machine as '{other_id}' at {other}: an ECS instance and its ECU are one member. "
        "Remove one of the two.",
    )


def describe_listed_by_another(path: str, listed_id: str, other_id: str, urn: str) -> Failure:
    """Return the failure of one machine in two memberships, by its ECS id in one and by its ECU id in the other."""
    return path, Message(
        "ES103",
        f"'{listed_id}' is the same machine as '{other_id}', which is also listed by {urn}: an ECS instance and its "
        "ECU are one member. A member belongs to one membership: remove it from one of the two.",
    )


def describe_misspelt(path: str, listed_id: str, spelling: str) -> Failure:
    """Return the failure of an id in other letters than EDAS has for it."""
    return path, Message(
        "ES133",
        f"'{listed_id}' differs from the id '{spelling}' in upper and lower case alone, and EDAS compares letter by "
        f"letter. Write it as '{spelling}'.",
    )


def describe_active_order(order: ChangeOrder, scope: Scope) -> str:
    """Return the status line while an order of somebody runs on the application."""
    who = f", started by {order.created_by}" if order.created_by else ""
    what = f" '{order.description}'" if order.description else ""
    return (
        f"waiting for change order {order.order_id}{what} of {describe_application(scope)}{who}: it is "
        f"{describe_status(order.status)}"
    )


def describe_held(order_id: str, created_by: str) -> Message:
    """Return that an order waits for a person, and where that person goes."""
    who = f", started by {created_by}," if created_by else ""
    return Message(
        "ES501",
        f"Change order {order_id}{who} is held (8): it waits until somebody confirms its next batch, in the EDAS "
        "console under Change Records. This run goes on waiting; confirmBatches confirms orders of its own.",
    )


def describe_unknown_status(order_id: str, status: int) -> Message:
    """Return the warning for a status EDAS does not document."""
    return Message(
        "ES502",
        f"Change order {order_id} has the status {status}, which is not documented; waiting for one that is.",
    )


def describe_short_timeout(timeout_seconds: int, join_timeout_seconds: int) -> Message:
    """Return that an operation ends before the instances it waits for are given up."""
    return Message(
        "ES504",
        f"The time-out of this operation, {timeout_seconds} seconds (timeoutSeconds or customTimeouts), is shorter "
        f"than joinTimeoutSeconds, {join_timeout_seconds}: missing instances are waited for until the time-out only.",
    )


def describe_never_deployed(scope: Scope) -> Message:
    """Return why new members of a group that was never deployed stay stopped."""
    return Message(
        "ES503",
        f"No package was ever deployed to {describe_group(scope)}, so its new members stay stopped until the first "
        "deployment. They are members all the same; deploy the application to start them.",
    )


def describe_adopted_down(members: Iterable[Member], scope: Scope) -> Message:
    """Return which members were adopted although they do not run."""
    down = [f"{short_name(each)} {_STATE_WORDS[each.state][0]}" for each in members]
    where = describe_group(scope)
    words = fit(
        lambda most: (
            f"Adopted in {where} as they are, and not running: {join_list(down, most)}. An adoption starts nothing: "
            "start them in the EDAS console."
        )
    )
    return Message("ES505", words)


def describe_members(outcome: Outcome, age_seconds: float = 0.0) -> str:
    """Return who is a managed member and how they are, as in ``Members now: i-a, i-b run.``.

    An older reading says how old it is: a fact of that time is not a fact of now.
    """
    when = "now" if age_seconds < 1 else f"as read {age_seconds:.0f} seconds ago"
    if not outcome.members:
        return f"Members {when}: none."
    by_state: dict[MemberState, list[str]] = {}
    for member, _ in outcome.members:
        by_state.setdefault(member.state, []).append(short_name(member))
    parts = [
        f"{join_list(names)} {_STATE_WORDS[state][0 if len(names) == 1 else 1]}"
        for state in MemberState
        if (names := by_state.get(state))
    ]
    return f"Members {when}: {'; '.join(parts)}."


def describe_bad_end(
    order: Order, report: OrderReport, scope: Scope, names: Mapping[str, str], addresses: Mapping[str, str]
) -> Message:
    """Return that an order ended badly, with EDAS's task error, cause and fix for each instance.

    Args:
        order: what was asked of EDAS.
        report: how it ended.
        scope: the group.
        names: how each machine is called, by ECU id.
        addresses: how each machine is called, by its address: an order knows no ids.
    """
    way = "to" if order.kind is OrderKind.SCALE_OUT else "from"
    head = (
        f"{order.kind.value.capitalize()} of {join_list(names.get(each, each) for each in order.ecu_ids)} {way} "
        f"{describe_group(scope)} failed: change order {report.order_id} ended as {describe_status(report.status)}."
    )
    details = [_describe_failure(each, addresses) for each in report.failures[:LONGEST_LIST]]
    if len(report.failures) > LONGEST_LIST:
        details.append(f"{len(report.failures) - LONGEST_LIST} more failures are in the order.")
    if not details:
        details = ["EDAS gives no cause; the console shows the order under Change Records."]
    return Message("ES601", " ".join([head, *details]))


def _describe_failure(failure: TaskFailure, addresses: Mapping[str, str]) -> str:
    known = addresses.get(failure.ip, failure.instance_name)
    who = f"{known} ({failure.ip})" if known and failure.ip else known or failure.ip or "The whole batch"
    stage = f" in '{failure.stage}'" if failure.stage else ""
    documented = TASK_ERRORS.get(failure.code)
    if documented is None:
        return f"{who}: {failure.code or 'no error code'}{stage}: '{failure.message}'."
    return f"{who}: {failure.code} {documented.name}{stage}, {documented.cause}; {documented.fix}."


def describe_not_up(members: Sequence[Member], unseen: Sequence[str], waited_seconds: float) -> str:
    """Return which joined instances did not come up in time, why, and what to do."""
    parts = []
    for member in members[:LONGEST_LIST]:
        words = _STATE_WORDS[member.state][0]
        parts.append(
            f"{_placed(short_name(member), member.ip, '')} {words}. {_STATE_FIXES.get(member.state, '')}".strip()
        )
    if unseen:
        parts.append(
            f"{join_list(unseen)}: the change order ended well, but EDAS does not list it as a member."
        )
    return f"After {waited_seconds:.0f} seconds: {' '.join(parts)}"


def describe_drift(drift: Drift, live: Application, scope: Scope, traces: Traces) -> tuple[Message, ...]:
    """Return what happened to a membership that no record explains, one sentence for each kind of drift and cause.

    Args:
        drift: what differs from the record.
        live: the reading it was found in.
        scope: the group.
        traces: what is known of how those who are gone have left.
    """
    where = describe_group(scope)
    sentences: list[Message] = []
    gone: dict[str, list[str]] = {}
    for each in drift.gone:
        gone.setdefault(_way_out(each, traces), []).append(_recorded_name(each))
    sentences.extend(_describe_gone(names, where, way) for way, names in gone.items())
    if drift.moved:
        moved = [f"{short_name(each)} to {_group_of(live, each.group_id)}" for each in drift.moved]
        words = fit(lambda most: f"Drift: moved out of {where}: {join_list(moved, most)}.")
        sentences.append(Message("ES402", words))
    if drift.unwell:
        unwell = [f"{short_name(each)} {_STATE_WORDS[each.state][0]}" for each in drift.unwell]
        words = fit(lambda most: f"Drift: not running in {where}: {join_list(unwell, most)}.")
        sentences.append(Message("ES403", words))
    return tuple(sentences)


def _describe_gone(names: Sequence[str], where: str, way: str) -> Message:
    return Message("ES401", fit(lambda most: f"Drift: {join_list(names, most)} left {where}{way}"))


def _way_out(member: RecordedMember, traces: Traces) -> str:
    """Return how a member left, no more than is known: an order shows an account, and not which program used it."""
    if member.ecu_id in traces.by_run:
        return " by a scale in of this run."
    order = traces.orders.get(member.ecu_id)
    if order is None:
        reason = (
            "no recent change order names it" if traces.looked else "the recent change orders cannot be read"
        )
        return f". How is not known: {reason}."
    by = f" (started by {order.created_by})" if order.created_by else ""
    if order.source == CONSOLE:
        return f" outside Pulumi, by change order {order.order_id} of the EDAS console{by}."
    return f" by change order {order.order_id}{by}. Whether a killed run sent it is not known."


def describe_staying(foreign: Sequence[Member], scope: Scope, traces: Traces) -> str | None:
    """Return who stays in the group of a membership that was deleted and had no record of them, or None."""
    if not foreign:
        return None
    orders = {traces.orders[each.ecu_id].order_id for each in foreign if each.ecu_id in traces.orders}
    by = f" (change order {join_list(orders)})" if orders else ""
    stay, it = ("stays", "it") if len(foreign) == 1 else ("stay", "them")
    names, where = [*map(short_name, foreign)], describe_group(scope)
    return fit(
        lambda most: (
            f"{join_list(names, most)}{by} {stay} in {where}, not recorded here. If no membership has "
            f"{it}: list {it}, 'pulumi up', destroy again."
        )
    )


def describe_left_alone(drift: Drift, scope: Scope) -> str | None:
    """Return who left a group whose lists ``ignoreChanges`` gives to somebody else, or None."""
    away = [*map(_recorded_name, drift.gone), *map(short_name, drift.moved)]
    if not away:
        return None
    where = describe_group(scope)
    return fit(
        lambda most: f"Left {where} and left alone, because of ignoreChanges: {join_list(away, most)}."
    )


def describe_busy(drift: Drift, scope: Scope) -> str | None:
    """Return who is missing while a change order may be what moves them, or None."""
    away = [
        *map(_recorded_name, (*drift.gone, *drift.left, *drift.unjoined, *drift.dropped)),
        *map(short_name, drift.moved),
    ]
    if not away:
        return None
    where = describe_group(scope)
    return fit(
        lambda most: (
            f"Not listed in {where} while a change order works on its application: {join_list(away, most)}. "
            "Nothing is dropped; refresh again when it has ended."
        )
    )


def describe_reached(drift: Drift, scope: Scope) -> tuple[str, ...]:
    """Return what there is to record, and nothing to send for: what the program wants is there already."""
    where = describe_group(scope)
    groups = (
        ("Neither listed nor in {} any more", [*map(_recorded_name, drift.dropped)]),
        ("Joined {}, and runs since the last update failed", [*map(short_name, drift.risen)]),
    )

    def line(words: str, names: Sequence[str]) -> str:
        return fit(
            lambda most: (
                f"{words.format(where)}: {join_list(names, most)}. Nothing is sent for that; 'pulumi up' records it."
            )
        )

    return tuple(line(words, names) for words, names in groups if names)


def describe_unfinished(drift: Drift, order_ids: Sequence[str], scope: Scope) -> Message | None:
    """Return what the last operation of ours had begun and not finished, or None.

    Args:
        drift: what differs from the record.
        order_ids: the change orders of that operation.
        scope: the group.
    """
    lists = [
        ("left as ordered", [*map(_recorded_name, drift.left)]),
        ("not scaled in yet", [*map(short_name, drift.leaving)]),
        ("joined, but not up", [f"{short_name(each)} {_STATE_WORDS[each.state][0]}" for each in drift.down]),
        ("not joined yet", [*drift.joining, *map(_recorded_name, drift.unjoined)]),
    ]
    if not any(ids for _, ids in lists):
        return None

    def line(most: int) -> str:
        orders = f" (change order {join_list(order_ids, most)})" if order_ids else ""
        what = "; ".join(f"{words}: {join_list(ids, most)}" for words, ids in lists if ids)
        where = f"{orders} in {describe_group(scope)}"
        return f"Unfinished work of the last update{where}: {what}. 'pulumi up' finishes it."

    return Message("ES404", fit(line))


def _recorded_name(member: RecordedMember) -> str:
    return member.instance_id or member.ecu_id


def describe_arrivals(
    foreign: Iterable[Member], scope: Scope, traces: Traces, *, exclusive: bool
) -> tuple[str, ...]:
    """Return that foreign members arrived, and what becomes of them.

    One that an order through the API brought in may be that of another membership of the program, which the engine has
    not shown yet: it is told, and not called drift.
    """
    others: dict[str, list[str]] = {}
    drifted = []
    for each in foreign:
        order = traces.orders.get(each.ecu_id)
        if exclusive or order is None or order.source == CONSOLE:
            drifted.append(short_name(each))
        else:
            others.setdefault(order.order_id, []).append(short_name(each))
    where = describe_group(scope)
    fate = (
        "'pulumi up' scales in, because exclusive is set"
        if exclusive
        else "left alone, unless exclusive is set"
    )

    def line(begin: str, names: Sequence[str], end: str) -> str:
        return fit(lambda most: f"{begin}{join_list(names, most)} joined {where}{end}")

    lines = [
        line("", names, f" by change order {order_id}, and another membership may list it. Left alone.")
        for order_id, names in others.items()
    ]
    return (*([line("Drift: ", drifted, f", not recorded here: {fate}.")] if drifted else ()), *lines)


def describe_retry(error: EdasError, seconds: float) -> str:
    """Return the status line while a reading fails and is made again."""
    since = f" for {seconds:.0f} s" if seconds >= 1 else ""
    return f"{error} Trying again{since}."


def describe_budget(operation: str, seconds: float) -> str:
    """Return the status line while EDAS's limit of calls a minute is waited for."""
    return f"waiting up to {seconds:.0f} s to call {operation}: EDAS limits its calls a minute"


def describe_shared(operation: str, seconds: float) -> str:
    """Return the status line while another operation makes the reading that this one needs too."""
    return f"waiting {seconds:.0f} s for {operation}, which is being called for another resource"


def describe_unreadable(scope: Scope, error: BaseException) -> Message:
    """Return that EDAS could not be read for a create, whose plan is then not shown."""
    return Message(
        "ES309",
        f"Reading {describe_group(scope)} failed, so the change orders are not shown: {_cause(error)}",
    )


def describe_not_looked_at(scope: Scope, error: BaseException) -> Message:
    """Return that a recorded membership could not be read, so that nobody knows whether it is as it should be."""
    return Message(
        "ES311",
        f"Reading {describe_group(scope)} in region {scope.region_id} failed, so it cannot be told whether anything "
        f"changed: {_cause(error)} To preview without reading, set edas-scale:previewReads to false.",
    )


def _cause(error: BaseException) -> str:
    if isinstance(error, EdasError):
        return error.with_fix()
    return str(error) or "no answer came in time."


def describe_not_gone(scope: Scope, cluster_id: str, error: Exception) -> Message:
    """Return that it is not known whether an application is gone."""
    cluster = f"its recorded cluster {cluster_id}" if cluster_id else "a recorded cluster"
    return Message(
        "ES606",
        f"Application {scope.app_id} in region {scope.region_id} cannot be read, and neither can {cluster}: cannot "
        f"tell gone from another account, region or endpoint, so nothing is forgotten. EDAS says: {error} "
        "Check the credentials, the profile and ALIBABA_CLOUD_ENDPOINT_EDAS; if the application is really gone, "
        "'pulumi state delete' forgets it.",
    )


def describe_states(members: Iterable[Member]) -> str:
    """Return how many members are in which state, as in ``2 running, 1 stopped``."""
    counts = Counter(each.state for each in members)
    return (
        ", ".join(f"{counts[state]} {state.value}" for state in MemberState if counts[state]) or "no members"
    )


def describe_end(members: Iterable[Member]) -> str:
    """Return the last status line of a change."""
    return f"the group has {describe_states(members)}"


def silent_leavers(order: Order, policy: Policy, members: Iterable[Member]) -> str:
    """Return the hint at ``forceScaleIn`` when members whose agent is off could not leave, else an empty text."""
    if order.kind is OrderKind.SCALE_OUT or policy.force_scale_in is ForceScaleIn.OFFLINE:
        return ""
    silent = [short_name(each) for each in members if each.agent_off and each.ecu_id in order.ecu_ids]
    if not silent:
        return ""
    return (
        f" EDAS cannot stop the application on {join_list(silent)}, whose agent is off: set forceScaleIn to 'offline' "
        "to remove such members by force."
    )


def describe_ignored_settings(names: Sequence[str]) -> Message:
    """Say that the stack names an account by settings that cannot be used here."""
    return Message(
        "ES139",
        f"The stack sets {' and '.join(names)}, which edas-scale cannot use: its calls are signed with the credentials "
        "of the environment, or those of edas-scale:profile. If that is another account, set edas-scale:profile.",
    )
