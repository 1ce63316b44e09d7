"""Makes the tables of the documentation from the code while the site is built (a hook of mkdocs).

This file's law: what stands between two markers in a page is made here or in ``tables.py``; a marker that nobody
fills, or a page that is empty after filling, is an error of the build.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # mkdocs loads a hook by its path
    sys.path.insert(0, str(ROOT))

from pulumi_edas_scale.cli.explain import as_sentence  # noqa: E402
from pulumi_edas_scale.cli.ram_policy import PREVIEW, UP, build_policy  # noqa: E402
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS  # noqa: E402
from pulumi_edas_scale.emulator.switches import SWITCHES  # noqa: E402
from tools import tables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = re.compile(r"<!-- ([a-z-]+) -->\n(?:.*?<!-- /\1 -->)", re.DOTALL)


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


def preview_policy(_schema: dict[str, Any]) -> str:
    """Return the least RAM policy of somebody who previews."""
    return _json_block(build_policy(("*",), "*", "*", PREVIEW))


def up_policy(_schema: dict[str, Any]) -> str:
    """Return the least RAM policy of somebody who runs updates."""
    return _json_block(build_policy(("*",), "*", "*", UP))


def _json_block(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2)}\n```"


TABLES = tables.TABLES | {
    "task-errors": task_errors_table,
    "switches": switches_table,
    "conformance": conformance_table,
    "preview-policy": preview_policy,
    "up-policy": up_policy,
}


def fill(text: str) -> str:
    """Return a page with what its markers ask for.

    Raises:
        KeyError: a marker names no table.
    """
    schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
    return MARKER.sub(lambda found: f"\n{TABLES[found[1]](schema)}\n", text)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill a page; mkdocs calls this for each."""
    return fill(markdown)


def on_config(config: Any) -> Any:  # noqa: ANN401  # mkdocs has no types
    """Add the page of measurements where there is one."""
    if (ROOT / "docs" / "performance.md").exists():
        config["nav"].insert(-3, {"Performance": "performance.md"})
    return config
