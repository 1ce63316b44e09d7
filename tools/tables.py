"""Writes the tables of the documents from the code they describe.

This file's law: what stands between two markers in a document is made here and nowhere else. ``--check`` tells
whether the documents are up to date and changes nothing.
"""

from __future__ import annotations

import argparse
import ast
import html
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python looks beside it only

from pulumi_edas_scale.cli.explain import as_sentence  # noqa: E402
from pulumi_edas_scale.cli.ram_policy import PREVIEW, UP, build_policy  # noqa: E402
from pulumi_edas_scale.domain.codes import ROWS, TOPICS  # noqa: E402
from pulumi_edas_scale.domain.fields import OUTPUTS, PROPERTIES, snake_case  # noqa: E402
from pulumi_edas_scale.domain.orders import STATUSES  # noqa: E402
from pulumi_edas_scale.domain.settings import SETTINGS  # noqa: E402
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS  # noqa: E402
from pulumi_edas_scale.emulator.switches import SWITCHES  # noqa: E402
from tools.benchmarks.results import CALLS, Figure, Result, parse_result, render_table  # noqa: E402
from tools.semantic_changes import CHANGES  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Maker = Callable[[dict[str, Any]], str]

DOCUMENTS = ("README.md", *sorted(str(each.relative_to(ROOT)) for each in (ROOT / "docs").glob("*.md")))
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
    """Return the settings with every place they may come from, in order of precedence."""
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


def machine_table(_schema: dict[str, Any]) -> str:
    """Return what was measured on, and of each section which tree, when, how long, and how busy it was."""
    about = _measured().about
    versions = f"Python {about['python']}, pulumi {about['pulumi']}, grpcio {about['grpcio']}"
    rows = [
        f"{about['cores']} cores, {about['memoryGiB']} GiB; {versions}.",
        "",
        "| section | tree | size | date | took | load at start | at end |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, each in about["sections"].items():
        took = f"{each['seconds']} s" if "seconds" in each else ""
        rows.append(
            f"| {name} | {each['tree']} | {each['size']} | {each['date']} | {took} | {each['loadAtStart']} "
            f"| {each['loadAtEnd']} |"
        )
    return "\n".join(rows)


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


def task_errors_table(_schema: dict[str, Any]) -> str:
    """Return the codes of failed tasks with what they mean and what to do."""
    rows = ["| code | name | what it means | what to do |", "|---|---|---|---|"]
    rows += [
        f"| `{code}` | `{each.name}` | {as_sentence(each.cause)} | {as_sentence(each.fix)} |"
        for code, each in sorted(TASK_ERRORS.items())
    ]
    return "\n".join(rows)


def switches_table(_schema: dict[str, Any]) -> str:
    """Return what the emulator can do in more than one way."""
    rows = ["| switch | default | sides | evidence | meaning |", "|---|---|---|---|---|"]
    rows += [
        f"| `{each.name}` | `{str(each.default).lower()}` | {each.sides} | {each.evidence} | {each.meaning} |"
        for each in SWITCHES
    ]
    return "\n".join(rows)


def conformance_table(_schema: dict[str, Any]) -> str:
    """Return by scenario what the end-to-end tests hold, in the tests' own sentences."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for ids, sentence in _scenarios(ast.parse(file.read_text("utf-8"))):
            for id_ in ids:
                if sentence not in found[id_]:
                    found[id_].append(sentence)
    rows = ["| scenario | what the tests hold |", "|---|---|"]
    rows += [
        f"| {id_} | {'<br>'.join(found[id_])} |"
        for id_ in sorted(found, key=lambda id_: int(id_.lstrip("S")))
    ]
    return "\n".join(rows)


def _scenarios(tree: ast.Module) -> Iterator[tuple[list[str], str]]:
    """Yield the scenarios and the sentence of each test that names some."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        ids = [
            ast.literal_eval(argument)
            for decorator in node.decorator_list
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.scenario"
            for argument in decorator.args
        ]
        if ids:
            yield ids, " ".join((ast.get_docstring(node) or "").split())


SUITES = {
    "unit": ("decisions, words, calls and waits, on virtual time and without a socket", "{} tests"),
    "property": (
        """
        laws of the planner and of the inputs, in situations that [Hypothesis](https://hypothesis.readthedocs.io)
        draws
        """,
        "{} laws, 100 situations each, 10,000 in `make soak`",
    ),
    "simulation/test_histories.py": (
        """
        whole lives of memberships: several stacks, other people, lost answers, failed orders, killed processes; every
        law is checked against the truth of a simulated EDAS
        """,
        "{} short histories that found something once, 300 drawn ones, 10,000 new ones in `make soak`",
    ),
    "contract": (
        """
        the official Alibaba Cloud SDK over HTTP, the two front ends side by side, the command line, the schema, the
        emulator
        """,
        "{} tests",
    ),
    "e2e": ("the real Pulumi CLI and engine, with both front ends, against the emulator", "{} tests"),
}
"""Below tests/, what each suite is, and the words around the number of its tests."""


def suites_table(_schema: dict[str, Any]) -> str:
    """Return what is run and how much, as pytest and the tables of other pages tell."""
    reliability = (ROOT / "docs" / "reliability.md").read_text("utf-8").partition("\n## ")[0]
    numbers = {
        "what users rely on, each with the tests that hold it: [Conformance](conformance.md)": (
            f"{_rows(conformance_table({}))} numbered behaviours"
        ),
        "what the network or a gateway may do to a call: [Reliability](reliability.md)": (
            f"{_rows(reliability)} hostile behaviours, each with the test that shows the response"
        ),
        "what EDAS may do in more than one way: [API assumptions](api-assumptions.md)": (
            f"{len(SWITCHES)} switches of the emulator, each tested on both sides"
        ),
    }
    rows = ["| suite | what it is | how many |", "|---|---|---|"]
    rows += [
        f"| {place.partition('/')[0]} | {' '.join(about.split())} | {words.format(_rounded(count_tests(place)))} |"
        for place, (about, words) in SUITES.items()
    ]
    rows += [f"| in all suites | {about} | {number} |" for about, number in numbers.items()]
    return "\n".join(rows)


def _rows(table: str) -> int:
    return len(re.findall(r"^\| ", table, re.MULTILINE)) - 1  # the heading


def _rounded(number: int) -> str:
    """Return a number in words; of a large one, the last fifty are no news."""
    return f"more than {(number - 1) // 50 * 50:,}" if number > 100 else str(number)  # noqa: PLR2004 - as the docstring says


def count_tests(place: str) -> int:
    """Return how many tests pytest runs there."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        f"tests/{place}",
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = re.search(r"^(\d+)(?:/\d+)? tests? collected", done.stdout, re.MULTILINE)
    if found is None:
        raise ValueError(f"pytest does not say how many tests there are: {done.stdout[-200:]}")
    return int(found[1])


def semantic_changes_table(_schema: dict[str, Any]) -> str:
    """Return the rules that are taken out of the code to see whether a test notices."""
    rows = ["| file | what is changed |", "|---|---|"]
    by_file: dict[str, list[str]] = defaultdict(list)
    for each in CHANGES:
        by_file[each.file].append(each.rule)
    rows += [f"| `{file}` | {'<br>'.join(rules)} |" for file, rules in by_file.items()]
    return "\n".join([f"{len(CHANGES)} rules:", "", *rows])


def mutants_table(_schema: dict[str, Any]) -> str:
    """Return how many changed operators of each file were noticed in the last run of tools/mutants.py."""
    numbers = json.loads((ROOT / "docs" / "mutants.json").read_text("utf-8"))
    rows = ["| file | changes | held | noticed | share |", "|---|---|---|---|---|"]
    for file, each in numbers.items():
        held = "all" if each["held"] == each["changes"] else each["held"]
        share = f"{100 * each['noticed'] / each['held']:.0f} %"
        rows.append(f"| `{file}` | {each['changes']} | {held} | {each['noticed']} | {share} |")
    return "\n".join(rows)


def mutants_left_table(_schema: dict[str, Any]) -> str:
    """Return why changes may go unnoticed, and how many of each file are left for which reason."""
    left = json.loads((ROOT / "tools" / "mutants_left.json").read_text("utf-8"))
    by_reason: dict[str, Counter[str]] = defaultdict(Counter)
    for row in left:
        by_reason[row["reason"]][row["file"]] += 1
    rows = ["| why it is not noticed | how many | where |", "|---|---|---|"]
    for reason, files in sorted(by_reason.items(), key=lambda row: -row[1].total()):
        where = ", ".join(f"`{file}` {count}" for file, count in sorted(files.items()))
        rows.append(f"| {reason} | {files.total()} | {where} |")
    return "\n".join(rows)


def preview_policy(_schema: dict[str, Any]) -> str:
    """Return the least RAM policy of somebody who previews."""
    return _json_block(build_policy(("*",), "*", "*", PREVIEW))


def up_policy(_schema: dict[str, Any]) -> str:
    """Return the least RAM policy of somebody who runs updates."""
    return _json_block(build_policy(("*",), "*", "*", UP))


def _json_block(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2)}\n```"


TABLES = {
    "machine": machine_table,
    "measures": measures_table,
    "growth": growth_table,
    "pacing": pacing_table,
    "promises": promises_table,
    "inputs": inputs_table,
    "outputs": outputs_table,
    "settings": settings_table,
    "statuses": statuses_table,
    "task-errors": task_errors_table,
    "switches": switches_table,
    "conformance": conformance_table,
    "semantic-changes": semantic_changes_table,
    "mutants": mutants_table,
    "mutants-left": mutants_left_table,
    "preview-policy": preview_policy,
    "up-policy": up_policy,
} | {f"messages-{topic}": lambda _schema, topic=topic: messages_table(topic) for topic in TOPICS.values()}

COLLECTED = {"suites": suites_table}
"""What pytest has to look for tests for, which takes some seconds."""


def fill(text: str, schema: dict[str, Any], makers: Mapping[str, Maker] = TABLES) -> str:
    """Return the document with every marked table made again."""
    for name, make in makers.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if marked.search(text) is None:
            continue
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
        filled = fill(fill(text, schema), schema, COLLECTED)
        if filled != text:
            old.append(path.name)
            if not check:
                path.write_text(filled, "utf-8")
    for name in old:
        sys.stderr.write(
            f"{name}: the tables {'are old; run python tools/tables.py' if check else 'were made again'}\n"
        )
    return 1 if old and check else 0


if __name__ == "__main__":
    sys.exit(main())
