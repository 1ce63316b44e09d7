"""The plugin's resources and functions for Python programs, without a generated SDK.

``DeployGroupMembership`` has the arguments and outputs of the one in the package itself, so that a program
changes front ends by changing an import. Use this front end for ``pulumi import``, for ``custom_timeouts`` and for
saved progress of a change that was cancelled; it needs ``pulumi-resource-edas-scale`` on PATH, which this
package installs.

This file's law: it names and types what ``schema.json`` describes, and does nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence  # noqa: TC003  # Pulumi reads the annotations when a program runs
from typing import Any, Final, TypeVar, cast

import pulumi
import pulumi.runtime

from pulumi_edas_scale.domain.fields import OUTPUTS, PROPERTIES, snake_case
from pulumi_edas_scale.functions import (
    GetApplicationResult,
    GetDeployGroupResult,
    GetDeployGroupsResult,
    GetScaleOutCandidatesResult,
    Member,  # as Sequence
)
from pulumi_edas_scale.hosts.preflight import ensure_plugin
from pulumi_edas_scale.version import __version__

__all__ = [
    "DeployGroupMembership",
    "Provider",
    "get_application",
    "get_application_output",
    "get_deploy_group",
    "get_deploy_group_output",
    "get_deploy_groups",
    "get_deploy_groups_output",
    "get_scale_out_candidates",
    "get_scale_out_candidates_output",
]

R = TypeVar("R")

_TO_CAMEL: Final = {snake_case(name): name for name in (*(row.name for row in PROPERTIES), *OUTPUTS)}
_TO_SNAKE: Final = {camel: snake for snake, camel in _TO_CAMEL.items()}


class Provider(pulumi.ProviderResource):
    """A provider with settings of its own, for programs that work in several regions or accounts.

    Args:
        resource_name: the name of the provider in the stack.
        opts: Pulumi's resource options.
        region_id: the region of memberships that do not state one.
        endpoint: the address of the EDAS API, with its scheme.
        network: ``public`` (the default) or ``vpc``, the address of the region that is used.
        profile: the profile of the Alibaba Cloud credentials file.
        call_timeout_seconds: the longest a call of EDAS may take, 30 by default.
        preview_reads: whether a preview reads the live group. By default it does.
        strict_preview: whether what the same update might still mend is a failure. By default it is a warning.
        on_cancel: ``detach`` (the default) leaves a change order running when Pulumi is cancelled, ``abort`` stops it.
    """

    def __init__(  # noqa: PLR0913  # one argument per setting, by name
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        region_id: pulumi.Input[str] | None = None,
        endpoint: pulumi.Input[str] | None = None,
        network: pulumi.Input[str] | None = None,
        profile: pulumi.Input[str] | None = None,
        call_timeout_seconds: pulumi.Input[int] | None = None,
        preview_reads: pulumi.Input[bool] | None = None,
        strict_preview: pulumi.Input[bool] | None = None,
        on_cancel: pulumi.Input[str] | None = None,
    ) -> None:
        settings = {
            "regionId": region_id,
            "endpoint": endpoint,
            "network": network,
            "profile": profile,
            "callTimeoutSeconds": _as_text(call_timeout_seconds),
            "previewReads": _as_text(preview_reads),
            "strictPreview": _as_text(strict_preview),
            "onCancel": on_cancel,
        }
        super().__init__("edas-scale", resource_name, settings, _of_this_version(opts))


class DeployGroupMembership(pulumi.CustomResource):
    """The ECS instances that are members of one EDAS deploy group.

    Listed instances that are not in the group are scaled out, members that leave the list are scaled in, and
    nothing else is touched: instances that others put into the group are reported in ``foreign_members`` and
    left alone unless ``exclusive`` is set. New members join, and are seen running, before old ones leave.

    Example::

        web = DeployGroupMembership(
            "web",
            app_id="3616cdca-4f92-4413-b02f-a3a5b31a4f0b",
            group_id="4f1fb6f5-9b5f-4f2b-a6ab-1f1b7e0d9c55",
            instance_ids=["i-bp1a", "i-bp1b"],
            min_running=2,
        )
        pulumi.export("running", web.running_count)

    Args:
        resource_name: the name of the resource in the stack.
        opts: Pulumi's resource options.
        app_id: the id of the application. A change replaces the membership.
        group_id: the id of the deploy group, not its name (``get_deploy_group`` tells it). A change replaces.
        instance_ids: ECS instance ids (``i-...``) that shall be members. The order has no meaning. An empty
            list is an answer; leaving out both this and ``ecu_ids`` is an error.
        ecu_ids: ECU ids that shall be members, in union with ``instance_ids``.
        region_id: the region; by default that of the settings or the environment when the membership is
            created. Only a change of this argument replaces.
        exclusive: whether the group shall hold exactly the listed members. Foreign members are then scaled
            in.
        min_running: how many members of the group must still run after every scale in of a create or update.
            By default 1; 0 allows to stop the last one.
        max_removals: refuse a create or update that would take more members than this out of the group.
        batch_size: most instances in one change order, 1 to 200. By default 50.
        batch_pause_seconds: pause between change orders. By default 0.
        wait_for: ``running`` (the default) waits until joined members run, ``order`` until their order has
            ended.
        join_timeout_seconds: how long a listed instance may still be on its way into the cluster or into
            running. By default 300.
        force_scale_in: ``offline`` forces members out whose EDAS agent does not answer. By default ``never``.
        confirm_batches: whether to confirm an order of this membership that waits for a person.
        on_delete: what a delete does with the managed members: ``scaleIn`` (the default) or ``retain``.
        timeout_seconds: for one create, update or delete, other people's orders included. By default 1800.
            ``custom_timeouts`` win.
    """

    region_id: pulumi.Output[str] = pulumi.property("regionId")
    """The region of the application."""
    app_id: pulumi.Output[str] = pulumi.property("appId")
    """The id of the application."""
    group_id: pulumi.Output[str] = pulumi.property("groupId")
    """The id of the deploy group."""
    instance_ids: pulumi.Output[Sequence[str] | None] = pulumi.property("instanceIds")
    """The listed ECS instance ids, sorted; None when no such list was given."""
    ecu_ids: pulumi.Output[Sequence[str] | None] = pulumi.property("ecuIds")
    """The listed ECU ids, sorted; None when no such list was given."""
    exclusive: pulumi.Output[bool] = pulumi.property("exclusive")
    """Whether the group holds exactly the listed members."""
    min_running: pulumi.Output[int] = pulumi.property("minRunning")
    """How many members must still run after every scale in."""
    max_removals: pulumi.Output[int | None] = pulumi.property("maxRemovals")
    """How many members a create or update may take out of the group; None: any number."""
    batch_size: pulumi.Output[int] = pulumi.property("batchSize")
    """Most instances in one change order."""
    batch_pause_seconds: pulumi.Output[float] = pulumi.property("batchPauseSeconds")
    """Seconds between change orders."""
    wait_for: pulumi.Output[str] = pulumi.property("waitFor")
    """What is waited for: ``running`` or ``order``."""
    join_timeout_seconds: pulumi.Output[int] = pulumi.property("joinTimeoutSeconds")
    """Seconds that a listed instance may take to arrive and to run."""
    force_scale_in: pulumi.Output[str] = pulumi.property("forceScaleIn")
    """Which members are forced out: ``never`` or ``offline``."""
    confirm_batches: pulumi.Output[bool] = pulumi.property("confirmBatches")
    """Whether orders that wait for a person are confirmed."""
    on_delete: pulumi.Output[str] = pulumi.property("onDelete")
    """What a delete does: ``scaleIn`` or ``retain``."""
    timeout_seconds: pulumi.Output[int] = pulumi.property("timeoutSeconds")
    """Seconds for one create, update or delete."""
    members: pulumi.Output[Sequence[Member]] = pulumi.property("members")
    """The managed members as last seen, sorted by ECU id."""
    foreign_members: pulumi.Output[Sequence[Member]] = pulumi.property("foreignMembers")
    """Members of the group that this membership does not manage."""
    running_count: pulumi.Output[int] = pulumi.property("runningCount")
    """How many members of the whole group run."""
    group_name: pulumi.Output[str] = pulumi.property("groupName")
    """The name of the deploy group."""
    cluster_id: pulumi.Output[str] = pulumi.property("clusterId")
    """The cluster that the application runs in."""
    change_order_ids: pulumi.Output[Sequence[str]] = pulumi.property("changeOrderIds")
    """The change orders of the last operation, in the order of their submission."""

    def __init__(  # noqa: PLR0913  # one argument per input, by name
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        app_id: pulumi.Input[str],
        group_id: pulumi.Input[str],
        instance_ids: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        ecu_ids: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        region_id: pulumi.Input[str] | None = None,
        exclusive: pulumi.Input[bool] | None = None,
        min_running: pulumi.Input[int] | None = None,
        max_removals: pulumi.Input[int] | None = None,
        batch_size: pulumi.Input[int] | None = None,
        batch_pause_seconds: pulumi.Input[float] | None = None,
        wait_for: pulumi.Input[str] | None = None,
        join_timeout_seconds: pulumi.Input[int] | None = None,
        force_scale_in: pulumi.Input[str] | None = None,
        confirm_batches: pulumi.Input[bool] | None = None,
        on_delete: pulumi.Input[str] | None = None,
        timeout_seconds: pulumi.Input[int] | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "app_id": app_id,
            "group_id": group_id,
            "instance_ids": instance_ids,
            "ecu_ids": ecu_ids,
            "region_id": region_id,
            "exclusive": exclusive,
            "min_running": min_running,
            "max_removals": max_removals,
            "batch_size": batch_size,
            "batch_pause_seconds": batch_pause_seconds,
            "wait_for": wait_for,
            "join_timeout_seconds": join_timeout_seconds,
            "force_scale_in": force_scale_in,
            "confirm_batches": confirm_batches,
            "on_delete": on_delete,
            "timeout_seconds": timeout_seconds,
        }
        self._register(resource_name, given, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002  # as in every Pulumi SDK
        opts: pulumi.ResourceOptions | None = None,
    ) -> DeployGroupMembership:
        """Read a membership that exists, without managing it.

        Args:
            resource_name: the name of the resource in the stack.
            id: ``<regionId>/<appId>/<groupId>``.
            opts: Pulumi's resource options.

        Returns:
            A membership whose outputs say how the group is now.
        """
        membership = cls.__new__(cls)
        by_id = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        membership._register(resource_name, {}, by_id)  # noqa: SLF001  # our own class
        return membership

    def _register(
        self, resource_name: str, given: dict[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        # A property that is not named here would be no attribute of the resource.
        properties = {**dict.fromkeys(_TO_CAMEL), **given}
        token = "edas-scale:index:DeployGroupMembership"  # noqa: S105  # a type, not a secret
        super().__init__(token, resource_name, properties, _of_this_version(opts))

    def translate_input_property(self, prop: str) -> str:
        """Return the name in the schema of a Python name; of a path (``ignore_changes``), its first part's."""
        return re.sub(r"^\w+", lambda head: _TO_CAMEL.get(head[0], head[0]), prop)

    def translate_output_property(self, prop: str) -> str:
        """Return the Python name of a name in the schema."""
        return _TO_SNAKE.get(prop, prop)


def get_application(
    name: str, *, region_id: str | None = None, opts: pulumi.InvokeOptions | None = None
) -> GetApplicationResult:
    """Find an application by its name.

    Args:
        name: the exact name.
        region_id: where to look; None: the region of the provider's settings.
        opts: which provider answers.
    """
    return _invoke("getApplication", GetApplicationResult, {"name": name, "regionId": region_id}, opts)


def get_application_output(
    name: pulumi.Input[str],
    *,
    region_id: pulumi.Input[str] | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetApplicationResult]:
    """Find an application as ``get_application`` does, once the arguments are known."""
    return _lifted("getApplication", GetApplicationResult, {"name": name, "regionId": region_id}, opts)


def get_deploy_groups(
    app_id: str, *, region_id: str | None = None, opts: pulumi.InvokeOptions | None = None
) -> GetDeployGroupsResult:
    """List the deploy groups of an application with their members.

    Args:
        app_id: the id of the application.
        region_id: where to look; None: the region of the provider's settings.
        opts: which provider answers.
    """
    return _invoke("getDeployGroups", GetDeployGroupsResult, {"appId": app_id, "regionId": region_id}, opts)


def get_deploy_groups_output(
    app_id: pulumi.Input[str],
    *,
    region_id: pulumi.Input[str] | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetDeployGroupsResult]:
    """List deploy groups as ``get_deploy_groups`` does, once the arguments are known."""
    return _lifted("getDeployGroups", GetDeployGroupsResult, {"appId": app_id, "regionId": region_id}, opts)


def get_deploy_group(
    app_id: str,
    *,
    group_id: str | None = None,
    group_name: str | None = None,
    region_id: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> GetDeployGroupResult:
    """Read one deploy group with its members.

    Args:
        app_id: the id of the application.
        group_id: the id of the group; exactly one of this and ``group_name`` is needed.
        group_name: its name; the group that every application has is named ``_DEFAULT_GROUP``.
        region_id: where to look; None: the region of the provider's settings.
        opts: which provider answers.
    """
    return _invoke(
        "getDeployGroup",
        GetDeployGroupResult,
        {"appId": app_id, "groupId": group_id, "groupName": group_name, "regionId": region_id},
        opts,
    )


def get_deploy_group_output(
    app_id: pulumi.Input[str],
    *,
    group_id: pulumi.Input[str] | None = None,
    group_name: pulumi.Input[str] | None = None,
    region_id: pulumi.Input[str] | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetDeployGroupResult]:
    """Read a deploy group as ``get_deploy_group`` does, once the arguments are known."""
    return _lifted(
        "getDeployGroup",
        GetDeployGroupResult,
        {"appId": app_id, "groupId": group_id, "groupName": group_name, "regionId": region_id},
        opts,
    )


def get_scale_out_candidates(
    app_id: str,
    *,
    group_id: str | None = None,
    count: int | None = None,
    region_id: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> GetScaleOutCandidatesResult:
    """List machines that a deploy group can be scaled out to, spread over the zones and in a stable order.

    Args:
        app_id: the id of the application.
        group_id: the group they are meant for, whose members' zones count; None: they do not.
        count: how many machines are needed; None: all.
        region_id: where to look; None: the region of the provider's settings.
        opts: which provider answers.
    """
    return _invoke(
        "getScaleOutCandidates",
        GetScaleOutCandidatesResult,
        {"appId": app_id, "groupId": group_id, "count": count, "regionId": region_id},
        opts,
    )


def get_scale_out_candidates_output(
    app_id: pulumi.Input[str],
    *,
    group_id: pulumi.Input[str] | None = None,
    count: pulumi.Input[int] | None = None,
    region_id: pulumi.Input[str] | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetScaleOutCandidatesResult]:
    """List machines as ``get_scale_out_candidates`` does, once the arguments are known."""
    return _lifted(
        "getScaleOutCandidates",
        GetScaleOutCandidatesResult,
        {"appId": app_id, "groupId": group_id, "count": count, "regionId": region_id},
        opts,
    )


def _invoke(function: str, result: type[R], given: dict[str, Any], opts: pulumi.InvokeOptions | None) -> R:
    answer = pulumi.runtime.invoke(f"edas-scale:index:{function}", given, _from_this_version(opts), result)
    return cast("R", answer.value)


def _lifted(
    function: str, result: type[R], given: dict[str, Any], opts: pulumi.InvokeOptions | None
) -> pulumi.Output[R]:
    return pulumi.runtime.invoke_output(
        f"edas-scale:index:{function}", given, _from_this_version(opts), result
    )


def _of_this_version(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    ensure_plugin()
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=__version__), opts)


def _from_this_version(opts: pulumi.InvokeOptions | None) -> pulumi.InvokeOptions:
    ensure_plugin()
    return pulumi.InvokeOptions.merge(pulumi.InvokeOptions(version=__version__), opts)


def _as_text(value: pulumi.Input[bool] | pulumi.Input[int] | None) -> pulumi.Output[str] | None:
    """Return a boolean or a number as the engine keeps settings: as JSON."""
    return None if value is None else pulumi.Output.json_dumps(value)
