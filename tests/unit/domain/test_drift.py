from __future__ import annotations

from dataclasses import replace

from pulumi_edas_scale.domain.drift import find_drift
from pulumi_edas_scale.domain.model import MemberState, Recorded, RecordedMember
from tests.unit.readings import SCOPE, application, listed, member


def recorded(name: str, state: MemberState = MemberState.RUNNING, *, joined: bool = True) -> RecordedMember:
    """Return the member on ``i-NAME`` as it was written down."""
    return RecordedMember(f"ecu-{name}", f"i-{name}", f"ecc-{name}", "", state, joined=joined)


AB = Recorded((recorded("a"), recorded("b")), listed("i-a", "i-b"))


def test_who_left_and_was_to_stay_is_drift() -> None:
    """A member that the last operation was to keep and that is gone was taken by others."""
    found = find_drift(AB, application(member("a")), SCOPE)
    assert [each.instance_id for each in found.gone] == ["i-b"]
    assert not found.unfinished


def test_who_left_and_was_to_leave_is_ours() -> None:
    """A member that is recorded but no longer listed was on its way out when the last operation ended."""
    found = find_drift(replace(AB, listed=listed("i-a")), application(member("a")), SCOPE)
    assert [each.instance_id for each in found.left] == ["i-b"]
    assert found.gone == ()
    assert found.unfinished


def test_who_is_to_leave_and_is_there_is_ours() -> None:
    """A scale in of ours that did not take place is unfinished, however the member is."""
    for state in (MemberState.RUNNING, MemberState.STOPPED):
        live = application(member("a"), member("b", state))
        found = find_drift(replace(AB, listed=listed("i-a")), live, SCOPE)
        assert [each.ecu_id for each in found.leaving] == ["ecu-b"]
        assert (found.gone, found.unwell) == ((), ())


def test_a_failed_join_is_ours() -> None:
    """A member that the last operation did not bring up is unfinished, there or not, and so is one that never came."""
    before = Recorded(
        (recorded("a"), recorded("b", MemberState.STOPPED, joined=False)),
        listed("i-a", "i-b", "i-c"),
        unsettled=frozenset({"ecu-b"}),
    )
    found = find_drift(before, application(member("a"), member("b", MemberState.STOPPED)), SCOPE)
    assert [each.ecu_id for each in found.down] == ["ecu-b"]
    assert found.joining == ("i-c",)
    found = find_drift(before, application(member("a")), SCOPE)
    assert [each.ecu_id for each in found.unjoined] == ["ecu-b"]
    assert (found.gone, found.left) == ((), ())
    assert found.unfinished


def test_who_stopped_is_drift_and_who_never_ran_is_not() -> None:
    """A member that ran and does not is drift; one that never ran, as it was recorded, is no news."""
    live = application(member("a", MemberState.STOPPED), member("b", MemberState.STOPPED))
    before = replace(AB, members=(recorded("a"), recorded("b", MemberState.STOPPED, joined=False)))
    assert [each.ecu_id for each in find_drift(before, live, SCOPE).unwell] == ["ecu-a"]


def test_who_moved_is_drift() -> None:
    """A member in another group was moved there by others, also one that was to leave."""
    live = application(member("a"), member("b", group_id="group-2"))
    for ids in (("i-a", "i-b"), ("i-a",)):
        found = find_drift(replace(AB, listed=listed(*ids)), live, SCOPE)
        assert [each.ecu_id for each in found.moved] == ["ecu-b"]


def test_who_left_and_is_no_longer_wanted_is_no_drift() -> None:
    """Who is gone and not in the program's list left as the program wants, by whomever: no order of ours says so."""
    found = find_drift(AB, application(member("a")), SCOPE, desired={"i-a"})
    assert [each.ecu_id for each in found.dropped] == ["ecu-b"]
    assert (found.gone, found.left) == ((), ())
    assert found.unfinished


def test_who_runs_since_the_last_update_failed_is_told() -> None:
    """A join that ended well after the update had failed leaves something to record, and nothing to do."""
    before = replace(AB, unsettled=frozenset({"ecu-b", "ecu-c"}))
    live = application(member("a"), member("b"), member("c"), member("d"))
    found = find_drift(before, live, SCOPE)
    assert [each.ecu_id for each in found.risen] == ["ecu-b", "ecu-c"]
    assert not found.unfinished


def test_a_member_without_an_instance_id_may_be_any_of_the_listed() -> None:
    """While EDAS does not tell which instance a recorded member is on, it is not taken for one on its way out."""
    nameless = replace(recorded("b"), instance_id="")
    found = find_drift(replace(AB, members=(recorded("a"), nameless)), application(member("a")), SCOPE)
    assert [each.ecu_id for each in found.gone] == ["ecu-b"]
