"""``edas-scale ram-policy``: the minimum a RAM user or role needs.

This file's law: the actions are those of the table of operations in ``failures.py``, so that the policy
grows and shrinks with what the provider calls. No call is made.

Source: EDAS user guide, "RAM policies"; EDAS API 2017-08-01, the authorization table of each operation.
"""

from __future__ import annotations

import re
from typing import Any, Final

import click

from pulumi_edas_scale.cli.output import Form, WrongUse, output_options, say_value
from pulumi_edas_scale.edas.failures import OPERATIONS

PREVIEW: Final = "preview"
UP: Final = "up"

OF_ALL_RESOURCES: Final = frozenset({"edas:ReadApplication", "edas:ReadCluster"})
"""Actions of operations that RAM authorizes for all resources only: ListApplication and ListScaleOutEcu."""

_APP: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_ACCOUNT: Final = re.compile(r"[0-9]{1,32}")
_REGION: Final = re.compile(r"[a-z0-9-]{2,32}")


@click.command("ram-policy")
@click.option("--app", "apps", multiple=True, metavar="ID", help="Application to allow; may be repeated.")
@click.option("--account", default="*", metavar="ID", help="Account id; any without it.")
@click.option("--region", default="*", metavar="ID", help="Region; any without it.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice((PREVIEW, UP)),
    default=UP,
    show_default=True,
    help="preview (and refresh) reads; up changes, too.",
)
@output_options
def ram_policy(*, apps: tuple[str, ...], account: str, region: str, purpose: str, form: Form) -> None:
    """Print the minimal RAM policy with which 'pulumi preview' or 'pulumi up' works, as JSON or YAML."""
    for option, pattern, given in (
        *(("--app", _APP, app) for app in apps),
        ("--account", _ACCOUNT, account),
        ("--region", _REGION, region),
    ):
        if given != "*" and not pattern.fullmatch(given):
            raise WrongUse(
                f"{option}: '{given}' is not an id. A policy names applications by id, not by name."
            )
    say_value(
        build_policy(apps or ("*",), account, region, purpose), form if form is Form.YAML else Form.JSON
    )


def build_policy(apps: tuple[str, ...], account: str, region: str, purpose: str) -> dict[str, Any]:
    """Return the policy.

    Args:
        apps: ids of the applications; ``*`` is any.
        account: its id; ``*`` is any.
        region: its id; ``*`` is any.
        purpose: ``preview`` or ``up``.
    """
    reading = sorted({each.ram_action for each in OPERATIONS.values() if not each.writes})
    writing = sorted({each.ram_action for each in OPERATIONS.values() if each.writes} - set(reading))
    arns = [f"acs:edas:{region}:{account}:namespace/*/application/{app}" for app in sorted(set(apps))]
    everywhere = [each for each in reading if each in OF_ALL_RESOURCES]
    statements = [{"Effect": "Allow", "Action": everywhere, "Resource": ["*"]}]
    of_apps = [each for each in reading if each not in OF_ALL_RESOURCES] + (writing if purpose == UP else [])
    if of_apps:
        statements.append({"Effect": "Allow", "Action": of_apps, "Resource": arns})
    return {"Version": "1", "Statement": statements}
