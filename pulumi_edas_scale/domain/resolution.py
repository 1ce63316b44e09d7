"""Which machine a listed id means, and whether it can be scaled out to now.

This file's law: it matches ids against readings and asks nobody. What it cannot find is *absent*, with the cause;
whether to wait for it, to warn or to fail is decided by others.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_edas_scale.domain.model import Application, ClusterMember, Listed, Machine, Member


class Cause(enum.Enum):
    """Why a listed id cannot be scaled out to yet."""

    NOT_IN_CLUSTER = "is not in the cluster"
    CONVERTING = "is still being converted by EDAS"
    CONVERSION_FAILED = "could not be converted by EDAS"
    AGENT_OFF = "has an EDAS agent that does not answer"
    OTHER_GROUP = "is in another deploy group"
    OTHER_APPLICATION = "is used by another application"


@dataclass(frozen=True, slots=True)
class Absent:
    """A listed id that is not a member and cannot become one now; ``group_id`` is where it is instead, if known."""

    listed: Listed
    cause: Cause
    group_id: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the listed ids mean in one reading.

    Attributes:
        ecu_ids: the ECU id of every listed id that is known, by the id as the program spells it.
        ready: the machines that may be scaled out to now, by ECU id.
        absent: the ids that are neither members of the group nor ready.
        repeated: pairs of listed ids that turned out to be one machine.
        misspelt: ids that are known in other letters alone, with the spelling EDAS has.
        other_ids: the ECS instance id or the ECU id of the same machine, whichever the program does not give.
    """

    ecu_ids: Mapping[str, str] = field(default_factory=dict)
    ready: Mapping[str, Machine] = field(default_factory=dict)
    absent: tuple[Absent, ...] = ()
    repeated: tuple[tuple[Listed, Listed], ...] = ()
    misspelt: tuple[tuple[Listed, str], ...] = ()
    other_ids: Mapping[str, str] = field(default_factory=dict)


def find_member(members: Sequence[Member], listed_id: str) -> Member | None:
    """Return the member of that ECU id or ECS instance id, or None."""
    return next((each for each in members if listed_id in (each.ecu_id, each.instance_id)), None)


def with_instance_ids(live: Application, instance_ids: Mapping[str, str]) -> Application:
    """Return a reading in which a member without ECS instance id has the one that is known of its machine.

    EDAS may leave the id out for a while; a machine keeps its identity as long as its instance lives.

    Args:
        live: the reading.
        instance_ids: ECS instance ids by ECU id.
    """
    if all(each.instance_id or each.ecu_id not in instance_ids for each in live.members):
        return live
    return replace(
        live,
        members=tuple(
            each if each.instance_id else replace(each, instance_id=instance_ids.get(each.ecu_id, ""))
            for each in live.members
        ),
    )


def missing_from_group(listed: Sequence[Listed], live: Application, group_id: str) -> tuple[Listed, ...]:
    """Return the listed ids that are not members of the group; only these need the cluster to be read."""
    members = live.members_of(group_id)
    return tuple(each for each in listed if find_member(members, each.id) is None)


def resolve(  # noqa: PLR0913 - three readings, and what they are held against
    listed: Sequence[Listed],
    live: Application,
    group_id: str,
    *,
    machines: Sequence[Machine] = (),
    cluster: Sequence[ClusterMember] = (),
    expected: Mapping[str, str] | None = None,
) -> Resolution:
    """Match listed ids against what EDAS shows.

    Args:
        listed: the ids of the program.
        live: a reading of the application.
        group_id: the group they must be members of.
        machines: what can be scaled out to in the cluster; empty when it was not needed.
        cluster: all instances of the cluster; empty when it was not needed.
        expected: ECU ids of listed ids that an order of ours has added already, listed or not.

    Returns:
        A Resolution; ids are matched by ECU id or ECS instance id alike.
    """
    ecu_ids: dict[str, str] = {}
    other_ids: dict[str, str] = {}
    ready: dict[str, Machine] = {}
    absent: list[Absent] = []
    misspelt: list[tuple[Listed, str]] = []
    repeated: list[tuple[Listed, Listed]] = []
    first: dict[str, Listed] = {}
    for each in listed:
        found = _find(each, live, group_id, machines, cluster)
        spelling = "" if found.ecu_id else _spelling_of(each.id, (*live.members, *machines, *cluster))
        if spelling:
            misspelt.append((each, spelling))
        ecu_id = (expected or {}).get(each.id) or found.ecu_id
        if ecu_id:
            ecu_ids[each.id] = ecu_id
            other_ids[each.id] = found.instance_id if each.id == ecu_id else ecu_id
            if ecu_id in first:
                repeated.append((first[ecu_id], each))
            first.setdefault(ecu_id, each)
        if found.machine is not None:
            ready[found.machine.ecu_id] = found.machine
        if found.absent is not None and not spelling and each.id not in (expected or {}):
            absent.append(found.absent)
    return Resolution(ecu_ids, ready, tuple(absent), tuple(repeated), tuple(misspelt), other_ids)


def _spelling_of(listed_id: str, known: Sequence[Member | Machine | ClusterMember]) -> str:
    """Return how EDAS spells an id that differs from a known one in upper and lower case alone, else an empty text."""
    ids = (name for each in known for name in (each.ecu_id, each.instance_id) if name)
    return next((name for name in ids if name != listed_id and name.lower() == listed_id.lower()), "")


@dataclass(frozen=True, slots=True)
class _Found:
    ecu_id: str = ""
    instance_id: str = ""
    machine: Machine | None = None
    absent: Absent | None = None


def _find(
    each: Listed,
    live: Application,
    group_id: str,
    machines: Sequence[Machine],
    cluster: Sequence[ClusterMember],
) -> _Found:
    member = find_member(live.members_of(group_id), each.id)
    if member is not None:  # also where an older entry still lists it in another group
        return _Found(member.ecu_id, member.instance_id)
    member = find_member(live.members, each.id)
    if member is not None:
        return _Found(
            member.ecu_id, member.instance_id, absent=Absent(each, Cause.OTHER_GROUP, member.group_id)
        )
    machine = next((one for one in machines if each.id in (one.ecu_id, one.instance_id)), None)
    if machine is not None:
        if machine.online:
            return _Found(machine.ecu_id, machine.instance_id, machine)
        return _Found(machine.ecu_id, machine.instance_id, absent=Absent(each, Cause.AGENT_OFF))
    in_cluster = next((one for one in cluster if each.id in (one.ecu_id, one.instance_id)), None)
    if in_cluster is not None:
        return _Found(in_cluster.ecu_id, in_cluster.instance_id, absent=Absent(each, _cause(in_cluster)))
    return _Found(absent=Absent(each, Cause.NOT_IN_CLUSTER))


def _cause(member: ClusterMember) -> Cause:
    """Return why an instance that is in the cluster is not on offer. Source: ListClusterMembers, ``Status``."""
    if member.status == -1:
        return Cause.CONVERSION_FAILED
    if member.status == -2:  # noqa: PLR2004 - EDAS's number for an offline instance
        return Cause.AGENT_OFF
    if member.status == 0 or not member.ecu_id:
        return Cause.CONVERTING
    return Cause.OTHER_APPLICATION
