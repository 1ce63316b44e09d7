"""Credentials are used and never written down, and what the program calls secret stays secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.stack import Code, membership
from tests.e2e.world import ACCESS_KEY, SECRET, scenario_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]
TOKEN = "STS-e2e-Security-Token-0123456789"


def holding(directory: Path, secret: str) -> list[str]:
    """Return the files below a directory that hold a text."""
    return [
        str(each.relative_to(directory))
        for each in directory.rglob("*")
        if each.is_file() and secret.encode() in each.read_bytes()
    ]


@pytest.mark.scenario("S36")
def test_s36_credentials_are_written_nowhere(stack: Stack) -> None:
    """Key, secret and token are in no state, history, log, output or error, not even at the highest verbosity."""
    world = scenario_world()
    world["accessKeys"] = [{"id": ACCESS_KEY, "secret": SECRET, "securityToken": TOKEN}]
    stack.edas.replace_world(world)
    stack.environment["PULUMI_DEBUG_GRPC"] = str(stack.directory / "grpc.json")
    loud = ("--logtostderr", "-v=9", "--debug")
    stack.edas.rule(effect="order", instances={"i-c": "EDAS-10001"})
    stack.declare(ABC)

    printed = [
        stack.preview(*loud),
        stack.up(*loud, fails=True),
        stack.up(*loud),
        stack.refresh(*loud),
    ]
    stack.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = f"{SECRET}-wrong"
    printed.append(stack.refresh(*loud, fails=True))
    del stack.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    printed.append(stack.destroy(*loud))

    printed[4].must_say("SignatureDoesNotMatch")
    for name, secret in {"key": ACCESS_KEY, "secret": SECRET, "token": TOKEN}.items():
        assert holding(stack.directory, secret) == [], name
        assert [each.command for each in printed if secret in each.output] == [], name
        assert secret not in json.dumps(stack.edas.log()), name


def test_secret_inputs_stay_secret(stack: Stack) -> None:
    """A list that the program calls secret is encrypted in state, works, and its plan stays empty."""
    stack.write(f"ids = pulumi.Output.secret({ABC!r})", membership(instance_ids=Code("ids")))

    stack.up(preview=True)

    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    resource = stack.resource()
    for properties in (resource["inputs"], resource["outputs"]):
        assert "ciphertext" in properties["instanceIds"]
    stack.preview(expect_no_changes=True)
    stack.refresh()
    stack.destroy()
    assert orders.members(stack.edas) == []
