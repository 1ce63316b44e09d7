"""Which membership of one engine run says that an instance is its own, and what the run has done so far.

This file's law: nothing that takes capacity rests on the memory of one process (law 11). The engine creates before
it deletes, never asks for a diff when somebody says ``--replace`` or renames a resource, and may delete through
another provider process than the one that created: another ``provider=``, another version, the other front end.
Every process appends what it learns to the log of the run, reads what the others appended, and reaches the same
conclusions, because all see the same records in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from pulumi_edas_scale.operations.claims import Claim, Claims

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pulumi_edas_scale.domain.model import Scope
    from pulumi_edas_scale.operations.claims import Conflict

QUIET_SECONDS: Final = 0.25
"""The engine asks about one resource after the other, with some milliseconds between; then none is left."""


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
    _claims: Claims = field(default_factory=Claims)
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
        claims = self.claims
        return claims.conflict(claim) or claims.exchange(claim.urn)

    @property
    def claims(self) -> Claims:
        """The claims of all memberships of the run so far."""
        self._catch_up()
        return self._claims

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
                self._claims.add(record)
            elif isinstance(record, Removal):
                known = self._removed.setdefault((record.region_id, record.app_id), {})
                known.update(dict.fromkeys(record.ecc_ids, record.moment))
            else:
                self._begun.add(record.urn)
