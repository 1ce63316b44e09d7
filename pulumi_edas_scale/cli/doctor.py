"""``edas-scale doctor``: what keeps the provider from working here, each with what to do.

This file's law: it reads and changes nothing, neither in EDAS nor here, but for the directory of ``--record``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pulumi_edas_scale.cli.account_checks import check_account
from pulumi_edas_scale.cli.context import cli_context_of, cloud_options, open_cloud, settings_of
from pulumi_edas_scale.cli.findings import Finding, State
from pulumi_edas_scale.cli.output import COLOURS, FAILED, Failure, Form, WrongUse, note, printable, say_value
from pulumi_edas_scale.cli.redaction import Redactor
from pulumi_edas_scale.cli.tool_checks import check_tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_edas_scale.edas.client import Exchange

WORD_WIDTH: Final = max(len(each.value) for each in State)


@click.command("doctor")
@click.option("--app", metavar="APP", help="Application (id or name) to ask about; the first without it.")
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Save the bodies of all answers there, redacted, to compare with what is known of the API.",
)
@cloud_options
def doctor(  # noqa: PLR0913 - one argument per option
    *,
    app: str | None,
    record: Path | None,
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
    if record is not None and record.is_dir() and any(record.iterdir()):
        raise WrongUse(f"--record: {record} is not empty. Name a directory that is new or empty.")
    environ = cli_context_of(ctx).environ
    findings = check_tools(environ)
    exchanges: tuple[Exchange, ...] = ()
    problem = _settings_problem(environ, region=region, endpoint=endpoint, profile=profile)
    if problem is not None:
        findings.append(problem)
    else:
        cloud = open_cloud(ctx, region=region, endpoint=endpoint, profile=profile)
        findings += check_account(cloud, app, record=record is not None)
        exchanges = cloud.recorder.exchanges
    _say(findings, form=form)
    if record is not None:
        _record(record, exchanges)
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


def _record(directory: Path, exchanges: Sequence[Exchange]) -> None:
    """Write each answer to a file of its own, with one set of invented names for all of them."""
    redactor = Redactor()
    counts: dict[str, int] = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for each in exchanges:
            counts[each.operation] = number = counts.get(each.operation, 0) + 1
            suffix = f".{number}" if number > 1 else ""
            file = directory / f"{each.operation}{suffix}.json"
            text = json.dumps(_recorded(redactor, each), indent=2, ensure_ascii=False)
            file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"{directory} cannot be written: {error}") from error
    note(f"Recorded {len(exchanges)} answers in {directory}, redacted. Read them before you pass them on.")


def _recorded(redactor: Redactor, exchange: Exchange) -> Any:  # noqa: ANN401 - JSON
    """Return what may be published of one answer; of a refusal there is the error, not the body."""
    error = exchange.error
    if error is None:
        return redactor.body(exchange.body)
    return {
        "refused": type(error).__name__,
        "Code": error.code,
        "Message": redactor.sentence(error.message),
        "hasRequestId": bool(error.request_id),
    }
