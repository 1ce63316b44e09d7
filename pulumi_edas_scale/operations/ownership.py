"""Which membership of this process says that an instance is its own.

This file's law: a claim is what a Check saw, and it is forgotten with the process. The engine creates before it
deletes and never asks for a diff when somebody says ``--replace`` or renames a resource; without the claims a
green run would then scale in what the new resource has just adopted. A claim therefore keeps members, it never
moves one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from pulumi_edas_scale.domain.model import Scope

QUIET_SECONDS: Final = 0.25
"""The engine asks about one resource after the other, with some milliseconds between; then none is left."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one resource of the program lists.

    Attributes:
        urn: the resource.
        scope: the group it is about.
        ids: the listed ids that are known, as the program spells them.
        recorded: the ids it listed before, in the same group; empty for a new resource.
        complete: whether every listed id is known, so that what is not listed is surely released.
        exclusive: whether it wants the group for itself.
        left: the group it was for before, when this replaces the resource, and the ids it listed there.
    """

    urn: str
    scope: Scope
    ids: frozenset[str]
    recorded: frozenset[str] = frozenset()
    complete: bool = True
    exclusive: bool = False
    left: tuple[Scope, frozenset[str]] | None = None

    @property
    def joining(self) -> frozenset[str]:
        """The ids it adds."""
        return self.ids - self.recorded

    @property
    def released(self) -> frozenset[str]:
        """The ids it surely gives up."""
        return self.recorded - self.ids if self.complete else frozenset()


@dataclass(slots=True)
class Claims:
    """The claims of this process; every method needs the monitor's lock."""

    _by_urn: dict[str, Claim] = field(default_factory=dict)
    _by_scope: dict[Scope, dict[str, Claim]] = field(default_factory=dict)
    _asking: int = 0
    _answered_at: float = float("-inf")
    _exchanging: dict[str, str] = field(default_factory=dict)

    def question_begins(self) -> None:
        """Note that the engine checks or diffs a resource: the next one can only follow it."""
        self._asking += 1

    def question_ends(self, now: float) -> None:
        """Note that the engine has its answer."""
        self._asking -= 1
        self._answered_at = now

    def quiet_in(self, now: float) -> float:
        """Return how long until every resource of the program has probably spoken up; 0 when they have."""
        if self._asking:
            return QUIET_SECONDS
        return max(self._answered_at + QUIET_SECONDS - now, 0.0)

    def record(self, claim: Claim) -> None:
        """Remember what a Check saw; a later Check of the same resource takes its place."""
        known = self._by_urn.get(claim.urn)
        if claim.left is None and known is not None and known.scope == claim.scope:
            # A replacement is checked twice, the second time without anything recorded.
            claim = replace(claim, left=known.left)
        if known is not None:
            del self._by_scope[known.scope][known.urn]
        self._by_urn[claim.urn] = claim
        self._by_scope.setdefault(claim.scope, {})[claim.urn] = claim
        self._exchanging.pop(claim.urn, None)

    def clear(self) -> None:
        """Forget everything: another run of the engine begins."""
        self._by_urn.clear()
        self._by_scope.clear()
        self._exchanging.clear()

    def ids(self, scope: Scope, *, besides: str | None) -> frozenset[str]:
        """Return the ids claimed for a group, by all resources or by all ``besides`` one."""
        return frozenset(
            each for claim in self._of_group(scope) if claim.urn != besides for each in claim.ids
        )

    def conflict(self, claim: Claim) -> str | None:
        """Return why a claim cannot stand beside the others, as a full sentence, or None."""
        for other in self._of_group(claim.scope):
            if other.urn == claim.urn:
                continue
            shared = sorted(claim.ids & other.ids)
            if shared:
                return (
                    f"{', '.join(shared)} of deploy group {claim.scope.group_id} is also listed by "
                    f"{other.urn}. A member belongs to one membership: remove it from one of the two."
                )
            if claim.exclusive or other.exclusive:
                one, two = (claim.urn, other.urn) if claim.exclusive else (other.urn, claim.urn)
                return (
                    f"{one} is exclusive, so deploy group {claim.scope.group_id} must hold exactly its list, but "
                    f"{two} manages members of the same group. Set exclusive to false, or merge the two lists."
                )
        return self._exchange(claim)

    def releases(self, scope: Scope, group_id: str, listed_id: str) -> bool:
        """Return whether a membership of another group of the application gives up an id, in that spelling."""
        place = replace(scope, group_id=group_id)
        return any(
            (claim.scope == place and listed_id in claim.released)
            or (claim.left is not None and claim.left[0] == place and listed_id in claim.left[1])
            for claim in self._by_urn.values()
        )

    def exchange(self, urn: str) -> str | None:
        """Return why a membership waits in vain, because another one it waits for was refused; or None."""
        return self._exchanging.get(urn)

    def _of_group(self, scope: Scope) -> Collection[Claim]:
        return self._by_scope.get(scope, {}).values()

    def _exchange(self, claim: Claim) -> str | None:
        """Return why memberships that wait for each other's instances in a circle cannot all scale out first."""
        if not (claim.joining and claim.released):
            return None  # whoever is in a circle does both; a stack in which nothing moves must not pay for the search
        path = self._way_back(claim, claim, frozenset({claim.urn}))
        if path is None:
            return None
        who = ", ".join(sorted(path))
        moved = ", ".join(sorted(claim.joining | claim.released))
        words = (
            f"{who} exchange instances ({moved}) between groups of application {claim.scope.app_id}; "
            "each must scale out before it scales in, so none can begin. Do it in two runs of 'pulumi up': first "
            "remove the instances from their old lists, then add them to the new ones."
        )
        self._exchanging.update(dict.fromkeys(path, words))
        return words

    def _way_back(self, start: Claim, here: Claim, seen: frozenset[str]) -> tuple[str, ...] | None:
        if here is not start and _waits_for(here, start):
            return (here.urn,)
        for other in sorted(self._by_urn.values(), key=lambda each: each.urn):
            if other.urn in seen or not _waits_for(here, other):
                continue
            rest = self._way_back(start, other, seen | {other.urn})
            if rest is not None:
                return (here.urn, *rest)
        return None


def _waits_for(one: Claim, other: Claim) -> bool:
    """Return whether ``one`` adds an instance that is only free once ``other`` has let it go."""
    same_application = (one.scope.region_id, one.scope.app_id) == (other.scope.region_id, other.scope.app_id)
    return (
        same_application and one.scope.group_id != other.scope.group_id and bool(one.joining & other.released)
    )
