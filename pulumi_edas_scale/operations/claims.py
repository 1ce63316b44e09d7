"""The claims of one engine run: what its memberships list, and what cannot stand beside each other.

This file's law: it answers from the claims it was given, in the order in which they came, and knows no log, no clock
and no other process. A claim keeps members, it never moves one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.model import Floor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pulumi_edas_scale.domain.model import Member, Scope


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
class Conflict:
    """Why memberships cannot stand beside each other.

    Attributes:
        message: the reason, as full sentences.
        ids: the listed ids it is about; none when it is about the group as a whole.
    """

    message: Message
    ids: frozenset[str] = frozenset()


@dataclass(slots=True)
class Claims:
    """The last claim of each resource, found by what is asked of it."""

    _by_urn: dict[str, Claim] = field(default_factory=dict)
    _by_scope: dict[Scope, dict[str, Claim]] = field(default_factory=dict)
    _listing: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    _releasing: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def add(self, claim: Claim) -> None:
        """Put a claim in the place of the one that the same resource made before."""
        known = self._by_urn.get(claim.urn)
        if known is not None:
            if claim.left is None and known.scope == claim.scope:
                # A replacement is checked twice, the second time without anything recorded.
                claim = replace(claim, left=known.left)
            del self._by_scope[known.scope][known.urn]
            for each in known.ids:
                del self._listing[known.scope.region_id, each][known.urn]
            for each in frozenset().union(*known.given_up.values()):
                del self._releasing[known.scope.region_id, each][known.urn]
        self._by_urn[claim.urn] = claim
        self._by_scope.setdefault(claim.scope, {})[claim.urn] = claim
        for each in claim.ids:
            self._listing.setdefault((claim.scope.region_id, each), {})[claim.urn] = None
        for each in frozenset().union(*claim.given_up.values()):
            self._releasing.setdefault((claim.scope.region_id, each), {})[claim.urn] = None

    def conflict(self, claim: Claim) -> Conflict | None:
        """Return why a claim cannot stand beside the others of its region, of which it is one.

        An instance is in one deploy group at a time: whoever lists it for another one waits for what never comes.
        """
        region_id = claim.scope.region_id
        others = (urn for each in sorted(claim.ids) for urn in self._listing[region_id, each])
        other_urn = next((urn for urn in others if urn != claim.urn), None)
        if other_urn is not None:
            other = self._by_urn[other_urn]
            shared = claim.ids & other.ids
            there = (
                ""
                if other.scope == claim.scope
                else f", for deploy group {other.scope.group_id} of application {other.scope.app_id}"
            )
            message = Message(
                "ES115",
                f"{', '.join(sorted(shared))} of deploy group {claim.scope.group_id} is also listed by "
                f"{other_urn}{there}. A member belongs to one membership: remove it from one of the two.",
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

    def other_lister(self, scope: Scope, listed_id: str, *, besides: str) -> str | None:
        """Return another membership of a region that lists an id in that spelling."""
        listing = self._listing.get((scope.region_id, listed_id), ())
        return next((urn for urn in listing if urn != besides), None)

    def protected(self, scope: Scope, *, besides: str | None) -> frozenset[str]:
        """Return the ids claimed for a group, by all resources or by all ``besides`` one."""
        return frozenset(
            each
            for claim in self._by_scope.get(scope, {}).values()
            if claim.urn != besides
            for each in claim.ids
        )

    def strangers(self, foreign: Iterable[Member], scope: Scope, *, besides: str) -> list[Member]:
        """Return the foreign members of a group that no other membership lists there, or did until this run."""
        return [
            each
            for each in foreign
            if {besides}.issuperset(self._listers(scope, (each.ecu_id, each.instance_id)))
        ]

    def floor(self, scope: Scope, *, besides: str | None) -> Floor:
        """Return the highest floor that a membership with members in a group states, besides one's own."""
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
        there = replace(scope, group_id=group_id)
        for urn in self._releasing.get((scope.region_id, listed_id), ()):
            for place, ids in self._by_urn[urn].given_up.items():
                if listed_id in ids and (place == there if group_id else place.app_id != scope.app_id):
                    return urn
        return None

    def exchange(self, urn: str) -> Conflict | None:
        """Return why memberships that wait for each other's instances in a circle cannot all scale out first."""
        claim = self._by_urn.get(urn)
        if claim is None or not (claim.joining and claim.released):
            # Each in a circle does both; a stack in which nothing moves must not pay for the search.
            return None
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

    # -- inside --------------------------------------------------------------------------------------------------

    def _listers(self, scope: Scope, names: Iterable[str]) -> Iterator[str]:
        """Yield the memberships that list one of the ids in a group, or give it up there."""
        for name in names:
            listing = self._listing.get((scope.region_id, name), ())
            yield from (urn for urn in listing if self._by_urn[urn].scope == scope)
            giving = self._releasing.get((scope.region_id, name), ())
            yield from (urn for urn in giving if name in self._by_urn[urn].given_up.get(scope, ()))

    def _circle(self, start: Claim) -> list[Claim]:
        """Return the memberships of a shortest circle through one, in linear time; empty when there is none."""
        came_from: dict[str, str] = {}
        edge = [start]
        while edge:
            reached = []
            for here in edge:
                for other in self._waits_for(here):
                    if other.urn == start.urn:
                        path = [here.urn]
                        while path[-1] in came_from:
                            path.append(came_from[path[-1]])
                        return [self._by_urn[urn] for urn in path]
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
