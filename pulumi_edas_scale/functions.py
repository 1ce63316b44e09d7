"""Look up applications, deploy groups and machines from a Python program.

This file's law: it translates, in the process of the program; no plugin and no state is involved. Each
function answers at once and has a variant ``*_output`` that takes outputs of other resources and waits for
them. The shapes are those of ``schema.json``, in snake_case. Settings come from the stack configuration and
the environment, exactly as for the resource.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence  # noqa: TC003  # Pulumi reads the annotations when a program runs
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi
from pulumi.runtime import rpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi_edas_scale.domain.codes import Message
    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.operations.service import Service

R = TypeVar("R")


@pulumi.output_type
class Member(dict[str, Any]):
    """A member of a deploy group: the application on one machine."""

    ecu_id: str = pulumi.property("ecuId")
    """The id of the machine in EDAS."""
    instance_id: str = pulumi.property("instanceId")
    """The id of the ECS instance; empty when EDAS lists the member without its machine."""
    ecc_id: str = pulumi.property("eccId")
    """The id of the application on this machine; every scale out gives it a new one."""
    ip: str
    """The private address; empty when not reported."""
    state: str
    """``running``, ``unhealthy`` (it runs, but its health check fails), ``stopped``, ``agentOff`` (the EDAS agent of
    the machine does not answer) or ``unknown``."""
    joined: bool
    """Whether it has been seen running since it joined."""


@pulumi.output_type
class GroupMember(dict[str, Any]):
    """A member of a deploy group, as the functions report it."""

    ecu_id: str = pulumi.property("ecuId")
    """The id of the machine in EDAS."""
    instance_id: str = pulumi.property("instanceId")
    """The id of the ECS instance; empty when EDAS lists the member without its machine."""
    ecc_id: str = pulumi.property("eccId")
    """The id of the application on this machine; every scale out gives it a new one."""
    ip: str
    """The private address; empty when not reported."""
    zone: str
    """The zone of the machine; empty when not reported."""
    state: str
    """``running``, ``unhealthy`` (it runs, but its health check fails), ``stopped``, ``agentOff`` (the EDAS agent of
    the machine does not answer) or ``unknown``."""


@pulumi.output_type
class DeployGroup(dict[str, Any]):
    """A deploy group of an application."""

    group_id: str = pulumi.property("groupId")
    """The id, as ``group_id`` of a membership takes it."""
    name: str
    """The name; the default group of every application is named ``_DEFAULT_GROUP``."""
    deployed: bool
    """Whether a package was ever deployed to the group; members of a group without one stay stopped."""
    running_count: int = pulumi.property("runningCount")
    """The number of running members."""
    members: Sequence[GroupMember]
    """The members, sorted by ECU id."""


@pulumi.output_type
class ScaleOutCandidate(dict[str, Any]):
    """A machine that can join a deploy group."""

    ecu_id: str = pulumi.property("ecuId")
    """The id of the machine in EDAS."""
    instance_id: str = pulumi.property("instanceId")
    """The id of the ECS instance."""
    ip: str
    """The private address; empty when not reported."""
    zone: str
    """The zone; empty when not reported."""


@pulumi.output_type
class GetApplicationResult(dict[str, Any]):
    """The application that was found."""

    app_id: str = pulumi.property("appId")
    """The id of the application."""
    name: str
    """The name of the application."""
    cluster_id: str = pulumi.property("clusterId")
    """The cluster it runs in; empty when not reported."""
    cluster_type: int | None = pulumi.property("clusterType")
    """2 is ECS; 3 and 5 are Kubernetes, where there are no memberships; None when not reported."""
    region_id: str = pulumi.property("regionId")
    """The region of the application."""


@pulumi.output_type
class GetDeployGroupsResult(dict[str, Any]):
    """The deploy groups of an application."""

    app_id: str = pulumi.property("appId")
    """The id of the application."""
    region_id: str = pulumi.property("regionId")
    """The region of the application."""
    cluster_id: str = pulumi.property("clusterId")
    """The cluster it runs in; empty when not reported."""
    groups: Sequence[DeployGroup]
    """The deploy groups, sorted by id."""


@pulumi.output_type
class GetDeployGroupResult(dict[str, Any]):
    """One deploy group with its members."""

    app_id: str = pulumi.property("appId")
    """The id of the application."""
    region_id: str = pulumi.property("regionId")
    """The region of the application."""
    cluster_id: str = pulumi.property("clusterId")
    """The cluster it runs in; empty when not reported."""
    group_id: str = pulumi.property("groupId")
    """The id of the group, as ``group_id`` of a membership takes it."""
    name: str
    """The name of the group."""
    deployed: bool
    """Whether a package was ever deployed to the group; members of a group without one stay stopped."""
    running_count: int = pulumi.property("runningCount")
    """The number of running members."""
    members: Sequence[GroupMember]
    """The members, sorted by ECU id."""


@pulumi.output_type
class GetScaleOutCandidatesResult(dict[str, Any]):
    """The machines that can join a deploy group."""

    app_id: str = pulumi.property("appId")
    """The id of the application."""
    region_id: str = pulumi.property("regionId")
    """The region of the application."""
    candidates: Sequence[ScaleOutCandidate]
    """The machines, in the order in which they should be used."""
    instance_ids: Sequence[str] = pulumi.property("instanceIds")
    """Their ECS instance ids in the same order, as ``instance_ids`` of a membership takes them."""


def get_application(name: str, *, region_id: str | None = None) -> GetApplicationResult:
    """Find an application by its name.

    Args:
        name: the exact name.
        region_id: the region to look in. By default the region of the settings.

    Raises:
        pulumi.RunError: no application, or more than one, has this name, or EDAS cannot be reached.
    """
    return _invoke("getApplication", GetApplicationResult, name=name, regionId=region_id)


def get_application_output(
    name: pulumi.Input[str], *, region_id: pulumi.Input[str] | None = None
) -> pulumi.Output[GetApplicationResult]:
    """Find an application as ``get_application`` does, once the arguments are known."""
    return _lifted(get_application, name=name, region_id=region_id)


def get_deploy_groups(app_id: str, *, region_id: str | None = None) -> GetDeployGroupsResult:
    """List the deploy groups of an application with their members.

    Args:
        app_id: the id of the application.
        region_id: the region to look in. By default the region of the settings.

    Raises:
        pulumi.RunError: there is no such application, or EDAS cannot be reached.
    """
    return _invoke("getDeployGroups", GetDeployGroupsResult, appId=app_id, regionId=region_id)


def get_deploy_groups_output(
    app_id: pulumi.Input[str], *, region_id: pulumi.Input[str] | None = None
) -> pulumi.Output[GetDeployGroupsResult]:
    """List deploy groups as ``get_deploy_groups`` does, once the arguments are known."""
    return _lifted(get_deploy_groups, app_id=app_id, region_id=region_id)


def get_deploy_group(
    app_id: str, *, group_id: str | None = None, group_name: str | None = None, region_id: str | None = None
) -> GetDeployGroupResult:
    """Read one deploy group with its members.

    Args:
        app_id: the id of the application.
        group_id: the id of the group. Exactly one of this and ``group_name`` must be given.
        group_name: the name of the group. The default group of every application is named ``_DEFAULT_GROUP``.
        region_id: the region to look in. By default the region of the settings.

    Raises:
        pulumi.RunError: there is no such group, or EDAS cannot be reached.
    """
    return _invoke(
        "getDeployGroup",
        GetDeployGroupResult,
        appId=app_id,
        groupId=group_id,
        groupName=group_name,
        regionId=region_id,
    )


def get_deploy_group_output(
    app_id: pulumi.Input[str],
    *,
    group_id: pulumi.Input[str] | None = None,
    group_name: pulumi.Input[str] | None = None,
    region_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[GetDeployGroupResult]:
    """Read a deploy group as ``get_deploy_group`` does, once the arguments are known."""
    return _lifted(
        get_deploy_group, app_id=app_id, group_id=group_id, group_name=group_name, region_id=region_id
    )


def get_scale_out_candidates(
    app_id: str, *, group_id: str | None = None, count: int | None = None, region_id: str | None = None
) -> GetScaleOutCandidatesResult:
    """List machines that can join a deploy group, spread over the zones and in a stable order.

    Args:
        app_id: the id of the application.
        group_id: the group that the machines are for; the zones of its members count when they are spread.
        count: how many machines are needed. By default all are listed.
        region_id: the region to look in. By default the region of the settings.

    Raises:
        pulumi.RunError: there are fewer than ``count``, or EDAS cannot be reached.
    """
    return _invoke(
        "getScaleOutCandidates",
        GetScaleOutCandidatesResult,
        appId=app_id,
        groupId=group_id,
        count=count,
        regionId=region_id,
    )


def get_scale_out_candidates_output(
    app_id: pulumi.Input[str],
    *,
    group_id: pulumi.Input[str] | None = None,
    count: pulumi.Input[int] | None = None,
    region_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[GetScaleOutCandidatesResult]:
    """List machines as ``get_scale_out_candidates`` does, once the arguments are known."""
    return _lifted(
        get_scale_out_candidates, app_id=app_id, group_id=group_id, count=count, region_id=region_id
    )


def _invoke(function: str, result: type[R], **arguments: object) -> R:
    from pulumi_edas_scale.domain.errors import EdasScaleError  # noqa: PLC0415  # needed by few programs only
    from pulumi_edas_scale.domain.settings import resolve_settings  # noqa: PLC0415  # as above

    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        answer = _operations(resolve_settings(_stack_config(), os.environ)).invoke(function, given)
    except EdasScaleError as error:
        # Pulumi prints its text alone, without a traceback.
        raise pulumi.RunError(error.with_code()) from error
    typed: R = rpc.translate_output_properties(answer, str, result)  # names as they are
    return typed


def _lifted(function: Callable[..., R], **arguments: pulumi.Input[Any] | None) -> pulumi.Output[R]:
    async def call(known: dict[str, Any]) -> R:
        return await asyncio.to_thread(function, **known)  # the program's other resources go on meanwhile

    return pulumi.Output.all(**arguments).apply(call)


def _stack_config() -> dict[str, str]:
    from pulumi_edas_scale.domain.settings import KEY_SETTINGS, SETTINGS  # noqa: PLC0415  # as above

    keys = (*(key for row in SETTINGS for key in (row.key, *row.borrowed)), *KEY_SETTINGS)
    reported = ((key, pulumi.Config(key.partition(":")[0]).get(key.partition(":")[2])) for key in keys)
    return {key: value for key, value in reported if value is not None}


@functools.cache
def _operations(settings: Settings) -> Service:
    """Return one set of operations for equal settings, so that a program shares readings and connections."""
    from pulumi_edas_scale.operations.service import Service  # noqa: PLC0415  # needed by few programs only

    return Service(settings, _ProgramHost())


class _ProgramHost:
    """What a program can do for the core: say something under the stack."""

    def progress(self, urn: str, text: str) -> None:
        """Ignore a status: a program has no row of its own."""

    def info(self, urn: str, text: str) -> None:  # noqa: ARG002  # as in the plugin, where it has one
        pulumi.log.info(text)

    def warn(self, urn: str, warning: Message) -> None:  # noqa: ARG002  # as above
        pulumi.log.warn(warning.with_code())

    def stopped(self) -> str | None:
        return None
