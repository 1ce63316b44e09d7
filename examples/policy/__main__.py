"""The policy pack: it hands the inputs of every membership to the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from rules import (  # type: ignore[import-not-found]  # beside this file, which is run as a directory
    MEMBERSHIPS,
    floor_is_missing,
    floor_is_too_low,
    is_production,
    limit_is_missing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Rule = Callable[[Mapping[str, Any]], Iterable[str]]


def policy(name: str, description: str, rule: Rule, level: EnforcementLevel) -> ResourceValidationPolicy:
    """Return a policy that reports what a rule finds in a membership of a production stack."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type in MEMBERSHIPS and is_production(pulumi.get_stack()):
            for violation in rule(args.props):
                report(violation)

    return ResourceValidationPolicy(
        name=name, description=description, validate=validate, enforcement_level=level
    )


PolicyPack(
    name="edas-scale-production",
    policies=[
        policy(
            "deploy-group-floor",
            "A membership in production keeps at least one member running.",
            floor_is_missing,
            EnforcementLevel.MANDATORY,
        ),
        policy(
            "deploy-group-limit",
            "A membership in production limits how many members one run may remove.",
            limit_is_missing,
            EnforcementLevel.MANDATORY,
        ),
        policy(
            "deploy-group-half",
            "A membership in production keeps half of its members running.",
            floor_is_too_low,
            EnforcementLevel.ADVISORY,
        ),
    ],
)
