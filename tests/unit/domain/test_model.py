from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from pulumi_edas_scale.domain.model import (
    MEMBER_STATES,
    UNKNOWN,
    Listed,
    MemberState,
    Policy,
    Scope,
    Spec,
    TaskState,
    Unknown,
)
from tests.unit.readings import application, listed, machine, member

SPEC = Spec("cn-hangzhou", "app-1", "group-1", listed("i-a"), 0, open_ended=False, policy=Policy())


def test_unknown_says_what_it_is() -> None:
    """The value that stands for an unknown input shows itself as such."""
    assert repr(UNKNOWN) == "<unknown>"
    assert isinstance(UNKNOWN, Unknown)


def test_states_have_the_numbers_of_edas() -> None:
    """AppState 0 is an agent that is off, 1 stopped, 3 unhealthy and 7 running; nothing else is documented."""
    assert {number: state.value for number, state in MEMBER_STATES.items()} == {
        0: "agentOff",
        1: "stopped",
        3: "unhealthy",
        7: "running",
    }


def test_task_states_have_the_numbers_of_edas() -> None:
    """TaskState 0 is unknown, 1 goes on, 2 is success and 3 failure."""
    assert [TaskState(number).name for number in range(4)] == ["UNKNOWN", "PROCESSING", "SUCCESS", "FAILED"]


@pytest.mark.parametrize("state", list(MemberState))
def test_only_running_runs(state: MemberState) -> None:
    """Only a member in the state running counts for the floor; one that fails its health check does not."""
    assert member("a", state).runs is (state is MemberState.RUNNING)


@pytest.mark.parametrize(
    ("state", "online", "off"),
    [
        (MemberState.RUNNING, True, False),
        (MemberState.RUNNING, None, False),
        (MemberState.RUNNING, False, True),
        (MemberState.AGENT_OFF, True, True),
        (MemberState.AGENT_OFF, None, True),
    ],
)
def test_agent_off(state: MemberState, *, online: bool | None, off: bool) -> None:
    """An agent is off when the state or the machine says so; a machine that says nothing proves nothing."""
    assert member("a", state, online=online).agent_off is off


def test_an_application_finds_its_groups() -> None:
    """A group is found by its id, and a group that is not there is None."""
    live = application()
    found = live.group("group-2")
    assert found is not None
    assert found.name == "green"
    assert live.group("green") is None


def test_an_application_finds_the_members_of_a_group() -> None:
    """The members of one group come sorted by ECU id, without those of other groups."""
    live = application(member("c"), member("b", group_id="group-2"), member("a"))
    assert [each.ecu_id for each in live.members_of("group-1")] == ["ecu-a", "ecu-c"]
    assert live.members_of("group-3") == ()


def test_a_scope_reads_as_the_id_of_the_resource() -> None:
    """The text of a scope is region, application and group, divided by slashes."""
    assert str(Scope("cn-hangzhou", "app-1", "group-1")) == "cn-hangzhou/app-1/group-1"


def test_a_listed_id_knows_its_list() -> None:
    """An id is an ECS instance's if it stands in instanceIds, whatever it looks like."""
    assert Listed("instanceIds[0]", "anything").input == "instanceIds"
    assert Listed("ecuIds[0]", "i-a").input == "ecuIds"


def test_a_spec_with_all_parts_has_a_scope() -> None:
    """The scope of a spec consists of its three parts."""
    assert SPEC.scope == Scope("cn-hangzhou", "app-1", "group-1")


@pytest.mark.parametrize(
    "spec",
    [replace(SPEC, region_id=None), replace(SPEC, app_id=None), replace(SPEC, group_id=None)],
    ids=["region", "application", "group"],
)
def test_a_spec_without_a_part_has_no_scope(spec: Spec) -> None:
    """While one of the three parts is not known there is no scope."""
    assert spec.scope is None


def test_a_spec_is_complete_when_every_id_is_known() -> None:
    """A spec is incomplete while single ids, or a whole list, are not known."""
    assert SPEC.complete
    assert not replace(SPEC, unknown_ids=1).complete
    assert not replace(SPEC, open_ended=True).complete


def test_values_never_change() -> None:
    """A value cannot be changed after it was made."""
    with pytest.raises(FrozenInstanceError):
        machine("a").zone = "zone-2"  # type: ignore[misc]


def test_equal_truth_is_equal() -> None:
    """Two readings of the same truth are equal, in whatever order the members were given."""
    assert application(member("a"), member("b")) == application(member("b"), member("a"))
