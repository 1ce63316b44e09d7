"""The functions of both front ends: what programs ask about groups, machines and applications.

This file's law: it reads and never changes anything; the same truth gives the same answer, in the same order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import DeadlineExceeded
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, InputError
from pulumi_edas_scale.domain.fields import bare_id
from pulumi_edas_scale.domain.model import Scope, WrongApplication

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.model import Application, DeployGroup, Machine, Member
    from pulumi_edas_scale.operations.session import Session


WRONG_APPLICATION_SECONDS: Final = 5.0
"""How long to look for what was meant: the failure itself is known, and only its words get better."""


class WrongId(NamedTuple):
    """What is wrong with the id of an application, and whether it is known which one was meant.

    Where it is known, nothing that the same run makes can mend it.
    """

    failure: Failure
    meant_is_known: bool


def find_wrong_application(session: Session, scope: Scope, context: OperationContext) -> WrongId | None:
    """Return what is wrong with the id of an application that could not be read; None when it is not the id."""
    deadline = session.runtime.now() + WRONG_APPLICATION_SECONDS
    try:
        listed = session.reads.applications(replace(context, deadline=deadline, retry_timeout=0.0))
    except (EdasError, DeadlineExceeded):
        return None
    if any(each.app_id == scope.app_id for each in listed):
        return None
    named = [each for each in listed if each.name == scope.app_id]
    wrong = WrongApplication(named[0] if len(named) == 1 else None, tuple(listed))
    failure = messages.describe_wrong_application(scope, wrong, session.place)
    return WrongId(failure, meant_is_known=wrong.meant is not None)


def get_deploy_groups(
    session: Session, region_id: str, args: Mapping[str, object], context: OperationContext
) -> dict[str, object]:
    """Return the deploy groups of ``appId`` with their members, sorted by group id."""
    live = _application(session, region_id, args, context)
    return {
        "appId": live.app_id,
        "regionId": region_id,
        "clusterId": live.cluster_id,
        "groups": [_group(each, live) for each in live.groups],
    }


def get_deploy_group(
    session: Session, region_id: str, args: Mapping[str, object], context: OperationContext
) -> dict[str, object]:
    """Return one deploy group of ``appId``, found by ``groupId`` or by ``groupName``."""
    group_id, name = bare_id(_text(args, "groupId")), _text(args, "groupName")
    if bool(group_id) == bool(name):
        raise InputError([("groupId", Message("ES122", "give exactly one of groupId and groupName."))])
    live = _application(session, region_id, args, context)
    found = [each for each in live.groups if each.group_id == group_id or (name and each.name == name)]
    if len(found) != 1:
        path, value = ("groupId", group_id) if group_id else ("groupName", name)
        how_many = "no deploy group" if not found else f"{len(found)} deploy groups"
        app = messages.name_and_id(live.name, live.app_id)
        reason = f"application {app} has {how_many} '{value}'. {messages.list_groups(live)}"
        raise InputError([(path, Message("ES123", reason))])
    return {
        "appId": live.app_id,
        "regionId": region_id,
        "clusterId": live.cluster_id,
        **_group(found[0], live),
    }


def get_scale_out_candidates(
    session: Session, region_id: str, args: Mapping[str, object], context: OperationContext
) -> dict[str, object]:
    """Return machines ``appId`` can be scaled out to, spread over zones beside the members of ``groupId``."""
    count = args.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, (int, float)) or count < 0):
        reason = f"must be a whole number, 0 or more, not {count!r}."
        raise InputError([("count", Message("ES124", reason))])
    live = _application(session, region_id, args, context)
    group_id = bare_id(_text(args, "groupId"))
    machines = [each for each in session.reads.machines(live.cluster_id, live.app_id, context) if each.online]
    chosen = spread(machines, live.members_of(group_id) if group_id else live.members)
    if count is not None:
        if len(chosen) < count:
            reason = (
                f"{int(count)} machines are asked for, but cluster {live.cluster_id} offers {len(chosen)}. Import "
                "more instances into the cluster, or ask for fewer."
            )
            raise InputError([("count", Message("ES125", reason))])
        chosen = chosen[: int(count)]
    return {
        "appId": live.app_id,
        "regionId": region_id,
        "candidates": [
            {"ecuId": each.ecu_id, "instanceId": each.instance_id, "ip": each.ip, "zone": each.zone}
            for each in chosen
        ],
        "instanceIds": [each.instance_id for each in chosen if each.instance_id],
    }


def get_application(
    session: Session, region_id: str, args: Mapping[str, object], context: OperationContext
) -> dict[str, object]:
    """Return the one application of exactly that ``name``."""
    name = _text(args, "name")
    if not name:
        raise InputError([("name", Message("ES126", "the name of the application is needed."))])
    applications = session.reads.applications(context)
    found = [each for each in applications if each.name == name]
    if len(found) != 1:
        if found:
            ids = messages.join_list(each.app_id for each in found)
            reason = f"{len(found)} applications have the name '{name}' in region {region_id}: {ids}."
        else:
            known = messages.describe_applications(applications)
            reason = f"no application has the name '{name}' in region {region_id}. {known}"
        raise InputError([("name", Message("ES127", reason))])
    answer: dict[str, object] = {
        "appId": found[0].app_id,
        "name": found[0].name,
        "clusterId": found[0].cluster_id,
        "regionId": region_id,
    }
    if found[0].cluster_type is not None:
        answer["clusterType"] = found[0].cluster_type
    return answer


QUERIES: Mapping[str, Callable[[Session, str, Mapping[str, object], OperationContext], dict[str, object]]] = {
    "getDeployGroups": get_deploy_groups,
    "getDeployGroup": get_deploy_group,
    "getScaleOutCandidates": get_scale_out_candidates,
    "getApplication": get_application,
}


def spread(machines: Sequence[Machine], members: Sequence[Member]) -> list[Machine]:
    """Return the machines in the order in which they keep the zones evenly used, ties broken by id."""
    used = Counter(each.zone for each in members)
    left = sorted(machines, key=lambda each: (each.instance_id, each.ecu_id))
    chosen: list[Machine] = []
    while left:
        best = min(left, key=lambda each: (used[each.zone], each.zone))
        left.remove(best)
        used[best.zone] += 1
        chosen.append(best)
    return chosen


def _application(
    session: Session, region_id: str, args: Mapping[str, object], context: OperationContext
) -> Application:
    app_id = bare_id(_text(args, "appId"))
    if not app_id:
        raise InputError([("appId", Message("ES128", "the id of the application is needed."))])
    try:
        return session.reads.recent_application(app_id, context).value
    except BusinessError as error:
        wrong = find_wrong_application(session, Scope(region_id, app_id, ""), context)
        if wrong is None:
            raise
        raise InputError([wrong.failure]) from error


def _group(group: DeployGroup, live: Application) -> dict[str, object]:
    members = live.members_of(group.group_id)
    return {
        "groupId": group.group_id,
        "name": group.name,
        "deployed": group.deployed,
        "runningCount": sum(each.runs for each in members),
        "members": [member_value(each) for each in members],
    }


def member_value(member: Member) -> dict[str, object]:
    """Return a member as functions and the command line show it."""
    return {
        "ecuId": member.ecu_id,
        "instanceId": member.instance_id,
        "eccId": member.ecc_id,
        "ip": member.ip,
        "zone": member.zone,
        "state": member.state.value,
    }


def _text(args: Mapping[str, object], name: str) -> str:
    value = args.get(name)
    return value if isinstance(value, str) else ""
