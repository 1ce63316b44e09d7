"""Membership of ECS instances in EDAS deploy groups, as Pulumi resources.

Names are loaded at their first use, so that ``import pulumi_edas_scale`` costs a program next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.choices import ForceScaleIn, OnDelete, WaitFor
    from pulumi_edas_scale.dynamic import DeployGroupMembership
    from pulumi_edas_scale.functions import (
        DeployGroup,
        GetApplicationResult,
        GetDeployGroupResult,
        GetDeployGroupsResult,
        GetScaleOutCandidatesResult,
        GroupMember,
        Member,
        ScaleOutCandidate,
        get_application,
        get_application_output,
        get_deploy_group,
        get_deploy_group_output,
        get_deploy_groups,
        get_deploy_groups_output,
        get_scale_out_candidates,
        get_scale_out_candidates_output,
    )

__all__ = [
    "DeployGroup",
    "DeployGroupMembership",
    "ForceScaleIn",
    "GetApplicationResult",
    "GetDeployGroupResult",
    "GetDeployGroupsResult",
    "GetScaleOutCandidatesResult",
    "GroupMember",
    "Member",
    "OnDelete",
    "ScaleOutCandidate",
    "WaitFor",
    "__version__",
    "get_application",
    "get_application_output",
    "get_deploy_group",
    "get_deploy_group_output",
    "get_deploy_groups",
    "get_deploy_groups_output",
    "get_scale_out_candidates",
    "get_scale_out_candidates_output",
]

_MODULES = {
    "DeployGroupMembership": "dynamic",
    **dict.fromkeys(("ForceScaleIn", "OnDelete", "WaitFor"), "domain.choices"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'functions')}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
