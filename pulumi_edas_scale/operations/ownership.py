"""Which membership of one engine run says that an instance is its own, and what the run has done so far.

This file's law: nothing that takes capacity rests on the memory of one process (law 11). The engine creates before
it deletes, never asks for a diff when somebody says ``--replace`` or renames a resource, and may delete through
another provider process than the one that created: another ``provider=``, another version, the other front end.
Every process appends what it learns to the log of the run, reads what the others appended, and reaches the same
conclusions, because all see the same records in the same order. A claim keeps members, it never moves one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.model import Floor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pulumi_edas_scale.domain.model import Member, Scope

QUIET_SECONDS: Final = 0.25
"""The engine asks about one resource after the other, with some milliseconds between; then none is left."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one resource of the program lists, as its Check saw it, whether the Check was refused or not.

    Attributes:
        urn: the resource.
        scope: the group it is about.
        ids: the listed ids that are known, as the program spells them.
        recorded: the ids it listed before, in the same group; empty for a new resource.
        complete: whether every listed id is known, so that what is not listed is surely released.
        exclusive: whether it wants the group for itself.
        min_running: how many members of the group it wants to see running.
        left: the group it was for before, when this replaces the resource, and the ids it listed there.
    """

    urn: str
    scope: Scope
    ids: frozenset[str]
    recorded: frozenset[str] = frozenset()
    complete: bool = True
    exclusive: bool = False
    min_running: int = 0
    left: tuple[Scope, frozenset[str]] | None = None

    @property
    def joining(self) -> frozenset[str]:
        """The ids it adds."""
        return self.ids - self.recorded

    @property
    def released(self) -> frozenset[str]:
        """The ids it surely gives up."""
        return self.recorded - self.ids if self.complete else frozenset()

    @property
    def given_up(self) -> Mapping[Scope, frozenset[str]]:
        """The ids it gives up, by the group they are in until then."""
        left = () if self.left is None else (self.left,)
        return dict([(self.scope, self.released), *left])


@dataclass(frozen=True, slots=True)
class Removal:
    """Placements that an accepted order of this run takes away, and since when (on the monotonic clock)."""

    region_id: str
    app_id: str
    ecc_ids: frozenset[str]
    moment: float


@dataclass(frozen=True, slots=True)
class Begin:
    """The engine has begun to create, update or delete a resource."""

    urn: str


Record: TypeAlias = Claim | Removal | Begin


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why memberships cannot stand beside each other.

    Attributes:
        message: the reason, as full sentences.
        ids: the listed ids it is about; none when it is about the group as a whole.
    """

    message: Message
    ids: frozenset[str] = frozenset()


class RunLog(Protocol):
    """What the provider processes of one engine run share; no method raises, and none waits for another process."""

    def append(self, record: Record) -> None:
        """Add a record, after all that were added before by any process."""
        ...

    def read(self) -> Iterable[Record]:
        """Return the records not returned before, those of this process included, in the order of the log."""
        ...

    def note_questions(self, asking: int, answered_at: float) -> None:
        """Report to the others how many questions of the engine this process answers now, and when it last did."""
        ...

    def other_questions(self) -> tuple[int, float]:
        """Return the same of all other processes that live: the sum, and the latest moment."""
        ...

    def close(self) -> None:
        """Leave the run; what was read stays known."""
        ...


@dataclass(slots=True)
class MemoryRun:
    """One run in memory: of one process, or of several in a simulation."""

    records: list[Record] = field(default_factory=list)
    logs: list[MemoryLog] = field(default_factory=list)


class MemoryLog:
    """The log of a run whose processes share memory.

    Args:
        run: what the processes share; by default this is the only process of its run.
    """

    def __init__(self, run: MemoryRun | None = None) -> None:
        self._run = run if run is not None else MemoryRun()
        self._run.logs.append(self)
        self._read = 0
        self._questions = (0, float("-inf"))

    def append(self, record: Record) -> None:
        """Add a record."""
        self._run.records.append(record)

    def read(self) -> Iterable[Record]:
        """Return the records not returned before."""
        begin, self._read = self._read, len(self._run.records)
        return self._run.records[begin : self._read]

    def note_questions(self, asking: int, answered_at: float) -> None:
        """Report to the other processes."""
        self._questions = (asking, answered_at)

    def other_questions(self) -> tuple[int, float]:
        """Return what the other processes reported."""
        others = [log._questions for log in self._run.logs if log is not self]  # noqa: SLF001 - its own kind
        return sum(asking for asking, _ in others), max((at for _, at in others), default=float("-inf"))

    def close(self) -> None:
        """Leave the run, as a killed process does."""
        if self in self._run.logs:
            self._run.logs.remove(self)


@dataclass(slots=True)
class Ownership:
    """What one process knows of its engine run; every method needs the monitor's lock.

    Attributes:
        log: what the processes of the run share.
    """

    log: RunLog = field(default_factory=MemoryLog)
    _by_urn: dict[str, Claim] = field(default_factory=dict)
    _by_scope: dict[Scope, dict[str, Claim]] = field(default_factory=dict)
    _listing: dict[tuple[Scope, str], dict[str, None]] = field(default_factory=dict)
    _releasing: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    _removed: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _asking: int = 0
    _answered_at: float = float("-inf")

    # -- questions of the engine ---------------------------------------------------------------------------------

    def question_begins(self) -> None:
        """Note that the engine checks or diffs a resource: the next one can only follow it."""
        self._asking += 1
        self.log.note_questions(self._asking, self._answered_at)

    def question_ends(self, now: float) -> None:
        """Note that the engine has its answer."""
        self._asking -= 1
        self._answered_at = now
        self.log.note_questions(self._asking, self._answered_at)

    def quiet_in(self, now: float) -> float:
        """Return how long until every resource of the program has probably spoken up; 0 when they have."""
        others_asking, others_answered_at = self.log.other_questions()
        if self._asking or others_asking:
            # A diff that reads may take minutes; the resource behind it has not been asked about yet.
            return QUIET_SECONDS
        return max(max(self._answered_at, others_answered_at) + QUIET_SECONDS - now, 0.0)

    # -- who owns what -------------------------------------------------------------------------------------------

    def record(self, claim: Claim) -> Conflict | None:
        """Remember what a Check saw; a later Check of the same resource takes its place.

        The claim stands whatever is returned: what a refused resource lists is a member all the same.

        Returns:
            Why it cannot stand beside the others, or None.
        """
        self.log.append(claim)
        self._catch_up()
        return self._conflict(claim) or self.exchange(claim.urn)

    def other_lister(self, scope: Scope, listed_id: str, *, besides: str) -> str | None:
        """Return another membership of a group that lists an id in that spelling."""
        self._catch_up()
        return next((urn for urn in self._listing.get((scope, listed_id), ()) if urn != besides), None)

    def protected(self, scope: Scope, *, besides: str | None) -> frozenset[str]:
        """Return the ids claimed for a group, by all resources or by all ``besides`` one."""
        self._catch_up()
        return frozenset(
            each
            for claim in self._by_scope.get(scope, {}).values()
            if claim.urn != besides
            for each in claim.ids
        )

    def strangers(self, foreign: Iterable[Member], scope: Scope, *, besides: str) -> list[Member]:
        """Return the foreign members of a group that no other membership lists there, or did until this run."""
        self._catch_up()
        return [
            each
            for each in foreign
            if not any(self._lists(scope, name, besides) for name in (each.ecu_id, each.instance_id))
        ]

    def floor(self, scope: Scope, *, besides: str | None) -> Floor:
        """Return the highest floor that a membership with members in a group states, besides one's own."""
        self._catch_up()
        floors = [
            Floor(claim.min_running, claim.urn)
            for claim in self._by_scope.get(scope, {}).values()
            # A claim that lists nothing has nothing to lose here; one that lists what is not known yet may.
            if claim.urn != besides and (claim.ids or not claim.complete)
        ]
        return max(floors, key=lambda each: each.min_running, default=Floor())

    def releaser(self, scope: Scope, group_id: str, listed_id: str) -> str | None:
        """Return the membership that gives up an id, in that spelling, where it is now.

        Args:
            scope: the group that waits for the id.
            group_id: the group of the same application that has it; empty for any of another application.
            listed_id: the id.
        """
        self._catch_up()
        there = replace(scope, group_id=group_id)
        for urn in self._releasing.get((scope.region_id, listed_id), ()):
            for place, ids in self._by_urn[urn].given_up.items():
                if listed_id in ids and (place == there if group_id else place.app_id != scope.app_id):
                    return urn
        return None

    def exchange(self, urn: str) -> Conflict | None:
        """Return why memberships that wait for each other's instances in a circle cannot all scale out first."""
        self._catch_up()
        claim = self._by_urn.get(urn)
        if claim is None or not (claim.joining and claim.released):
            return (
                None  # each in a circle does both; a stack in which nothing moves must not pay for the search
            )
        circle = self._circle(claim)
        if not circle:
            return None
        who = ", ".join(sorted(each.urn for each in circle))
        # The path leads from the last one back to the start: each one waits for the one before it.
        pairs = zip(circle, [*circle[1:], circle[0]], strict=True)
        moved = frozenset().union(*(giver.released & taker.joining for giver, taker in pairs))
        apps = sorted({each.scope.app_id for each in circle})
        where = f"applications {', '.join(apps)}" if len(apps) > 1 else f"groups of application {apps[0]}"
        message = Message(
            "ES117",
            f"{who} exchange instances ({', '.join(sorted(moved))}) between {where}; "
            "each must scale out before it scales in, so none can begin. Do it in two runs of 'pulumi up': first "
            "remove the instances from their old lists, then add them to the new ones.",
        )
        return Conflict(message, moved)

    # -- what the run did ----------------------------------------------------------------------------------------

    def note_begun(self, urn: str) -> None:
        """Remember that the engine has begun to change a resource."""
        if urn not in self._begun:  # every operation asks, and the log is read by every process
            self.log.append(Begin(urn))

    def has_begun(self, urn: str) -> bool:
        """Return whether the engine has begun to change a resource in this run."""
        self._catch_up()
        return urn in self._begun

    def note_removed(self, scope: Scope, ecc_ids: Iterable[str], now: float) -> None:
        """Remember placements that an accepted order takes away."""
        removed = frozenset(ecc_ids)
        if removed:
            self.log.append(Removal(scope.region_id, scope.app_id, removed, now))

    def removed(self, scope: Scope) -> Mapping[str, float]:
        """Return the placements of an application that orders of this run took away, with the moments."""
        self._catch_up()
        return dict(self._removed.get((scope.region_id, scope.app_id), {}))

    # -- inside --------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        for record in self.log.read():
            if isinstance(record, Claim):
                self._take(record)
            elif isinstance(record, Removal):
                known = self._removed.setdefault((record.region_id, record.app_id), {})
                known.update(dict.fromkeys(record.ecc_ids, record.moment))
            else:
                self._begun.add(record.urn)

    def _take(self, claim: Claim) -> None:
        known = self._by_urn.get(claim.urn)
        if known is not None:
            if claim.left is None and known.scope == claim.scope:
                # A replacement is checked twice, the second time without anything recorded.
                claim = replace(claim, left=known.left)
            del self._by_scope[known.scope][known.urn]
            for each in known.ids:
                del self._listing[known.scope, each][known.urn]
            for each in frozenset().union(*known.given_up.values()):
                del self._releasing[known.scope.region_id, each][known.urn]
        self._by_urn[claim.urn] = claim
        self._by_scope.setdefault(claim.scope, {})[claim.urn] = claim
        for each in claim.ids:
            self._listing.setdefault((claim.scope, each), {})[claim.urn] = None
        for each in frozenset().union(*claim.given_up.values()):
            self._releasing.setdefault((claim.scope.region_id, each), {})[claim.urn] = None

    def _lists(self, scope: Scope, listed_id: str, besides: str) -> bool:
        """Return whether a membership besides one lists an id in a group, or gives it up there."""
        giving = self._releasing.get((scope.region_id, listed_id), ())
        urns = [*self._listing.get((scope, listed_id), ())]
        urns += [urn for urn in giving if listed_id in self._by_urn[urn].given_up.get(scope, ())]
        return any(urn != besides for urn in urns)

    def _conflict(self, claim: Claim) -> Conflict | None:
        """Return why a claim cannot stand beside the others of its group."""
        others = (urn for each in sorted(claim.ids) for urn in self._listing[claim.scope, each])
        other_urn = next((urn for urn in others if urn != claim.urn), None)
        if other_urn is not None:
            shared = claim.ids & self._by_urn[other_urn].ids
            message = Message(
                "ES115",
                f"{', '.join(sorted(shared))} of deploy group {claim.scope.group_id} is also listed by "
                f"{other_urn}. A member belongs to one membership: remove it from one of the two.",
            )
            return Conflict(message, shared)
        for other in self._by_scope[claim.scope].values():
            if other.urn != claim.urn and (claim.exclusive or other.exclusive):
                one, two = (claim.urn, other.urn) if claim.exclusive else (other.urn, claim.urn)
                message = Message(
                    "ES116",
                    f"{one} is exclusive, so deploy group {claim.scope.group_id} must hold exactly its list, but "
                    f"{two} manages members of the same group. Set exclusive to false, or merge the two lists.",
                )
                return Conflict(message)
        return None

    def _circle(self, start: Claim) -> list[Claim]:
        """Return the memberships of a shortest circle through one, in linear time; empty when there is none."""
        came_from: dict[str, str] = {}
        edge = [start]
        while edge:
            reached = []
            for here in edge:
                for other in self._waits_for(here):
                    if other.urn == start.urn:
                        return [self._by_urn[urn] for urn in _way_back(here.urn, came_from)]
                    if other.urn not in came_from:
                        came_from[other.urn] = here.urn
                        reached.append(other)
            edge = reached
        return []

    def _waits_for(self, claim: Claim) -> Iterator[Claim]:
        """Yield the memberships that hold an instance which ``claim`` adds, until they have let it go."""
        for each in sorted(claim.joining):
            for urn in self._releasing.get((claim.scope.region_id, each), ()):
                other = self._by_urn[urn]
                # What a replacement leaves is gone before its own create, so it waits for nobody.
                if other.scope != claim.scope and each in other.released:
                    yield other


def _way_back(urn: str, came_from: Mapping[str, str]) -> list[str]:
    path = [urn]
    while path[-1] in came_from:
        path.append(came_from[path[-1]])
    return path
