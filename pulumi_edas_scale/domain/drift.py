"""What differs between the members that are recorded and those a reading shows, and whose doing it is.

This file's law: drift is what no record of ours explains. What the last operation of ours had begun and not finished
(a scale in that ended after Ctrl-C, a join that failed) is recorded as such, and is unfinished work, never drift. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pulumi_edas_scale.domain.resolution import find_member

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pulumi_edas_scale.domain.model import (
        Application,
        ChangeOrder,
        Member,
        Recorded,
        RecordedMember,
        Scope,
    )


@dataclass(frozen=True, slots=True)
class Drift:
    """The recorded members that are not as recorded, each in one of these.

    Attributes:
        gone: left the group, and nothing that is recorded asked for it.
        moved: are in another group of the application.
        unwell: ran, and do not run now.
        left: left the group as an operation of ours wanted it.
        unjoined: members whose join, by the last operation, did not end well, and that are gone since.
        dropped: left the group, and the program lists them no more.
        leaving: members that the last operation was to scale in, and did not.
        down: members whose join, by the last operation, did not end well.
        risen: members whose join did not end well by then, and that run now.
        joining: ids that the last operation was to bring in, and did not.
    """

    gone: tuple[RecordedMember, ...] = ()
    moved: tuple[Member, ...] = ()
    unwell: tuple[Member, ...] = ()
    left: tuple[RecordedMember, ...] = ()
    unjoined: tuple[RecordedMember, ...] = ()
    dropped: tuple[RecordedMember, ...] = ()
    leaving: tuple[Member, ...] = ()
    down: tuple[Member, ...] = ()
    risen: tuple[Member, ...] = ()
    joining: tuple[str, ...] = ()

    @property
    def unfinished(self) -> bool:
        """Whether the last operation left something to do, if only to record it."""
        ours = (self.left, self.unjoined, self.dropped, self.leaving, self.down, self.joining)
        return any(ours)


@dataclass(frozen=True, slots=True)
class Traces:
    """What is known of how machines came to where they are.

    Attributes:
        orders: by ECU id, the change order that moved the machine last, where one of the recent ones names it.
        by_run: ECU ids of machines that orders of this engine run took away.
        looked: whether the recent orders could be read.
    """

    orders: Mapping[str, ChangeOrder] = field(default_factory=dict)
    by_run: frozenset[str] = frozenset()
    looked: bool = True


def find_drift(
    recorded: Recorded, live: Application, scope: Scope, desired: Collection[str] | None = None
) -> Drift:
    """Compare what is recorded with a reading.

    Args:
        recorded: the members of the last operation or reading, and what it was to reach.
        live: a reading of the application.
        scope: the group.
        desired: the ids that the program lists now; None where that is not known.
    """
    here = live.members_of(scope.group_id)
    unwell, leaving, down = [], [], []
    absent = []
    for each in recorded.members:
        member = find_member(here, each.ecu_id)
        if member is None:
            absent.append(each)
        elif _is_on_the_way_out(each, recorded):
            leaving.append(member)
        elif member.runs:
            continue
        elif each.ecu_id in recorded.unsettled:
            down.append(member)
        elif each.joined or member.state is not each.state:
            unwell.append(member)
    known = {name for each in recorded.members for name in (each.ecu_id, each.instance_id)}
    wanted = {each.id for each in recorded.listed}
    joining = sorted(each for each in wanted - known if find_member(here, each) is None)
    risen = [each for each in here if each.runs and each.ecu_id in recorded.unsettled]
    return replace(
        _sort_absent(absent, recorded, live, desired),
        unwell=tuple(unwell),
        leaving=tuple(leaving),
        down=tuple(down),
        risen=tuple(risen),
        joining=tuple(joining),
    )


def _sort_absent(
    absent: Sequence[RecordedMember],
    recorded: Recorded,
    live: Application,
    desired: Collection[str] | None,
) -> Drift:
    """Return what became of the recorded members that are not in the group."""
    gone, moved, left, unjoined, dropped = [], [], [], [], []
    for each in absent:
        elsewhere = find_member(live.members, each.ecu_id)
        if elsewhere is not None:
            moved.append(elsewhere)
        elif _is_on_the_way_out(each, recorded):
            left.append(each)
        elif each.ecu_id in recorded.unsettled:
            unjoined.append(each)
        elif not (desired is None or _is_in(each, desired)):
            dropped.append(each)
        else:
            gone.append(each)
    return Drift(tuple(gone), tuple(moved), (), tuple(left), tuple(unjoined), tuple(dropped))


def _is_on_the_way_out(member: RecordedMember, recorded: Recorded) -> bool:
    """Return whether the last operation was to scale a member in.

    A failed or interrupted operation records whom it was to keep in the lists, and who is still there in the members:
    one that is in the second only was on the way out.
    """
    wanted = {each.id for each in recorded.listed}
    # One without an instance id may be any of the listed instances.
    nameless = not member.instance_id and any(each.input == "instanceIds" for each in recorded.listed)
    return bool(wanted) and not nameless and not _is_in(member, wanted)


def _is_in(member: RecordedMember, ids: Collection[str]) -> bool:
    return member.ecu_id in ids or (bool(member.instance_id) and member.instance_id in ids)
