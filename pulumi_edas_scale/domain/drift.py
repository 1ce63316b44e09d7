"""What differs between the members that are recorded and those a reading shows, and whose doing it is.

This file's law: drift is what others did. What the last operation of ours had begun and not finished (a scale in that
ended after Ctrl-C, a join that failed) is recorded as such, and is unfinished work, never drift. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_edas_scale.domain.resolution import find_member

if TYPE_CHECKING:
    from collections.abc import Collection

    from pulumi_edas_scale.domain.model import Application, Member, Recorded, RecordedMember, Scope


@dataclass(frozen=True, slots=True)
class Drift:
    """The recorded members that are not as recorded, each in one of these.

    Attributes:
        gone: left the group, and nothing of ours asked for it.
        moved: are in another group of the application.
        unwell: ran, and do not run now.
        left: left the group as an operation of ours, or the program, wants it.
        leaving: members that the last operation was to scale in, and did not.
        down: members whose join, by the last operation, did not end well.
        joining: ids that the last operation was to bring in, and did not.
    """

    gone: tuple[RecordedMember, ...] = ()
    moved: tuple[Member, ...] = ()
    unwell: tuple[Member, ...] = ()
    left: tuple[RecordedMember, ...] = ()
    leaving: tuple[Member, ...] = ()
    down: tuple[Member, ...] = ()
    joining: tuple[str, ...] = ()

    @property
    def unfinished(self) -> bool:
        """Whether the last operation left something to do, if only to record it."""
        return bool(self.left or self.leaving or self.down or self.joining)


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
    gone, left = [], []
    moved, unwell, leaving, down = [], [], [], []
    wanted = {each.id for each in recorded.listed}
    by_instance = any(each.path.startswith("instanceIds") for each in recorded.listed)
    for each in recorded.members:
        # A failed or interrupted operation records whom it was to keep in the lists, and who is still there in the
        # members: one that is in the second only was on the way out.
        # One without an instance id may be any of the listed instances.
        nameless = by_instance and not each.instance_id
        on_the_way_out = bool(wanted) and not nameless and not _is_in(each, wanted)
        member = find_member(here, each.ecu_id)
        elsewhere = find_member(live.members, each.ecu_id)
        if member is not None and member.runs:
            if on_the_way_out:
                leaving.append(member)
        elif member is not None:
            if on_the_way_out:
                leaving.append(member)
            elif each.ecu_id in recorded.unsettled:
                down.append(member)
            elif each.joined or member.state is not each.state:
                unwell.append(member)
        elif elsewhere is not None:
            moved.append(elsewhere)
        elif (
            on_the_way_out
            or each.ecu_id in recorded.unsettled
            or not (desired is None or _is_in(each, desired))
        ):
            left.append(each)
        else:
            gone.append(each)
    known = {name for each in recorded.members for name in (each.ecu_id, each.instance_id)}
    joining = sorted(each for each in wanted - known if find_member(here, each) is None)
    return Drift(
        tuple(gone),
        tuple(moved),
        tuple(unwell),
        tuple(left),
        tuple(leaving),
        tuple(down),
        tuple(joining),
    )


def _is_in(member: RecordedMember, ids: Collection[str]) -> bool:
    return member.ecu_id in ids or (bool(member.instance_id) and member.instance_id in ids)
