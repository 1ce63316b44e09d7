"""What a refresh records, drops and says, from readings alone (law 10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.errors import BusinessError, OperationError
from pulumi_edas_scale.domain.model import Listed, MemberState
from pulumi_edas_scale.operations.refresh import read_group, refresh
from tests.unit.operations.account import SCOPE, Account, Stack

if TYPE_CHECKING:
    from pulumi_edas_scale.operations.refresh import Refreshed


def settled(*names: str) -> Stack:
    """Return a stack whose membership has these members, in a process of its own."""
    stack = Stack(Account().free(*names))
    stack.up(*names)
    return stack


def refreshed(stack: Stack) -> Refreshed:
    """Refresh what a stack has recorded."""
    session, context = stack.session(), OperationContext(stack.account.runtime)
    live = read_group(session, SCOPE, stack.recorded, context)
    assert live is not None
    return refresh(session, SCOPE, stack.recorded, live, context)


def ids(found: Refreshed) -> list[str]:
    """Return the instance ids that are to be recorded."""
    return sorted(each.instance_id for each, _ in found.outcome.members)


def said(found: Refreshed) -> str:
    """Return all warnings."""
    return " ".join(f"{each}" for each in found.warnings)


def test_nothing_is_said_of_a_membership_as_it_was_recorded() -> None:
    """One call, no warning, and the record stays as it is."""
    stack = settled("a", "b")
    calls = len(stack.account.calls)
    found = refreshed(stack)
    assert ids(found) == ["i-a", "i-b"]
    assert (found.left, found.warnings, found.away) == (frozenset(), (), None)
    assert found.outcome.change_order_ids == stack.recorded.change_order_ids == ("order-1",)
    assert [name for _, name in stack.account.calls[calls:]] == ["QueryApplicationStatus"]


def test_who_left_is_dropped_and_named() -> None:
    """Both spellings of its id are told to the caller, which takes them off the list."""
    stack = settled("a", "b")
    stack.account.leave(stack.account.members["ecu-b"].ecc_id)
    found = refreshed(stack)
    assert ids(found) == ["i-a"]
    assert found.left == {"ecu-b", "i-b"}
    assert "i-b" in said(found)
    assert found.away is None


def test_nobody_is_dropped_while_an_order_of_the_application_runs() -> None:
    """A redeployment takes members out for a moment: they stay recorded, are named, and are no drift."""
    stack = settled("a", "b")
    stack.account.start("Deploy Application", ["b"], seconds=600.0)
    stack.account.leave(stack.account.members["ecu-b"].ecc_id)
    found = refreshed(stack)
    assert ids(found) == ["i-a", "i-b"]
    assert (found.left, found.warnings) == (frozenset(), ())
    assert found.away is not None
    assert "i-b" in found.away
    assert "i-a" not in found.away


def test_what_an_order_may_have_moved_is_no_drift_either() -> None:
    """Nor is a joiner of an earlier run that has not come while the order runs."""
    stack = settled("a", "b")
    account = stack.account
    account.start("Deploy Application", ["b"], seconds=600.0)
    account.members["ecu-b"] = replace(account.members["ecu-b"], group_id="beta")
    stack.recorded = replace(stack.recorded, unsettled=frozenset({"ecu-z"}))
    found = refreshed(stack)
    assert found.warnings == ()
    assert found.away is not None
    assert "i-b" in found.away


def test_a_reading_from_before_the_end_of_an_order_drops_nobody() -> None:
    """Who is missing in it may be back: it is read again, between two equal lists of orders."""
    stack = settled("a", "b")
    account = stack.account
    gone = account.members["ecu-b"]
    account.start("Deploy Application", ["b"], seconds=4.0, effect=lambda: account.join("ecu-b"))
    account.leave(gone.ecc_id)
    session, context = stack.session(), OperationContext(account.runtime)
    live = read_group(session, SCOPE, stack.recorded, context)
    assert live is not None
    account.runtime.wait(5.0)
    found = refresh(session, SCOPE, stack.recorded, live, context)
    assert ids(found) == ["i-a", "i-b"]
    assert found.left == frozenset()


def test_what_the_last_operation_left_undone_is_told_with_its_order_and_kept() -> None:
    """It is unfinished work of ours, not drift, until it runs."""
    stack = settled("a", "b")
    stack.account.set_state("b", MemberState.STOPPED)
    stack.recorded = replace(stack.recorded, unsettled=frozenset({"ecu-b"}))
    found = refreshed(stack)
    assert found.outcome.unsettled == {"ecu-b"}
    assert "Unfinished work of the last update" in said(found)
    assert "order-1" in said(found)
    assert "web" in said(found)
    stack.account.set_state("b", MemberState.RUNNING)
    found = refreshed(stack)
    assert found.outcome.unsettled == frozenset()
    assert found.warnings == ()


def test_an_instance_that_went_to_another_group_is_taken_off_the_list() -> None:
    """Under the id the program lists it by, also when it was never recorded as a member."""
    stack = settled("a")
    stack.account.join("ecu-m", "beta")
    stack.recorded = replace(
        stack.recorded,
        listed=(*stack.recorded.listed, Listed("instanceIds[1]", "i-m"), Listed("instanceIds[2]", "i-n")),
    )
    assert refreshed(stack).left == {"i-m"}


def test_only_members_of_the_own_group_are_managed() -> None:
    """A recorded machine that is a member elsewhere now is none of the membership's."""
    stack = settled("a", "b")
    account = stack.account
    account.members["ecu-b"] = replace(account.members["ecu-b"], group_id="beta")
    found = refreshed(stack)
    assert ids(found) == ["i-a"]
    assert "i-b" in said(found)


def test_a_member_whose_instance_id_is_blank_for_a_while_keeps_its_recorded_one() -> None:
    """EDAS tells the ECU id alone; the program lists the instance id."""
    stack = settled("a", "b")
    account = stack.account
    account.members["ecu-b"] = replace(account.members["ecu-b"], instance_id="")
    found = refreshed(stack)
    assert ids(found) == ["i-a", "i-b"]
    assert found.left == frozenset()
    # The same when somebody else is missing, and the reading is taken again.
    account.leave(account.members["ecu-a"].ecc_id)
    found = refreshed(stack)
    assert ids(found) == ["i-b"]
    assert found.left == {"ecu-a", "i-a"}


def test_a_group_or_an_application_that_is_gone_is_none() -> None:
    """The group is not in the reading; or two witnesses say that the application is gone."""
    stack = settled("a")
    session, context = stack.session(), OperationContext(stack.account.runtime)
    assert read_group(session, replace(SCOPE, group_id="other"), stack.recorded, context) is None
    stack.account.gone = True
    assert read_group(stack.session(), SCOPE, stack.recorded, context) is None


def test_who_cannot_tell_whether_the_application_is_gone_says_what_edas_said() -> None:
    """Of the recorded cluster, or, where none is recorded, of the application."""
    stack = settled("a")
    stack.account.gone = True
    refused = BusinessError("GetCluster", "403", "no such cluster")
    stack.account.refuse_reads["GetCluster"] = refused
    context = OperationContext(stack.account.runtime)
    with pytest.raises(OperationError) as failure:
        read_group(stack.session(), SCOPE, stack.recorded, context)
    assert "no such cluster" in str(failure.value)
    assert f"its recorded cluster {stack.recorded.cluster_id}" in str(failure.value)
    with pytest.raises(OperationError, match="application not exist"):
        read_group(stack.session(), SCOPE, replace(stack.recorded, cluster_id=""), context)
