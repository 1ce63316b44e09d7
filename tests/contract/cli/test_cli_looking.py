from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.contract.cli.terminal import SHOP, Terminal, VirtualTime, interrupt_at

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator

WRITES = {"ScaleOutApplication", "ScaleInApplication", "AbortChangeOrder", "ContinuePipeline"}


def start_order(edas: Emulator, **script: object) -> str:
    """Let other people start a deployment; return its id."""
    order: str = edas.action("start_order", group="_DEFAULT_GROUP", application="shop", **script)["id"]
    return order


@pytest.mark.parametrize("way", ["text", "json"])
def test_status_shows_groups_members_and_orders_under_way(
    terminal: Terminal, edas: Emulator, way: str
) -> None:
    """Every group with every member's state, and the order that runs on the application."""
    edas.action("offline", instance="i-bp1b")
    start_order(edas, duration="polls:9")
    extra = ("--json",) if way == "json" else ()
    result = terminal.golden(f"status.{way}", "status", "shop", *extra)
    assert result.exit_code == 0
    assert not WRITES & {call["operation"] for call in edas.log()}


def test_status_finds_an_application_by_its_id_in_one_call(terminal: Terminal, edas: Emulator) -> None:
    """An id needs no list of applications."""
    assert terminal.run("status", SHOP).exit_code == 0
    assert not edas.log("ListApplication")


def test_status_of_a_group_that_was_never_deployed_says_so(terminal: Terminal) -> None:
    """Members that cannot run yet are told from members that stopped."""
    terminal.golden("status-never-deployed.text", "status", "never-deployed")


def test_watch_looks_again_until_it_is_interrupted(terminal: Terminal, edas: Emulator) -> None:
    """Each look is a new reading, and Ctrl-C ends it well."""
    terminal.time = VirtualTime(on_wait=interrupt_at(3))
    result = terminal.run("status", "shop", "--watch", "--interval", "30", "--json")
    looks = [json.loads(line) for line in result.stdout.splitlines()]
    assert [look["name"] for look in looks] == ["shop"] * 3
    assert len(edas.log("QueryApplicationStatus")) == 3
    assert (result.exit_code, result.stderr) == (0, "Stopped watching.\n")


def test_watch_lives_through_an_outage(terminal: Terminal, edas: Emulator) -> None:
    """EDAS not answering for a while is a line on stderr, and the next look is shown again."""

    def wait(number: int) -> None:
        if number == 1:
            edas.rule(operation="QueryApplicationStatus", effect="error", status=503, code="x", times=None)
        elif terminal.time.time > 60:
            edas.clear_rules()
        if terminal.time.time > 120:
            raise KeyboardInterrupt

    terminal.time = VirtualTime(on_wait=wait)
    result = terminal.run("status", "shop", "--watch", "--interval", "30")
    assert result.exit_code == 0
    assert "Reading again in 30 seconds." in result.stderr
    assert result.stdout.count("Application shop") > 2


@pytest.mark.parametrize("way", ["text", "json"])
def test_orders_lists_the_newest_first(terminal: Terminal, edas: Emulator, way: str) -> None:
    """Orders of other people and ours, with their states."""
    start_order(edas, duration="immediate")
    edas.action("advance_clock", seconds=60)
    start_order(edas, duration="immediate", error="EDAS-10002")
    extra = ("--json",) if way == "json" else ()
    edas.state()
    assert terminal.golden(f"orders.{way}", "orders", "shop", *extra).exit_code == 0


def test_no_orders_is_said_in_words(terminal: Terminal) -> None:
    """An application nobody has changed lately."""
    terminal.golden("orders-none.text", "orders", "shop")


@pytest.mark.parametrize("way", ["text", "json"])
def test_a_failed_order_is_explained(terminal: Terminal, edas: Emulator, way: str) -> None:
    """Batches, instances, EDAS's code with its cause and its fix; the exit code says that it failed."""
    order = start_order(
        edas, duration="immediate", batches=2, instances={"i-bp1b": "EDAS-10001", "i-bp1c": "EDAS-99999 Odd"}
    )
    extra = ("--json",) if way == "json" else ()
    edas.state()
    terminal.run("order", order)
    result = terminal.golden(f"order-failed.{way}", "order", order, *extra)
    assert result.exit_code == 1


def test_an_order_is_explained_with_instance_ids(terminal: Terminal, edas: Emulator) -> None:
    """An order knows addresses and names only; with its application the ids are shown beside them."""
    order = start_order(edas, duration="immediate", instances={"i-bp1b": "EDAS-10001"})
    edas.state()
    terminal.run("order", order)
    result = terminal.golden("order-with-ids.text", "order", order, "--app", "shop")
    assert "i-bp1b (" in result.stdout


@pytest.mark.parametrize("way", ["text", "json", "yaml"])
def test_apps_lists_what_the_region_has(terminal: Terminal, way: str) -> None:
    """Every application with its state, its running members and its kind of cluster, sorted by name."""
    extra = () if way == "text" else ("--output", way)
    assert terminal.golden(f"apps.{way}", "apps", *extra).exit_code == 0


def test_yaml_and_json_hold_the_same(terminal: Terminal) -> None:
    """The two forms for programs differ in spelling only; --json is short for one of them."""
    as_json = json.loads(terminal.run("status", "shop", "--json").stdout)
    assert yaml.safe_load(terminal.run("status", "shop", "-o", "yaml").stdout) == as_json


@pytest.mark.parametrize("way", ["option", "command", "variable"])
def test_colours_can_be_switched_off(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """--no-color, before or behind the command, and NO_COLOR print words without escape sequences."""
    if way == "variable":
        monkeypatch.setenv("NO_COLOR", "1")
    before = ("--no-color",) if way == "option" else ()
    behind = ("--no-color",) if way == "command" else ()
    result = terminal.run(*before, "doctor", *behind, color=True)
    assert "\x1b[" in terminal.run("doctor", color=True).stdout or way == "variable"
    assert "\x1b[" not in result.stdout


def test_a_held_order_says_whom_it_waits_for(terminal: Terminal, edas: Emulator) -> None:
    """A held order needs a person, and the output says where that person goes."""
    order = start_order(edas, batches=2, held=True, duration="immediate")
    terminal.run("order", order)
    result = terminal.golden("order-held.text", "order", order)
    assert result.exit_code == 0


@pytest.mark.parametrize("way", ["text", "json"])
def test_follow_shows_progress_until_the_end(terminal: Terminal, edas: Emulator, way: str) -> None:
    """Every change is said once, then the whole order is explained."""
    order = start_order(edas, batches=2, duration="polls:4")
    extra = ("--json",) if way == "json" else ()
    result = terminal.golden(f"order-follow.{way}", "order", order, "--follow", *extra)
    assert result.exit_code == 0


def test_follow_believes_a_failure_only_when_it_lasts(terminal: Terminal, edas: Emulator) -> None:
    """EDAS retries tasks by itself: a failure that turns into success is a success."""
    order = start_order(edas, duration="polls:2", flips="polls:2")
    result = terminal.run("order", order, "--follow")
    assert "failed (3)" in result.stdout
    assert result.exit_code == 0


def test_follow_ends_with_a_failure_that_lasts(terminal: Terminal, edas: Emulator) -> None:
    """After three looks over fifteen seconds a failure is believed, and the exit code says so."""
    order = start_order(edas, duration="polls:1", error="EDAS-10001")
    result = terminal.run("order", order, "--follow")
    assert result.exit_code == 1
    assert terminal.time.time >= 15
    assert result.stdout.count("Change order") == 3


def test_an_interrupted_follow_leaves_the_order_alone(terminal: Terminal, edas: Emulator) -> None:
    """Ctrl-C ends the looking and not the order."""
    terminal.time = VirtualTime(on_wait=interrupt_at(2))
    order = start_order(edas, duration="polls:99")
    result = terminal.run("order", order, "--follow")
    assert (result.exit_code, result.stderr) == (1, "Stopped following; the order goes on.\n")
    assert edas.orders()[0]["active"]


PLANS = {
    "plan-join": ("beta", "--members", "i-bp1d,i-bp1e"),
    "plan-swap": ("_DEFAULT_GROUP", "--members", "i-bp1a,i-bp1e,i-bp1c", "--managed", "all"),
    "plan-clean": ("beta", "--members", "i-bp1d"),
    "plan-refused": ("_DEFAULT_GROUP", "--members", "", "--managed", "all", "--max-removals", "1"),
    "plan-warns": ("beta", "--members", "i-bp1d,i-bp1g,i-bp1x,i-bp1a"),
    "plan-destroy": ("_DEFAULT_GROUP", "--destroy"),
    "plan-exclusive": ("_DEFAULT_GROUP", "--members", "i-bp1a", "--exclusive", "--min-running", "0"),
}


@pytest.mark.parametrize("way", ["text", "json"])
@pytest.mark.parametrize("name", PLANS)
def test_plan_says_what_would_change_and_sends_nothing(
    terminal: Terminal, edas: Emulator, name: str, way: str
) -> None:
    """The provider's preview of a membership; exit code 2 when something would change, 1 when it is refused."""
    extra = ("--json",) if way == "json" else ()
    result = terminal.golden(f"{name}.{way}", "plan", "shop", *PLANS[name], *extra)
    assert result.exit_code == {"plan-clean": 0, "plan-refused": 1}.get(name, 2)
    assert not WRITES & {call["operation"] for call in edas.log()}


def test_plan_refuses_kubernetes(terminal: Terminal) -> None:
    """An application on Kubernetes has no members to plan, and the reason is said."""
    result = terminal.golden(
        "plan-kubernetes.text", "plan", "on-kubernetes", "_DEFAULT_GROUP", "--members", "i-bp1e"
    )
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--members", "i-bp1a,i-bp1a"),
        ("--members", "i-bp1a", "--min-running", "-1"),
        ("--members", "i-bp1a", "--batch-size", "many"),
        ("--members", "i bp1a"),
        ("--members", "i-bp1a", "--destroy"),
        (),
    ],
)
def test_wrong_arguments_of_plan_are_one_line(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """An option that cannot be right is named, with exit code 1, as 2 says that something would change."""
    result = terminal.run("plan", "shop", "beta", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "--" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
