"""Pulumi programs with memberships, as text, in the languages that ``edas-scale adopt`` writes.

This file's law: a program states what differs from a default and nothing else. Pure, but for the schema, which
shows what the generated packages are called.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.cli.output import printable
from pulumi_edas_scale.domain.fields import snake_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Membership:
    """One resource of a program: its name, and the inputs to state, in camelCase."""

    name: str
    inputs: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Language:
    """How a program is written: the name of its file, and its text from name, memberships and commands."""

    file: str
    render: Callable[[str, Sequence[Membership], Sequence[str]], str]


def resource_names(application: str, groups: Sequence[str]) -> list[str]:
    """Return a resource name for each group, all different: the application's name and the group's.

    Args:
        application: its name.
        groups: the names of its groups; the default group is called ``default``.
    """
    used: set[str] = set()
    names = []
    for group in groups:
        plain = _plain(f"{application}-{'default' if group == '_DEFAULT_GROUP' else group}")
        numbered = (f"{plain}-{number}" for number in itertools.count(2))
        name = next(each for each in itertools.chain((plain,), numbered) if each not in used)
        used.add(name)
        names.append(name)
    return names


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "group"


def _heading(mark: str, application: str, commands: Sequence[str]) -> str:
    named = printable(" ".join(application.split()))
    lines = [
        f"Deploy groups of the EDAS application {named}. Bring them under Pulumi, in this directory, with:",
        "",
        *commands,
    ]
    return "\n".join(f"{mark} {line}".rstrip() for line in lines)


def _literal(value: object) -> str:
    """Return a value as Python, TypeScript and YAML alike write it, lists apart."""
    return json.dumps(value, ensure_ascii=False)


def _python(application: str, memberships: Sequence[Membership], commands: Sequence[str]) -> str:
    blocks = [
        _heading("#", application, commands),
        "from pulumi_edas_scale.native import DeployGroupMembership",
    ]
    for each in memberships:
        lines = [f"    {_literal(each.name)},"]
        for name, value in each.inputs.items():
            lines += _listed(f"    {snake_case(name)}=", value, "    ")
        blocks.append("\n".join(["DeployGroupMembership(", *lines, ")"]))
    return "\n\n".join(blocks) + "\n"


def _typescript(application: str, memberships: Sequence[Membership], commands: Sequence[str]) -> str:
    schema = json.loads((files("pulumi_edas_scale") / "schema.json").read_text(encoding="utf-8"))
    package = schema["language"]["nodejs"]["packageName"]
    blocks = [_heading("//", application, commands), f"import * as edasScale from {_literal(package)};"]
    for each in memberships:
        lines: list[str] = []
        for name, value in each.inputs.items():
            lines += _listed(f"    {name}: ", value, "    ")
        head = f"new edasScale.DeployGroupMembership({_literal(each.name)}, {{"
        blocks.append("\n".join([head, *lines, "});"]))
    return "\n\n".join(blocks) + "\n"


def _listed(head: str, value: object, indent: str) -> list[str]:
    """Return the lines of one argument, lists with one element a line."""
    if not isinstance(value, list) or not value:
        return [f"{head}{_literal(value)},"]
    return [f"{head}[", *(f"{indent}    {_literal(each)}," for each in value), f"{indent}],"]


def _yaml(application: str, memberships: Sequence[Membership], commands: Sequence[str]) -> str:
    lines = [
        _heading("#", application, commands),
        "",
        f"name: {_plain(application)}",
        "runtime: yaml",
        "resources:",
    ]
    for each in memberships:
        lines += [f"  {each.name}:", "    type: edas-scale:DeployGroupMembership", "    properties:"]
        for name, value in each.inputs.items():
            if isinstance(value, list) and value:
                lines += [f"      {name}:", *(f"        - {_literal(one)}" for one in value)]
            else:
                lines.append(f"      {name}: {_literal(value)}")
    return "\n".join(lines) + "\n"


LANGUAGES: Final[Mapping[str, Language]] = {
    "python": Language("__main__.py", _python),
    "yaml": Language("Pulumi.yaml", _yaml),
    "typescript": Language("index.ts", _typescript),
}
