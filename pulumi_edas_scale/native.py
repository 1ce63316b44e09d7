"""The plugin's resources and functions for Python programs, without a generated SDK.

``DeployGroupMembership`` has the same arguments and outputs as the one in the package itself, so a program changes
front ends by changing an import. Use this front end for ``pulumi import``, for ``custom_timeouts`` and for saved
progress of a change that was cancelled. It needs the plugin ``pulumi-resource-edas-scale``, which this package
installs.

This file's law: it names and types what ``schema.json`` describes, and does nothing else.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import pulumi
import pulumi.runtime

from pulumi_edas_scale.domain.choices import ForceScaleIn, Network, OnCancel, OnDelete, WaitFor
from pulumi_edas_scale.functions import (
    GetApplicationResult,
    GetDeployGroupResult,
    GetDeployGroupsResult,
    GetScaleOutCandidatesResult,
)
from pulumi_edas_scale.hosts.preflight import ensure_plugin
from pulumi_edas_scale.surface import MembershipSurface
from pulumi_edas_scale.version import __version__

__all__ = [
    "DeployGroupMembership",
    "ForceScaleIn",
    "Network",
    "OnCancel",
    "OnDelete",
    "Provider",
    "WaitFor",
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


class Provider(pulumi.ProviderResource):
    """A provider with its own settings, for programs that work in several regions or accounts.

    Args:
        resource_name: the name of the provider in the stack.
        opts: Pulumi's resource options.
        region_id: the region of memberships that do not set one.
        endpoint: the address of the EDAS API, with its scheme. By default the address of the region.
        network: which address of the region is used. ``public`` (the default): the address on the internet.
            ``vpc``: the address inside the VPCs of the region, which needs no internet access.
        profile: the profile of the Alibaba Cloud credentials file that calls are signed with.
        call_timeout_seconds: the time limit of one call of EDAS. By default 30.
        preview_reads: whether a preview reads the live group. By default True.
        strict_preview: whether a problem that the same update might still fix is a failure. By default False: it
            is a warning.
        on_cancel: what Cancel does with a change order in flight. ``detach`` (the default): it goes on, and the
            next update waits for it to end. ``abort``: it is aborted if the cancelled operation submitted it.
    """

    def __init__(  # noqa: PLR0913  # one argument per setting, by name
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        region_id: pulumi.Input[str] | None = None,
        endpoint: pulumi.Input[str] | None = None,
        network: pulumi.Input[Network | str] | None = None,
        profile: pulumi.Input[str] | None = None,
        call_timeout_seconds: pulumi.Input[int] | None = None,
        preview_reads: pulumi.Input[bool] | None = None,
        strict_preview: pulumi.Input[bool] | None = None,
        on_cancel: pulumi.Input[OnCancel | str] | None = None,
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


class DeployGroupMembership(MembershipSurface, pulumi.CustomResource):
    """The members of one EDAS deploy group, managed by the provider plugin."""

    def _register(
        self, resource_name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        token = "edas-scale:index:DeployGroupMembership"  # noqa: S105  # a type, not a secret
        pulumi.CustomResource.__init__(self, token, resource_name, properties, _of_this_version(opts))


def get_application(
    name: str, *, region_id: str | None = None, opts: pulumi.InvokeOptions | None = None
) -> GetApplicationResult:
    """Find an application by its name.

    Args:
        name: the exact name.
        region_id: the region to look in. By default the region of the provider's settings.
        opts: which provider to ask.
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
        region_id: the region to look in. By default the region of the provider's settings.
        opts: which provider to ask.
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
        group_id: the id of the group. Exactly one of this and ``group_name`` must be given.
        group_name: the name of the group. The default group of every application is named ``_DEFAULT_GROUP``.
        region_id: the region to look in. By default the region of the provider's settings.
        opts: which provider to ask.
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
    """List machines that can join a deploy group, spread over the zones and in a stable order.

    Args:
        app_id: the id of the application.
        group_id: the group that the machines are for; the zones of its members count when they are spread.
        count: how many machines are needed. By default all are listed.
        region_id: the region to look in. By default the region of the provider's settings.
        opts: which provider to ask.
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
