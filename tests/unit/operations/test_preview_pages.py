"""What a preview says of a change, each as one text, from first reading to last word.

The law of this file: a text changes only together with its golden page, so that whoever changes a word, or what is a
failure, a warning or a line, sees all previews that change with it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.codes import format_failure
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    OperationError,
    PermissionDeniedError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import ClusterMember, MemberState, Recorded, Scope, TaskState
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.preview import Preview, preview_change, preview_replacement
from tests.golden import golden
from tests.unit.operations.account import SCOPE, Account, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN: Final = Path(__file__).parent / "golden" / "previews.txt"
BETA: Final = replace(SCOPE, group_id="beta")
REFUSED: Final = BusinessError("QueryApplicationStatus", "601", "no")
LOST: Final = UnavailableError("QueryApplicationStatus", message="reset")
DENIED: Final = PermissionDeniedError("QueryApplicationStatus", "403", "no", action="edas:ReadApplication")


def settled(*names: str) -> Stack:
    """Return a stack whose membership has these members, in a process of its own."""
    stack = Stack(Account().free(*names))
    stack.up(*names)
    return stack


def context_of(stack: Stack) -> OperationContext:
    """Return a context without a deadline."""
    return OperationContext(stack.account.runtime)


def look(
    stack: Stack,
    *names: str,
    strict: bool = False,
    policy: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401 - the fields of a Target
) -> Preview:
    """Preview a change to these machines."""
    wish = replace(stack.operation(names, **(policy or {})).target, **changes)
    return preview_change(stack.session(), wish, context_of(stack), strict=strict)


def replaced(stack: Stack, *names: str, scope: Scope | None = BETA) -> Preview:
    """Preview a replacement that deletes the membership first; into which group, None when that is not known."""
    session, old = stack.session(), stack.operation((), deleting=True).target
    if scope is None:
        return preview_replacement((session, old), None, context_of(stack))
    new = replace(stack.operation(names).target, scope=scope, recorded=Recorded())
    return preview_replacement((session, old), (session, new), context_of(stack))


def swap() -> Preview:
    """One comes and one goes."""
    stack = settled("a", "b")
    stack.account.free("c")
    return look(stack, "a", "c")


def created_over_members() -> Preview:
    """A create finds one of its two there."""
    return look(Stack(Account().running("a").free("b")), "a", "b")


def nothing() -> Preview:
    """Nothing changes."""
    return look(settled("a"), "a")


def unknown_ids() -> Preview:
    """One id is not known yet, and one leaves."""
    return look(settled("a", "b", "c"), "a", unknown_ids=1, policy={"max_removals": 1, "min_running": 2})


def refused_floor() -> Preview:
    """The floor forbids it."""
    return look(settled("a", "b"), "a", policy={"min_running": 2})


def refused_removals() -> Preview:
    """Too many would leave."""
    return look(settled("a", "b", "c"), "a", policy={"max_removals": 1})


def deleted_with_a_floor_of_another() -> Preview:
    """A delete beside a membership that keeps two running."""
    stack = settled("a", "b", "c")
    stack.ownership.claims.add(Claim("other", SCOPE, frozenset({"i-z"}), min_running=2))
    return look(stack, deleting=True)


def evicted() -> Preview:
    """An exclusive membership finds a stranger."""
    stack = settled("a")
    stack.account.running("s")
    return look(stack, "a", policy={"exclusive": True})


def left_to_another() -> Preview:
    """A member leaves the list that another membership of the run lists."""
    stack = settled("a", "b")
    stack.ownership.claims.add(Claim("other", SCOPE, frozenset({"i-b"})))
    return look(stack, "a")


def left_outside() -> Preview:
    """A member was taken out by somebody."""
    stack = settled("a", "b")
    stack.account.leave(stack.account.members["ecu-b"].ecc_id)
    return look(stack, "a", "b")


def left_outside_and_ignored() -> Preview:
    """The same where ignoreChanges leaves the list to somebody else."""
    stack = settled("a", "b")
    stack.account.leave(stack.account.members["ecu-b"].ecc_id)
    return look(stack, "a", "b", ignored=frozenset({"instanceIds"}))


def moved_outside() -> Preview:
    """A member was moved to another group."""
    stack = settled("a", "b")
    stack.account.members["ecu-b"] = replace(stack.account.members["ecu-b"], group_id="beta")
    return look(stack, "a", "b")


def unfinished() -> Preview:
    """A joiner of the last update does not run yet."""
    stack = settled("a", "b")
    stack.account.set_state("b", MemberState.STOPPED)
    stack.recorded = replace(stack.recorded, unsettled=frozenset({"ecu-b"}))
    return look(stack, "a", "b")


def repaired() -> Preview:
    """A join of ours failed."""
    stack = settled("a", "b")
    stack.account.set_state("b", MemberState.STOPPED, TaskState.FAILED)
    stack.recorded = replace(stack.recorded, unsettled=frozenset({"ecu-b"}))
    return look(stack, "a", "b")


def absent() -> Preview:
    """A listed instance is nowhere."""
    return look(settled("a"), "a", "x")


def absent_and_strict() -> Preview:
    """The same under strictPreview."""
    return look(settled("a"), "a", "x", strict=True)


def used_by_another_application() -> Preview:
    """A listed instance is in the cluster, and not offered."""
    stack = settled("a")
    stack.account.cluster["ecu-x"] = ClusterMember("i-x", "ecu-x", "10.0.0.99", 1)
    return look(stack, "a", "x")


def kubernetes() -> Preview:
    """The application of a create runs on Kubernetes."""
    return look(Stack(Account(cluster_type=3).free("a")), "a")


def no_group() -> Preview:
    """The group of a create is not there yet."""
    return look(Stack(Account(groups=("beta",)).free("a")), "a")


def group_is_a_name() -> Preview:
    """The group of a create is the name of one, not its id."""
    stack = Stack(Account().free("a"))
    wish = replace(stack.operation(("a",)).target, scope=replace(SCOPE, group_id="Web"))
    return preview_change(stack.session(), wish, context_of(stack), strict=False)


def group_is_gone() -> Preview:
    """The group of an update is gone."""
    stack = settled("a")
    stack.account.groups = ("beta",)
    return look(stack, "a", "b")


def unreadable_create() -> Preview:
    """The application of a create cannot be read."""
    return look(Stack(Account(refuse_reads={"QueryApplicationStatus": LOST}).free("a")), "a")


def refused_create() -> Preview:
    """The application of a create is refused."""
    return look(Stack(Account(refuse_reads={"QueryApplicationStatus": REFUSED}).free("a")), "a")


def unreadable_update() -> Preview:
    """The application of an update cannot be read."""
    stack = settled("a")
    stack.account.refuse_reads["QueryApplicationStatus"] = LOST
    return look(stack, "a", "b")


def denied_update() -> Preview:
    """The application of an update may not be read."""
    stack = settled("a")
    stack.account.refuse_reads["QueryApplicationStatus"] = DENIED
    return look(stack, "a", "b")


def gone_update() -> Preview:
    """The application of an update is gone."""
    stack = settled("a")
    stack.account.gone = True
    return look(stack, "a", "b")


def replaced_into_another_group() -> Preview:
    """All go, and join another group."""
    return replaced(settled("a", "b"), "a", "b")


def replaced_without_a_floor() -> Preview:
    """All would go below the floor of another membership."""
    stack = settled("a", "b")
    stack.ownership.claims.add(Claim("other", SCOPE, frozenset({"i-z"}), min_running=1))
    return replaced(stack, "a", "b")


def replaced_by_one_that_cannot_join() -> Preview:
    """One of the new ones is nowhere."""
    return replaced(settled("a"), "a", "x")


def replaced_into_no_group() -> Preview:
    """The new group is not there."""
    return replaced(settled("a"), "a", scope=replace(SCOPE, group_id="gone"))


def replaced_into_the_unknown() -> Preview:
    """The new place is not known yet."""
    return replaced(settled("a"), scope=None)


def replaced_while_nothing_can_be_read() -> Preview:
    """Neither group can be read."""
    stack = settled("a")
    stack.account.refuse_reads["QueryApplicationStatus"] = LOST
    return replaced(stack, "a")


def replaced_without_permission() -> Preview:
    """Neither group may be read."""
    stack = settled("a")
    stack.account.refuse_reads["QueryApplicationStatus"] = DENIED
    return replaced(stack, "a")


PREVIEWS: Final[tuple[Callable[[], Preview], ...]] = (
    swap,
    created_over_members,
    nothing,
    unknown_ids,
    refused_floor,
    refused_removals,
    deleted_with_a_floor_of_another,
    evicted,
    left_to_another,
    left_outside,
    left_outside_and_ignored,
    moved_outside,
    unfinished,
    repaired,
    absent,
    absent_and_strict,
    used_by_another_application,
    kubernetes,
    no_group,
    group_is_a_name,
    group_is_gone,
    unreadable_create,
    refused_create,
    unreadable_update,
    denied_update,
    gone_update,
    replaced_into_another_group,
    replaced_without_a_floor,
    replaced_by_one_that_cannot_join,
    replaced_into_no_group,
    replaced_into_the_unknown,
    replaced_while_nothing_can_be_read,
    replaced_without_permission,
)


def text_of(looking: Callable[[], Preview]) -> str:
    """Return how one preview reads."""
    lines = [f"== {(looking.__doc__ or '').strip()}"]
    try:
        found = looking()
    except OperationError as error:
        return "\n".join([*lines, f"error: {error.message.with_code()}", ""])
    lines += [f"failure: {format_failure(*each).with_code()}" for each in found.failures]
    lines += [f"may be mended: {each.with_code()}" for each in found.mendable]
    lines += [f"warning: {each.with_code()}" for each in found.warnings]
    lines += [f"line: {each}" for each in found.lines]
    listed = () if found.observation is None else tuple(each.listed for each in found.observation.plan.absent)
    lines += [
        f"an order would be sent: {found.changes_membership}; drawn: {found.drifted(listed) or 'nothing'}"
    ]
    return "\n".join([*lines, ""])


def test_every_preview_reads_as_its_page_shows() -> None:
    """UPDATE_GOLDEN=1 writes the page."""
    page = "\n".join(text_of(each) for each in PREVIEWS)
    assert page == golden(GOLDEN, page)
