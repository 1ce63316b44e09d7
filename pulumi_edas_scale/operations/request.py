"""What the engine asks of one membership, and what it is answered.

This file's law: the engine's bags of properties are parsed here, each part once and when it is needed; what follows
works with the parts. A bag itself is kept for two things alone: to be compared with another one, and to be recorded
again in the spelling of the program.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.errors import InternalError
from pulumi_edas_scale.domain.fields import BY_NAME, OUTPUTS
from pulumi_edas_scale.domain.inputs import (
    changed_members,
    changed_properties,
    membership_id,
    parse_membership_id,
    parse_recorded,
    parse_spec,
    remove_ids,
    render_outputs,
)
from pulumi_edas_scale.domain.model import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.domain.model import Outcome, Recorded, Scope, Spec

_SCOPE: Final = ("regionId", "appId", "groupId")
_LISTS: Final = ("instanceIds", "ecuIds")


@dataclass(frozen=True)
class Request:
    """One question or order of the engine.

    Attributes:
        urn: the resource, empty when the front end does not know it.
        id: its id, empty for a new resource.
        news: the inputs: those of the program, checked but for a check; the recorded ones for a reading.
        olds: what is recorded: the inputs for a check, the outputs for everything else; empty for a new resource.
        timeout_seconds: the engine's customTimeouts, None when it does not say.
        ignored: property paths of ``ignoreChanges``; who is in a list among them is left to somebody else.
        announce: False for the diff of a refresh, which asks with the sides swapped: nothing is read or said.
    """

    urn: str = ""
    id: str = ""
    news: Mapping[str, object] = field(default_factory=dict)
    olds: Mapping[str, object] = field(default_factory=dict)
    timeout_seconds: float | None = None
    ignored: tuple[str, ...] = ()
    announce: bool = True

    @cached_property
    def spec(self) -> Spec:
        """What the inputs ask for."""
        return parse_spec(self.news)

    @cached_property
    def before(self) -> Spec:
        """What the recorded inputs, or the inputs among the recorded outputs, asked for."""
        return parse_spec(self.olds)

    @cached_property
    def recorded(self) -> Recorded:
        """What the recorded outputs say."""
        return parse_recorded(self.olds)

    @cached_property
    def scope(self) -> Scope:
        """Whose members the membership manages: by its id, else by its inputs.

        Raises:
            InputError: the id is not one.
            InternalError: a new resource does not know it yet.
        """
        if self.id:
            return replace(parse_membership_id(self.id), group_name=self.recorded.group_name)
        if self.spec.scope is None:
            raise InternalError("A create was asked for before region, application and group were known.")
        return self.spec.scope

    @cached_property
    def known_foreign(self) -> frozenset[str]:
        """The ECU ids of the recorded foreign members, whose arrival is not news."""
        members = self.olds.get("foreignMembers")
        entries = members if isinstance(members, (list, tuple)) else ()
        found = (each.get("ecuId") for each in entries if isinstance(each, dict))
        return frozenset(each for each in found if isinstance(each, str))

    def result(self, outcome: Outcome) -> Result:
        """Return what to record of what is true after a change."""
        return Result(membership_id(self.scope), dict(self.news), render_outputs(self.news, outcome))

    def result_less(self, left: frozenset[str], outcome: Outcome) -> Result:
        """Return what to record of what is true in a reading, less the ids of members that are gone or moved."""
        inputs = self.news or {name: self.olds[name] for name in BY_NAME if name in self.olds}
        # After a failed update the engine keeps the old inputs; only the outputs say what it was to reach.
        reached_for = {name: self.olds[name] for name in _LISTS if self.olds.get(name) is not None}
        kept = remove_ids(inputs, left)
        outputs = render_outputs({**kept, **remove_ids(reached_for, left)}, outcome)
        return Result(membership_id(self.scope), kept, outputs)

    def expected_result(self) -> Result:
        """Return what a preview knows of the outputs: the inputs, and where the membership is already."""
        inputs = {name: value for name, value in self.news.items() if name in BY_NAME}
        known = {
            name: self.olds[name] for name in ("groupName", "clusterId") if self.olds.get(name) is not None
        }
        return Result(self.id, dict(self.news), {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN), **known})

    def diff(self) -> Diff:
        """Return what the inputs ask for."""
        changed = changed_properties(self.olds, self.news)
        replaces = tuple(name for name in _SCOPE if name in changed)
        # By path: lists by element, everything else by name.
        kinds: dict[str, str] = dict.fromkeys(replaces, "update-replace")
        for path, kind in changed_members(self.olds, self.news) if {*_LISTS} & {*changed} else ():
            # One id went and another stands in its place: the engine shows one line for a path.
            kinds[path] = "update" if path in kinds else kind
        covered = {path.split("[", 1)[0] for path in kinds}
        for name in changed:
            if name not in covered:
                gone = self.news.get(name) is None
                kinds[name] = "add" if self.olds.get(name) is None else "delete" if gone else "update"
        detailed = tuple(kinds.items())
        return Diff(bool(kinds), replaces, bool(replaces) and self._deletes_first(replaces), detailed)

    def _deletes_first(self, replaces: tuple[str, ...]) -> bool:
        """Return whether the old one must go first: some instance may be in both, or the new place is not known."""
        if self.spec.scope is None or not self.spec.complete or "groupId" not in replaces:
            return True
        before = {each.id for each in self.before.listed}
        before.update(name for each in self.recorded.members for name in (each.ecu_id, each.instance_id))
        return not before.isdisjoint(each.id for each in self.spec.listed)


@dataclass(frozen=True, slots=True)
class Result:
    """A membership after an operation or a reading: what the program would have to say, and what is true."""

    id: str
    inputs: dict[str, object]
    outputs: dict[str, object]


@dataclass(frozen=True, slots=True)
class Diff:
    """What a change of inputs, or drift, asks for.

    Attributes:
        changes: whether anything is to be done.
        replaces: names of the properties that replace the resource.
        delete_before_replace: whether the old one goes first.
        detailed: property paths with add, delete, update or one of these with ``-replace``; never empty when
            something changes.
    """

    changes: bool
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False
    detailed: tuple[tuple[str, str], ...] = ()
