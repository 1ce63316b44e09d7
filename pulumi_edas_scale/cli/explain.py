"""``edas-scale explain``: what a short code, a code of EDAS or a whole message means.

This file's law: it says what docs/errors.md says, from the same rows, and asks nobody.
"""

from __future__ import annotations

from dataclasses import asdict

import click

from pulumi_edas_scale.cli.output import Form, WrongUse, output_options, say, say_table, say_value
from pulumi_edas_scale.domain.codes import ROWS, Row, code_of
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS


@click.command("explain")
@click.argument("what", nargs=-1)
@output_options
def explain(*, what: tuple[str, ...], form: Form) -> None:
    """Explain a message: WHAT is its short code, a code of EDAS, or the message itself.

    Without WHAT, every code is listed.
    """
    rows = [*ROWS, *_task_errors()]
    if what:
        found = _find(" ".join(what), rows)
        if form is not Form.TABLE:
            say_value(asdict(found), form)
        else:
            say(f"{found.code}: {found.words}")
            say(f"Cause: {as_sentence(found.cause)}")
            say(f"What to do: {as_sentence(found.fix)}")
    elif form is not Form.TABLE:
        say_value([asdict(each) for each in rows], form)
    else:
        say_table(("code", "message", "cause"), [(each.code, each.words, each.cause) for each in rows])


def _find(text: str, rows: list[Row]) -> Row:
    by_code = {each.code.casefold(): each for each in rows}
    code = text.strip(" []").casefold()
    found = by_code.get(code) or by_code.get((code_of(text) or "").casefold())
    if found is None:
        raise WrongUse(
            f"'{text}' is neither a short code of pulumi-edas-scale ({ROWS[0].code} to {ROWS[-1].code}), nor a code of "
            "EDAS that is known here, nor a message of pulumi-edas-scale. 'edas-scale explain' lists the codes."
        )
    return found


def _task_errors() -> list[Row]:
    return [Row(code, each.name, each.cause, each.fix) for code, each in sorted(TASK_ERRORS.items())]


def as_sentence(words: str) -> str:
    """Return words as a sentence: a capital letter in front, one full stop behind."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
