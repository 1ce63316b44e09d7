"""``edas-scale plan``: what a membership would change now, by the provider's own preview.

This file's law: the same preview as in ``pulumi preview``, so the two cannot say different things; nothing is
sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from pulumi_edas_scale.cli.context import Cloud, report_waiting, with_cloud
from pulumi_edas_scale.cli.output import FAILED, WOULD_CHANGE, Failure, Form, note, say, say_value
from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.codes import format_failure, join_messages
from pulumi_edas_scale.domain.fields import BY_NAME
from pulumi_edas_scale.domain.inputs import (
    check_inputs,
    import_inputs,
    parse_recorded,
    parse_spec,
    render_outputs,
)
from pulumi_edas_scale.domain.messages import short_name
from pulumi_edas_scale.domain.model import Recorded, Scope
from pulumi_edas_scale.operations.observe import Target, outcome_of
from pulumi_edas_scale.operations.preview import preview_change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_edas_scale.domain.inputs import Checked
    from pulumi_edas_scale.domain.model import Application, Member
    from pulumi_edas_scale.operations.preview import Preview

EVERYBODY: Final = "all"

OPTIONS: Final = {
    "instanceIds": "--members",
    "ecuIds": "--members",
    "exclusive": "--exclusive",
    "minRunning": "--min-running",
    "maxRemovals": "--max-removals",
    "batchSize": "--batch-size",
    "forceScaleIn": "--force-scale-in",
}
"""The option that sets an input."""


@click.command("plan")
@click.argument("app")
@click.argument("group")
@click.option(
    "--members",
    metavar="ID,ID",
    help="Members the group should have: ECS instance ids or ECU ids; an empty text means none.",
)
@click.option(
    "--destroy", is_flag=True, help="Show what 'pulumi destroy' would scale in, instead of a change."
)
@click.option(
    "--managed",
    default="",
    metavar="ID,ID|all",
    help="Members that are managed already: those not in --members leave. By default none; with --destroy, all.",
)
@click.option("--exclusive", is_flag=True, help="Also scale in foreign members.")
@click.option("--min-running", type=int, metavar="N", help="Floor of running members.")
@click.option("--max-removals", type=int, metavar="N", help="Refuse when more members would leave.")
@click.option("--batch-size", type=int, metavar="N", help="Highest number of instances in one change order.")
@click.option(
    "--force-scale-in", type=click.Choice(BY_NAME["forceScaleIn"].words), help="Members to remove by force."
)
@with_cloud
def plan(  # noqa: PLR0913 - one argument per option
    *,
    cloud: Cloud,
    app: str,
    group: str,
    members: str | None,
    destroy: bool,
    managed: str,
    form: Form,
    **policy: object,
) -> None:
    """Show what a membership of GROUP of APP (ids or names) would change now. Nothing is sent.

    Exit codes: 0 nothing would change, 2 something would, 1 the plan is refused, EDAS cannot be read, or an
    argument is wrong.
    """
    if destroy == (members is not None):
        raise Failure("Give either --members, the ids the group should have, or --destroy.")
    live = cloud.application(app)
    scope = cloud.scope(live, cloud.group(live, group))
    if destroy:
        recorded = _recorded(live, scope, managed or EVERYBODY)
        target = Target("", scope, (), recorded.policy, recorded, deleting=True)
    else:
        spec = parse_spec(_checked(cloud, scope, _ids(members or ""), policy).inputs)
        target = Target("", scope, spec.listed, spec.policy, _recorded(live, scope, managed))
    preview = preview_change(
        cloud.session,
        target,
        OperationContext(cloud.cli_context.runtime, report=report_waiting(cloud.cli_context.runtime)),
        strict=False,
        known_foreign=frozenset(
            each.ecu_id for each in live.members
        ),  # nothing was recorded, so nobody arrived
    )
    # For the provider an unreadable application may be one that the same run makes; there is no run here.
    if preview.observation is None and not preview.failures:
        raise Failure(join_messages(preview.mendable).with_code())
    _say(scope, preview, form=form)
    if preview.failures:
        click.get_current_context().exit(FAILED)
    if preview.changes_membership:
        click.get_current_context().exit(WOULD_CHANGE)


def _ids(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _checked(cloud: Cloud, scope: Scope, ids: Sequence[str], policy: Mapping[str, object]) -> Checked:
    given = {name: policy.get(row.snake) for name, row in BY_NAME.items()}
    inputs = {
        **{name: value for name, value in given.items() if value is not None},
        "regionId": scope.region_id,
        "appId": scope.app_id,
        "groupId": scope.group_id,
        # The option takes both kinds, as a person has them at hand; the prefix is that of every ECS instance.
        "instanceIds": [each for each in ids if each.startswith("i-")],
        "ecuIds": [each for each in ids if not each.startswith("i-")],
    }
    checked = check_inputs(inputs, recorded=None, settings=cloud.settings)
    if checked.failures:
        reasons = [format_failure(_option(path), reason) for path, reason in checked.failures]
        raise Failure(join_messages(reasons).with_code())
    return checked


def _option(path: str) -> str:
    return OPTIONS.get(path.split("[", 1)[0], path)


def _recorded(live: Application, scope: Scope, managed: str) -> Recorded:
    """Return what a state would record of a membership that manages these members."""
    here = live.members_of(scope.group_id)
    ids = _ids(managed)
    ours = [each for each in here if managed == EVERYBODY or {each.instance_id, each.ecu_id} & set(ids)]
    if not ids:
        return Recorded()
    absent = sorted(
        set(ids) - {EVERYBODY} - {name for each in here for name in (each.instance_id, each.ecu_id)}
    )
    if absent and managed != EVERYBODY:
        note(f"--managed: not members of the group, and so ignored: {', '.join(absent)}.")
    inputs = import_inputs(scope, ours)
    outcome = outcome_of(live, scope, frozenset(each.ecu_id for each in ours), Recorded())
    return parse_recorded(render_outputs(inputs, outcome))


def _say(scope: Scope, preview: Preview, *, form: Form) -> None:
    for path, reason in preview.failures:
        note(f"Refused: {_option(path)}: {reason}" if path else f"Refused: {reason}")
    for warning in preview.warnings:
        note(f"Warning: {warning}")
    if form is not Form.TABLE:
        say_value(_as_json(scope, preview), form)
        return
    for line in preview.lines:
        say(line)
    if preview.observation is not None and not preview.lines:
        say("no change orders")


def _as_json(scope: Scope, preview: Preview) -> dict[str, Any]:
    def short_names(members: Sequence[Member]) -> list[str]:
        return [short_name(each) for each in members]

    answer: dict[str, Any] = {
        "regionId": scope.region_id,
        "appId": scope.app_id,
        "groupId": scope.group_id,
        "changes": preview.changes_membership,
        "refused": [{"path": path, "reason": reason} for path, reason in preview.failures],
        "warnings": list(preview.warnings),
    }
    if preview.observation is None:
        return answer
    decided, names = preview.observation.plan, preview.observation.names
    return {
        **answer,
        "orders": [
            {
                "kind": order.kind.value,
                "instances": [names.get(each, each) for each in order.ecu_ids],
                "ecuIds": list(order.ecu_ids),
                "eccIds": list(order.ecc_ids),
                "force": order.force,
                "repair": order.repair,
            }
            for order in decided.orders
        ],
        "adopt": short_names(decided.adopt),
        "leave": short_names(decided.leave),
        "evict": short_names(decided.evict),
        "foreign": short_names(decided.foreign),
        "broken": short_names(decided.broken),
        "absent": [{"id": each.listed.id, "cause": each.cause.value} for each in decided.absent],
        "runningNow": decided.running_now,
        "lowestRunning": decided.lowest_running,
        "finallyRunning": decided.finally_running,
        "finallyMembers": decided.finally_members,
    }
