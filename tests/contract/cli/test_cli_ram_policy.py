from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.edas.failures import OPERATIONS
from tests.contract.cli.terminal import SHOP, Terminal

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ram-policy-any.json", ()),
        ("ram-policy-preview.json", ("--for", "preview", "--app", SHOP)),
        (
            "ram-policy-up.json",
            ("--app", SHOP, "--account", "1234567890123456", "--region", "cn-hangzhou", "--json"),
        ),
    ],
)
def test_the_policy_is_printed_without_a_call(
    terminal: Terminal, edas: Emulator, name: str, arguments: tuple[str, ...]
) -> None:
    """The least policy needs no credentials: it follows from what the provider calls."""
    terminal.environ = {}
    assert terminal.golden(name, "ram-policy", *arguments).exit_code == 0
    assert not edas.log()


def test_the_policy_allows_every_operation_and_no_other_action(terminal: Terminal) -> None:
    """Each action of the table of operations is allowed once, and nothing besides."""
    policy = json.loads(terminal.run("ram-policy").stdout)
    allowed = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert sorted(allowed) == sorted({each.ram_action for each in OPERATIONS.values()})


def test_a_policy_for_preview_changes_nothing(terminal: Terminal) -> None:
    """Whoever may only preview must not be able to scale in."""
    assert "Manage" not in terminal.run("ram-policy", "--for", "preview").stdout


@pytest.mark.parametrize(
    "arguments", [("--app", "my shop"), ("--account", "me"), ("--region", "A B"), ("x",)]
)
def test_what_is_no_id_is_refused(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """A name in a policy would allow nothing, silently."""
    result = terminal.run("ram-policy", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
