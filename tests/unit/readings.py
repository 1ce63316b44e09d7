"""Readings of a small application, with names short enough for literal expectations."""

from __future__ import annotations

from pulumi_edas_scale.domain.model import (
    Application,
    ClusterMember,
    DeployGroup,
    Listed,
    Machine,
    Member,
    MemberState,
    Scope,
    TaskState,
)

SCOPE = Scope("cn-hangzhou", "app-1", "group-1")


def member(
    name: str,
    state: MemberState = MemberState.RUNNING,
    *,
    group_id: str = "group-1",
    online: bool | None = True,
    task: TaskState = TaskState.SUCCESS,
) -> Member:
    """Return the member on the instance ``i-NAME``, with ECU ``ecu-NAME``."""
    ip = f"10.0.0.{ord(name[0]) - ord('a') + 1}"
    return Member(f"ecu-{name}", f"i-{name}", f"ecc-{name}", ip, "zone-1", group_id, state, task, online)


def nameless(name: str) -> Member:
    """Return a member of which EDAS tells the ECU id alone."""
    return Member(
        f"ecu-{name}", "", f"ecc-{name}", "", "", "group-1", MemberState.RUNNING, TaskState.SUCCESS, None
    )


def machine(name: str, *, online: bool = True, zone: str = "zone-1") -> Machine:
    """Return the free machine ``ecu-NAME``."""
    ip = f"10.0.0.{ord(name[0]) - ord('a') + 1}"
    return Machine(f"ecu-{name}", f"i-{name}", ip, zone, online)


def in_cluster(name: str, status: int = 1, *, converted: bool = True) -> ClusterMember:
    """Return the instance ``i-NAME`` as the list of the cluster shows it."""
    return ClusterMember(f"i-{name}", f"ecu-{name}" if converted else "", "10.0.0.9", status)


def application(
    *members: Member,
    cluster_id: str = "cluster-1",
    deployed: bool = True,
    odd: tuple[tuple[str, str], ...] = (),
) -> Application:
    """Return a reading of ``app-1``, which has the groups ``group-1`` (blue) and ``group-2`` (green)."""
    groups = (DeployGroup("group-1", "blue", deployed), DeployGroup("group-2", "green", deployed))
    return Application("app-1", "shop", cluster_id, groups, tuple(sorted(members)), odd)


def listed(*ids: str) -> tuple[Listed, ...]:
    """Return ids as a program lists them, each in the list of its kind."""
    return tuple(
        Listed(f"{'ecuIds' if each.startswith('ecu') else 'instanceIds'}[{place}]", each)
        for place, each in enumerate(ids)
    )
