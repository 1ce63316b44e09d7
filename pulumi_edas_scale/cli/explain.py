"""``edas-scale explain``: what a short code, a code of EDAS or a whole message means.

This file's law: it says what docs/errors.md says, from the same rows, and asks nobody.
"""

from __future__ import annotations

import re
from dataclasses import asdict

import click

from pulumi_edas_scale.cli.output import Form, WrongUse, output_options, say, say_table, say_value
from pulumi_edas_scale.domain.codes import ROWS, Row
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS


@click.command("explain")
@click.argument("what", nargs=-1)
@output_options
def explain(*, what: tuple[str, ...], form: Form) -> None:
    """Explain a message: WHAT is its short code, a code of EDAS, or the message with its code in brackets.

    Without WHAT, every code is listed.
    """
    task_errors = [Row(code, each.name, each.cause, each.fix) for code, each in sorted(TASK_ERRORS.items())]
    rows = [*ROWS, *task_errors]
    if what:
        text, by_code = " ".join(what), {each.code.casefold(): each for each in rows}
        # A code, or each code that stands in a message in brackets.
        codes = [text.strip(" []"), *re.findall(r"\[(ES\d{3})\]", text, re.IGNORECASE)]
        found = dict.fromkeys(by_code[code] for code in map(str.casefold, codes) if code in by_code)
        if not found:
            raise WrongUse(
                f"'{text}' is neither a short code of pulumi-edas-scale ({ROWS[0].code} to {ROWS[-1].code}), nor "
                "a code of EDAS that is known here, nor a message that ends with such a code. "
                "'edas-scale explain' lists the codes."
            )
        for each in found:
            if form is not Form.TABLE:
                say_value(asdict(each), form, one_of_many=len(found) > 1)
                continue
            say(f"{each.code}: {each.words}")
            say(f"Cause: {as_sentence(each.cause)}")
            say(f"What to do: {as_sentence(each.fix)}")
    elif form is not Form.TABLE:
        say_value([asdict(each) for each in rows], form)
    else:
        say_table(("CODE", "MESSAGE", "CAUSE"), [(each.code, each.words, each.cause) for each in rows])


def as_sentence(words: str) -> str:
    """Return words as a sentence: a capital letter in front, one full stop behind."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
