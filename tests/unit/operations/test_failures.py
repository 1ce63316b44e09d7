"""What a person reads of an operation that failed, and what is recorded then, each as one text.

The law of this file: a text changes only together with its golden page, so that whoever changes a word, a code or what
is recorded sees all failures that change with it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pulumi_edas_scale.domain.choices import WaitFor
from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE
from pulumi_edas_scale.domain.errors import BusinessError, UnavailableError
from pulumi_edas_scale.domain.model import ClusterMember, MemberState, TaskState
from pulumi_edas_scale.operations.outcome import ChangeError
from tests.golden import golden
from tests.unit.operations.account import FAILED, Account, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN: Final = Path(__file__).parent / "golden" / "failures.txt"
STOPPED: Final = (MemberState.STOPPED, TaskState.SUCCESS)
LOST: Final = UnavailableError("ScaleOutApplication", message="the connection was interrupted")
REFUSED: Final = BusinessError("ScaleOutApplication", "601", "no quota")


def order_failed() -> None:
    """A scale out ends badly, and its machine is not listed."""
    Stack(Account(ends=[FAILED]).running("z").free("a")).up("z", "a")


def scale_in_failed() -> None:
    """A scale in ends badly, and its member runs on."""
    stack = settled("a", "b")
    stack.account.ends = [FAILED]
    stack.up("a")


def scale_in_failed_with_the_agent_off() -> None:
    """A scale in of a member whose agent is off ends badly."""
    stack = settled("a", "b")
    stack.account.members["ecu-b"] = replace(stack.account.members["ecu-b"], online=False)
    stack.account.ends = [FAILED]
    stack.up("a")


def delete_failed() -> None:
    """The scale in of a delete ends badly."""
    stack = settled("a", "b")
    stack.account.ends = [FAILED]
    stack.destroy()


def refused() -> None:
    """EDAS refuses a scale out three times."""
    stack = settled("a")
    stack.account.free("b")
    stack.account.answers = [(REFUSED, False)] * 9
    stack.up("a", "b")


def delete_refused() -> None:
    """EDAS refuses the scale in of a delete."""
    stack = settled("a")
    stack.account.answers = [(BusinessError("ScaleInApplication", "601", "not now"), False)] * 9
    stack.destroy()


def floor_refused_after_an_order() -> None:
    """The floor forbids a scale in when a scale out has been sent already."""
    stack = settled("a", "b")
    account = stack.account
    account.free("c")
    account.runtime.after(3.0, lambda: account.set_state("a", MemberState.STOPPED))
    stack.up("a", "c", min_running=3)


def floor_refused() -> None:
    """The floor forbids a scale in from the beginning."""
    settled("a", "b").up("a", min_running=2)


def removals_refused() -> None:
    """More would leave than may."""
    settled("a", "b", "c").up("a", max_removals=1)


def never_there() -> None:
    """A listed instance is not in the cluster."""
    settled("a").up("a", "x", join_timeout_seconds=30)


def never_there_at_once() -> None:
    """The same for who wants failures at once."""
    settled("a").up("a", "x", join_timeout_seconds=0)


def agent_never_on() -> None:
    """A listed instance is in the cluster and its agent is off."""
    stack = settled("a")
    stack.account.cluster["ecu-x"] = ClusterMember("i-x", "ecu-x", "10.0.0.99", 1)
    stack.up("a", "x", join_timeout_seconds=30)


def in_another_group() -> None:
    """A listed instance is a member of another group."""
    stack = settled("a")
    stack.account.join("ecu-x", "beta")
    stack.up("a", "x", join_timeout_seconds=30)


def never_up() -> None:
    """A joiner is listed and does not run."""
    Stack(Account(start_states={"ecu-b": STOPPED}).running("a").free("b")).up(
        "a", "b", join_timeout_seconds=30
    )


def never_listed() -> None:
    """A joiner is not listed after its order."""
    Stack(Account(listing_lag=9000.0).running("a").free("b")).up("a", "b", join_timeout_seconds=30)


def never_gone() -> None:
    """A leaver is listed on after its order, and somebody waits for its place."""
    stack = settled("a", "b")
    stack.account.leaving_lag = 9000.0
    stack.up("a")
    stack.up("a", "b", join_timeout_seconds=30)


def floor_never_reached() -> None:
    """Nobody leaves, because the joiner that the floor needs does not run."""
    stack = settled("a")
    stack.account.start_states = {"ecu-b": STOPPED}
    stack.account.free("b")
    stack.up("b", wait_for=WaitFor.ORDER, join_timeout_seconds=30)


def group_never_there() -> None:
    """The group does not exist."""
    Stack(Account(groups=("beta",)).free("a")).up("a")


def time_is_over() -> None:
    """The time-out passes while an order of ours runs."""
    Stack(Account(order_seconds=900.0).running("a").free("b")).up("a", "b", timeout_seconds=60)


def time_is_over_for_a_colleague() -> None:
    """The time-out passes while an order of somebody else runs."""
    stack = settled("a")
    stack.account.start("Deploy Application", ["a"], seconds=900.0)
    stack.account.free("b")
    stack.up("a", "b", timeout_seconds=60)


def time_is_over_while_nobody_comes() -> None:
    """The time-out passes while an instance is waited for."""
    settled("a").up("a", "x", timeout_seconds=20)


def time_is_over_without_answers() -> None:
    """The time-out passes while no reading is answered."""
    stack = settled("a")
    stack.account.refuse_reads["ListRecentChangeOrder"] = UnavailableError(
        "ListRecentChangeOrder", message="reset"
    )
    stack.account.free("b")
    stack.up("a", "b", timeout_seconds=20)


def time_is_over_for_a_delete() -> None:
    """The time-out of a delete passes while its order runs."""
    stack = settled("a", "b")
    stack.account.order_seconds = 900.0
    stack.destroy(timeout_seconds=60)


def answer_lost_and_time_over() -> None:
    """The answer of a write is lost, and it is not known whether it was executed."""
    stack = settled("a")
    stack.account.free("b")
    stack.account.answers = [(LOST, False)]
    stack.up("a", "b", timeout_seconds=10)


def stopped_by_a_person() -> None:
    """Ctrl-C while an order of ours runs."""
    stopped(CANCELLED, 2.0)


def stopped_by_a_person_as_the_order_ends() -> None:
    """Ctrl-C a moment before the order has ended."""
    stopped(CANCELLED, 4.9)


def stopped_by_the_end_of_the_engine() -> None:
    """The engine is gone while an order of ours runs."""
    stopped(ENGINE_GONE, 2.0)


def stopped_with_abort() -> None:
    """Ctrl-C under ``onCancel: abort``."""
    stopped(CANCELLED, 2.0, abort=True)


def stopped_before_anything_was_sent() -> None:
    """Ctrl-C while an instance is waited for."""
    stack = settled("a")
    stack.account.runtime.after(5.0, lambda: stack.stopped.append(CANCELLED))
    stack.up("a", "x")


def poll_refused() -> None:
    """EDAS refuses to tell how an order of ours goes on."""
    stack = settled("a")
    stack.account.free("b")
    refused_polls = {
        name: BusinessError(name, "601", "no") for name in ("GetChangeOrderInfo", "ListRecentChangeOrder")
    }
    stack.account.before_write = [lambda: stack.account.refuse_reads.update(refused_polls)]
    stack.up("a", "b")


def exclusive_stopped() -> None:
    """Ctrl-C in an exclusive membership that has a stranger to evict."""
    stack = settled("a")
    stack.account.running("s").free("b")
    stack.account.runtime.after(2.0, lambda: stack.stopped.append(CANCELLED))
    stack.up("a", "b", exclusive=True)


def gone_application() -> None:
    """The application of an update is gone."""
    stack = settled("a")
    stack.account.gone = True
    stack.up("a", "b")


def settled(*names: str) -> Stack:
    """Return a stack whose membership has these members."""
    stack = Stack(Account().free(*names))
    stack.up(*names)
    stack.account.writes.clear()
    return stack


def stopped(reason: str, after: float, *, abort: bool = False) -> None:
    """Stop a swap while its scale out runs."""
    stack = settled("a")
    stack.abort_on_stop = abort
    stack.account.free("b")
    stack.account.runtime.after(after, lambda: stack.stopped.append(reason))
    stack.up("b")


FAILURES: Final[tuple[Callable[[], None], ...]] = (
    order_failed,
    scale_in_failed,
    scale_in_failed_with_the_agent_off,
    delete_failed,
    refused,
    delete_refused,
    floor_refused,
    floor_refused_after_an_order,
    removals_refused,
    never_there,
    never_there_at_once,
    agent_never_on,
    in_another_group,
    never_up,
    never_listed,
    never_gone,
    floor_never_reached,
    group_never_there,
    time_is_over,
    time_is_over_for_a_colleague,
    time_is_over_while_nobody_comes,
    time_is_over_without_answers,
    time_is_over_for_a_delete,
    answer_lost_and_time_over,
    stopped_by_a_person,
    stopped_by_a_person_as_the_order_ends,
    stopped_by_the_end_of_the_engine,
    stopped_with_abort,
    stopped_before_anything_was_sent,
    poll_refused,
    exclusive_stopped,
    gone_application,
)


def text_of(failing: Callable[[], None]) -> str:
    """Return how one failure reads, and what is recorded of it."""
    with pytest.raises(ChangeError) as caught:
        failing()
    failure = caught.value
    lines = [f"== {(failing.__doc__ or '').strip()}", failure.message.with_code()]
    outcome = failure.outcome
    if outcome is None:
        return "\n".join([*lines, "recorded: nothing", ""])
    members = ", ".join(
        f"{each.instance_id}{'' if joined else ' (not joined)'}" for each, joined in outcome.members
    )
    foreign = ", ".join(each.instance_id for each in outcome.foreign)
    lines += [
        f"recorded: {members or 'nobody'}; foreign {foreign or 'nobody'}; {outcome.running_count} running",
        f"orders {', '.join(outcome.change_order_ids) or 'none'}",
        f"unsettled {', '.join(sorted(outcome.unsettled)) or 'none'}",
        f"group {outcome.group_name}, cluster {outcome.cluster_id}",
    ]
    return "\n".join([*lines, ""])


def test_every_failure_reads_and_records_as_its_page_shows() -> None:
    """UPDATE_GOLDEN=1 writes the page."""
    page = "\n".join(text_of(each) for each in FAILURES)
    assert page == golden(GOLDEN, page)
