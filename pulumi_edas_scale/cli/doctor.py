"""``edas-scale doctor``: what keeps the provider from working here, each with what to do.

This file's law: it reads and changes nothing, neither in EDAS nor here, but for the file of ``--record``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pulumi_edas_scale.cli.account_checks import check_account
from pulumi_edas_scale.cli.context import cli_context_of, cloud_options, open_cloud, settings_of
from pulumi_edas_scale.cli.findings import Finding, State
from pulumi_edas_scale.cli.output import COLOURS, FAILED, Form, WrongUse, note, printable, say_value
from pulumi_edas_scale.cli.recording import settle, watch_change, write
from pulumi_edas_scale.cli.tool_checks import check_tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORD_WIDTH: Final = max(len(each.value) for each in State)


@click.command("doctor")
@click.option("--app", metavar="APP", help="Application (id or name) to ask about; the first without it.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save all responses there, redacted, with what they settle of the open questions about the API.",
)
@click.option(
    "--during-change",
    type=click.FloatRange(min=1.0),
    metavar="SECONDS",
    help="With --record and --app: wait for a change order of the application, such as of your own 'pulumi up', and "
    "record what the lists show while it runs.",
)
@cloud_options
def doctor(  # noqa: PLR0913 - one argument per option
    *,
    app: str | None,
    record: Path | None,
    during_change: float | None,
    region: str | None,
    endpoint: str | None,
    profile: str | None,
    form: Form,
) -> None:
    """Check credentials, endpoint, clock, permissions, versions, plugin and host.

    Every permission that can be seen by a reading is tried by one; nothing is changed. Exits with 1 when a
    line is red.
    """
    ctx = click.get_current_context()
    if record is not None and record.exists():
        raise WrongUse(f"--record: {record} exists already and is not overwritten. Name another file.")
    if during_change is not None and (record is None or app is None):
        raise WrongUse("--during-change needs --record and --app.")
    environ = cli_context_of(ctx).environ
    # The tools first: they are looked at without a region, and show why the account cannot be asked.
    findings = check_tools(environ)
    problem = _settings_problem(environ, region=region, endpoint=endpoint, profile=profile)
    if problem is not None:
        findings.append(problem)
    else:
        cloud = open_cloud(ctx, region=region, endpoint=endpoint, profile=profile)
        if record is not None:
            cloud.recorder.remember_all()
        findings += check_account(cloud, app, record=record is not None)
    _say(findings, form=form)
    if problem is None and record is not None:
        if during_change is not None and app is not None:
            note(f"Waiting for a change order of {app}, {during_change:g} seconds at most.")
            watch_change(cloud, cloud.application(app).app_id, during_change)
        settled = settle(cloud.recorder.exchanges)
        write(record, cloud.region_id, cloud.recorder.exchanges, settled)
        note(
            f"Recorded {len(cloud.recorder.exchanges)} responses in {record}, redacted. Read it before you pass it on."
        )
        for each in settled:
            note(f"Settled: {each.switch} is {each.side}. {each.meaning}")
        note(
            f"To try your stack against an EDAS that answers like this: edas-scale emulator --from-record {record}"
        )
    if any(each.state is State.RED for each in findings):
        ctx.exit(FAILED)


def _settings_problem(environ: Mapping[str, str], **options: str | None) -> Finding | None:
    """Return what keeps EDAS from being asked at all, None when nothing does."""
    try:
        settings = settings_of(environ, **options)
    except WrongUse as error:
        return Finding("settings", State.RED, f"EDAS was not asked. {error.message}", "Correct the value.")
    if settings.region_id is not None:
        return None
    fix = "Use --region, or set ALIBABA_CLOUD_REGION_ID."
    return Finding("settings", State.RED, "No region is given, so EDAS was not asked.", fix)


def _say(findings: Sequence[Finding], *, form: Form) -> None:
    if form is not Form.TABLE:
        say_value(
            {
                "ok": all(each.state is not State.RED for each in findings),
                "findings": [
                    {"name": each.name, "state": each.state.value, "says": each.says, "fix": each.fix}
                    for each in findings
                ],
            },
            form,
        )
        return
    for each in findings:
        word = click.style(each.state.value.ljust(WORD_WIDTH), fg=COLOURS.get(each.state.value))
        click.echo(f"{word}  {printable(each.name)}: {printable(' '.join(each.says.split()))}")
        if each.fix and each.state is not State.OK:
            click.echo(f"{' ' * WORD_WIDTH}  Fix: {printable(each.fix)}")
