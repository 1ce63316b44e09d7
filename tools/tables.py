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

from pulumi_edas_scale.catalogue import ROWS, TOPICS  # noqa: E402
from pulumi_edas_scale.change_order import STATUSES  # noqa: E402
from pulumi_edas_scale.properties import OUTPUTS, PROPERTIES, snake_case  # noqa: E402
from pulumi_edas_scale.settings import SETTINGS  # noqa: E402
from tools.benchmarks.results import CALLS, Result, parse_result, render_table  # noqa: E402

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
    """Return all else that was measured; what was simulated has a table of its own."""
    figures = _measured().figures
    return render_table(each for each in figures if each.limit is None and each.section != "pacing")


def pacing_table(_schema: dict[str, Any]) -> str:
    """Return how late ends are seen, a row for each simulation and a column for each figure."""
    figures = [each for each in _measured().figures if each.section == "pacing" and each.limit is None]
    columns = list(dict.fromkeys(each.what for each in figures))
    rows: dict[str, list[str]] = {}
    for each in figures:
        value = f"{each.median:g}" if each.unit == CALLS else f"{each.median:.1f} s"
        rows.setdefault(each.case, []).append(value)
    head = [f"| orders at once: durations | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    return "\n".join([*head, *(f"| {case} | {' | '.join(values)} |" for case, values in rows.items())])


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
