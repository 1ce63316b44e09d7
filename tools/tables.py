"""Writes the tables of the documents from the code they describe.

This file's law: what stands between two markers in a document is made here and nowhere else. ``--check`` tells
whether the documents are up to date and changes nothing.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python looks beside it only

from pulumi_edas_scale.domain.codes import ROWS, TOPICS  # noqa: E402
from pulumi_edas_scale.domain.fields import OUTPUTS, PROPERTIES, snake_case  # noqa: E402
from pulumi_edas_scale.domain.orders import STATUSES  # noqa: E402
from pulumi_edas_scale.domain.settings import SETTINGS  # noqa: E402
from tools.benchmarks.results import CALLS, Figure, Result, parse_result, render_table  # noqa: E402

DOCUMENTS = ("README.md", "docs/errors.md", "docs/performance.md")
RESOURCE = "edas-scale:index:DeployGroupMembership"


def inputs_table(schema: dict[str, Any]) -> str:
    """Return the inputs with type and default, by their names in Python and in the schema."""
    resource = schema["resources"][RESOURCE]
    rows = ["| Python | schema | type, default | meaning |", "|---|---|---|---|"]
    for row in PROPERTIES:
        spec = resource["inputProperties"][row.name]
        kind = f"{_kind(schema, spec)}{_default(resource, row.name, row.default)}"
        rows.append(f"| `{snake_case(row.name)}` | `{row.name}` | {kind} | {spec['description']} |")
    return "\n".join(rows)


def outputs_table(schema: dict[str, Any]) -> str:
    """Return what the resource adds to its inputs."""
    properties = schema["resources"][RESOURCE]["properties"]
    rows = ["| Python | schema | meaning |", "|---|---|---|"]
    rows += [f"| `{snake_case(each)}` | `{each}` | {properties[each]['description']} |" for each in OUTPUTS]
    return "\n".join(rows)


def settings_table(_schema: dict[str, Any]) -> str:
    """Return the settings with every place they may come from, the strongest first."""
    rows = ["| setting | stack configuration | environment | default | meaning |", "|---|---|---|---|---|"]
    for row in SETTINGS:
        config = ", ".join(f"`{key}`" for key in (row.key, *row.borrowed))
        environment = ", ".join(f"`{name}`" for name in row.environment) or "-"
        default = "-" if row.default is None else f"`{str(row.default).lower()}`"
        rows.append(f"| `{row.name}` | {config} | {environment} | {default} | {row.meaning} |")
    return "\n".join(rows)


def statuses_table(_schema: dict[str, Any]) -> str:
    """Return what each status of a change order means here."""
    rows = ["| status | word | treated as |", "|---|---|---|"]
    rows += [f"| {number} | {word} | {phase.value} |" for number, (word, phase) in sorted(STATUSES.items())]
    return "\n".join(rows)


def promises_table(_schema: dict[str, Any]) -> str:
    """Return what was measured of what is promised."""
    return render_table(each for each in _measured().figures if each.limit is not None)


def measures_table(_schema: dict[str, Any]) -> str:
    """Return all else that was measured, but for what has a table of its own."""
    figures = _measured().figures
    return render_table(
        each for each in figures if each.limit is None and each.section not in {"growth", "pacing"}
    )


def growth_table(_schema: dict[str, Any]) -> str:
    """Return what commands over growing estates cost."""
    return _crossed("growth", "estate, command, front end")


def pacing_table(_schema: dict[str, Any]) -> str:
    """Return how late ends are seen."""
    return _crossed("pacing", "orders at once: durations")


def _crossed(section: str, title: str) -> str:
    """Return what is promised nowhere of a section: a row for each case and a column for each figure."""
    figures = [each for each in _measured().figures if each.section == section and each.limit is None]
    columns = list(dict.fromkeys(each.what for each in figures))
    cells = {(each.case, each.what): _cell(each) for each in figures}
    rows = [f"| {title} | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for case in dict.fromkeys(each.case for each in figures):
        values = " | ".join(cells.get((case, what), "-") for what in columns)
        rows.append(f"| {case} | {values} |")
    return "\n".join(rows)


def _cell(figure: Figure) -> str:
    unit = figure.unit.removeprefix("virtual ")
    return f"{figure.median:g}" if figure.unit == CALLS else f"{figure.median:.1f} {unit}"


def machine_paragraph(_schema: dict[str, Any]) -> str:
    """Return what was measured on, when, and how busy it was."""
    about = _measured().about
    sections = about["sections"]
    dates = sorted({each["date"] for each in sections.values()})
    loads = ", ".join(
        f"{name} {each['loadAtStart']} to {each['loadAtEnd']}" for name, each in sections.items()
    )
    return (
        f"{about['cores']} cores, {about['memoryGiB']} GiB; Python {about['python']}, pulumi {about['pulumi']}, "
        f"grpcio {about['grpcio']}; measured on {' and '.join(dates)}. Load (one minute) at the start and end of "
        f"each section: {loads}."
    )


def messages_table(topic: str) -> str:
    """Return the messages about a topic, each where a link to its code leads."""
    rows = ["| code | words of the message | cause | what to do |", "|---|---|---|---|"]
    rows += [
        f'| <a id="{row.code.lower()}"></a>{row.code} | `{row.words}` | {row.cause} '
        f"| {html.escape(row.fix, quote=False)} |"
        for row in ROWS
        if row.topic == topic
    ]
    return "\n".join(rows)


def _measured() -> Result:
    return parse_result(json.loads((ROOT / "docs" / "bench.json").read_text("utf-8")))


TABLES = {
    "machine": machine_paragraph,
    "measures": measures_table,
    "growth": growth_table,
    "pacing": pacing_table,
    "promises": promises_table,
    "inputs": inputs_table,
    "outputs": outputs_table,
    "settings": settings_table,
    "statuses": statuses_table,
} | {f"messages-{topic}": lambda _schema, topic=topic: messages_table(topic) for topic in TOPICS.values()}


def fill(text: str, schema: dict[str, Any]) -> str:
    """Return the document with every marked table made anew."""
    for name, make in TABLES.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        table = make(schema)
        text = marked.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)  # type: ignore[misc]
    return text


def _kind(schema: dict[str, Any], spec: dict[str, Any]) -> str:
    if "$ref" in spec:
        words = schema["types"][spec["$ref"].removeprefix("#/types/")]["enum"]
        return " or ".join(f"`{each['value']}`" for each in words)
    if spec["type"] == "array":
        return f"list of {spec['items']['type']}"
    return str(spec["type"])


def _default(resource: dict[str, Any], name: str, default: object) -> str:
    if name in resource.get("requiredInputs", ()):
        return ", required"
    return "" if default is None else f", `{str(default).lower() if isinstance(default, bool) else default}`"


def main() -> int:
    """Write the tables, or with --check say which documents are old; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a document is old")
    check = parser.parse_args().check
    schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
    old = []
    for path in (ROOT / name for name in DOCUMENTS):
        text = path.read_text("utf-8")
        filled = fill(text, schema)
        if filled != text:
            old.append(path.name)
            if not check:
                path.write_text(filled, "utf-8")
    for name in old:
        sys.stderr.write(
            f"{name}: the tables {'are old; run python tools/tables.py' if check else 'were made anew'}\n"
        )
    return 1 if old and check else 0


if __name__ == "__main__":
    sys.exit(main())
