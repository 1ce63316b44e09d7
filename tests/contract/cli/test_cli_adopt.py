from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml

from pulumi_edas_scale.cli.programs import resource_names
from pulumi_edas_scale.domain.fields import BY_NAME
from pulumi_edas_scale.domain.settings import Settings
from pulumi_edas_scale.operations.request import Request
from pulumi_edas_scale.operations.service import Service
from tests.contract.cli.terminal import BETA, EMPTY, SHOP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi_edas_scale.emulator import Emulator

LANGUAGES = ("python", "yaml", "typescript")

Program = dict[str, dict[str, object]]


def read_python(text: str) -> Program:
    """Return the inputs of each resource of a Python program."""
    camel = {row.snake: name for name, row in BY_NAME.items()}
    calls = [each.value for each in ast.parse(text).body if isinstance(each, ast.Expr)]
    return {
        ast.literal_eval(call.args[0]): {
            camel[str(each.arg)]: ast.literal_eval(each.value) for each in call.keywords
        }
        for call in calls
        if isinstance(call, ast.Call)
    }


def read_yaml(text: str) -> Program:
    """Return the inputs of each resource of a YAML program."""
    return {name: each["properties"] for name, each in yaml.safe_load(text)["resources"].items()}


def read_typescript(text: str) -> Program:
    """Return the inputs of each resource of a TypeScript program, whose literals are nearly JSON."""
    found = re.findall(
        r'new edasScale\.DeployGroupMembership\(("[^"]*"), (\{.*?^\})\);', text, re.MULTILINE | re.DOTALL
    )
    return {json.loads(name): json.loads(as_json(body)) for name, body in found}


def as_json(literal: str) -> str:
    """Quote the keys of an object literal and drop the commas at the ends."""
    return re.sub(r",(\s*[\]}])", r"\1", re.sub(r"^(\s+)(\w+):", r'\1"\2":', literal, flags=re.MULTILINE))


READERS = {"python": read_python, "yaml": read_yaml, "typescript": read_typescript}


class SilentHost:
    """A front end that nobody listens at."""

    def progress(self, urn: str, text: str) -> None:
        """Drop a status line."""

    def info(self, urn: str, text: str) -> None:
        """Drop a line."""

    def warn(self, urn: str, text: str) -> None:
        """Drop a warning."""

    def stopped(self) -> str | None:
        """Never stop."""
        return None


@pytest.fixture
def provider(edas: Emulator, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The provider, as the engine would ask it."""
    for name, value in edas.environment().items():
        monkeypatch.setenv(name, value)
    return Service(Settings(region_id="cn-hangzhou", endpoint=edas.url), SilentHost())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_and_the_imports_are_printed(terminal: Terminal, language: str) -> None:
    """A program for the groups with members; the imports are a comment at its top."""
    result = terminal.golden(f"adopt.{language}", "adopt", "shop", "--language", language)
    assert result.exit_code == 0


def test_the_same_as_json(terminal: Terminal) -> None:
    """File, program and imports, for scripts."""
    result = terminal.golden("adopt.json", "adopt", SHOP, "--json", "--include-empty")
    assert {each["id"].rpartition("/")[2] for each in json.loads(result.stdout)["imports"]} > {BETA, EMPTY}


def test_the_commands_alone_can_be_run(terminal: Terminal) -> None:
    """``edas-scale adopt APP --commands | sh`` needs lines that are commands and nothing else."""
    result = terminal.golden("adopt-commands.text", "adopt", "shop", "--commands")
    assert all(line.startswith("pulumi import ") for line in result.stdout.splitlines())


@pytest.mark.parametrize("task_state", [2, 3])
@pytest.mark.parametrize("language", LANGUAGES)
def test_after_the_imports_the_program_previews_clean(
    terminal: Terminal, edas: Emulator, provider: Service, language: str, task_state: int
) -> None:
    """What import records and what the program says mean the same to the provider, which also reads live.

    A member that does not run is adopted as it is, even when a task has failed on it.
    """
    edas.action("set_state", instance="i-bp1c", app_state=1, task_state=task_state)
    answer = json.loads(
        terminal.run("adopt", "shop", "--language", language, "--include-empty", "--json").stdout
    )
    program = READERS[language](answer["program"])
    assert len(program) == 3
    for each in answer["imports"]:
        imported = provider.read(Request(each["name"], each["id"]))
        assert imported is not None
        checked = provider.check(Request(each["name"], news=program[each["name"]], olds=imported.inputs))
        assert not checked.failures
        assert not provider.diff(Request(each["name"], each["id"], checked.inputs, imported.outputs)).changes


def test_an_application_without_members_has_nothing_to_adopt(terminal: Terminal, edas: Emulator) -> None:
    """The option that takes empty groups is named."""
    edas.action("leave", instance="i-bp1h")
    result = terminal.golden("adopt-nothing.text", "adopt", "never-deployed")
    assert result.exit_code == 1


def test_an_application_on_kubernetes_has_no_membership(terminal: Terminal) -> None:
    """The reason is said."""
    assert terminal.golden("adopt-kubernetes.text", "adopt", "on-kubernetes").exit_code == 1


def test_names_are_plain_and_all_different() -> None:
    """Whatever people call their groups, resources have names that need no quotes."""

    def names() -> Iterator[str]:
        yield from resource_names("My Shop", ["_DEFAULT_GROUP", "default", "灰度", "a/b", "a b"])

    assert list(names()) == [
        "my-shop-default",
        "my-shop-default-2",
        "my-shop",
        "my-shop-a-b",
        "my-shop-a-b-2",
    ]


def test_a_name_that_is_code_stays_a_comment(terminal: Terminal, edas: Emulator) -> None:
    """The name of an application is text of other people: it must not end the comment it stands in."""
    application = {
        "name": 'x"""\nimport os\x1b[2J',
        "cluster": "ecs",
        "groups": [{"name": "${evil}", "members": ["i-bp1e"]}],
    }
    app_id = edas.action("create_application", application=application)["id"]
    for language in LANGUAGES:
        text = terminal.run("adopt", app_id, "--language", language, "--json").stdout
        program = READERS[language](json.loads(text)["program"])
        assert list(program) == ["x-import-os-evil"]
        assert "\x1b" not in text
