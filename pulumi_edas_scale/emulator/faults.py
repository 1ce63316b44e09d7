"""Rules that break things on purpose: which calls or orders they meet, and what then happens.

The law of this file: a rule is data, and which rules meet a call depends only on the calls before it. A rule
of effect `order` meets change orders when they are created; every other rule meets calls, before they are
executed (then they are not) or after (then only the answer is lost or changed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pulumi_edas_scale.emulator.inputs import (
    Fields,
    InputError,
    mapping_of,
    refuse_half_characters,
    seconds_of,
)
from pulumi_edas_scale.emulator.world.durations import Duration
from pulumi_edas_scale.emulator.world.entities import AppState, Outcome, Phase, TaskState
from pulumi_edas_scale.emulator.world.scripts import OrderScript, task_error

EFFECTS = ("throttle", "error", "body", "reset", "delay", "pause", "trickle", "order")
TRICKLES = ("body", "headers", "continue", "endless", "bomb")
_TRANSPARENT = ("delay", "pause", "trickle")  # the call is answered all the same
MAX_RULES = 1_000
MAX_BATCHES = 1_000
MAX_DELAY_SECONDS = 3_600


@dataclass(frozen=True)
class CallFacts:
    """What a call names, every thing by all of its names."""

    operation: str
    applications: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderFacts:
    """What a change order is about, every thing by all of its names."""

    kind: str
    application: tuple[str, ...]
    group: tuple[str, ...]
    instances: tuple[str, ...]


@dataclass
class Rule:
    """One rule, with the count of what it has met."""

    id: str
    effect: str
    operations: tuple[
        str, ...
    ] = ()  # empty: every operation; for effect `order` also kinds such as scale_out
    instance: str | None = None
    application: str | None = None
    group: str | None = None
    order: str | None = None
    first: int = 1
    times: int | None = 1  # None: for ever
    when: str = "before"
    status: int = 500
    code: str = "INTERNAL_ERROR"
    message: str = "server error"
    body: str = ""
    content_type: str = "application/json;charset=utf-8"
    retry_after_ms: int | None = None
    seconds: float = 0.0
    part: str = "body"  # of the answer, that trickles
    script: OrderScript = field(default_factory=OrderScript)
    source: Mapping[str, Any] = field(default_factory=dict)  # as it was given, for people
    met: int = 0

    def meets_call(self, call: CallFacts) -> bool:
        """Return whether a call is one of those the rule is for."""
        return (
            (not self.operations or call.operation in self.operations)
            and _named(self.instance, call.instances)
            and _named(self.application, call.applications)
            and _named(self.group, call.groups)
            and _named(self.order, call.orders)
        )

    def meets_order(self, order: OrderFacts) -> bool:
        """Return whether a change order is one of those the rule is for."""
        return (
            (not self.operations or order.kind in self.operations)
            and _named(self.instance, order.instances)
            and _named(self.application, order.application)
            and _named(self.group, order.group)
        )

    @property
    def spent(self) -> bool:
        """Return whether the rule will never act again."""
        return self.times is not None and self.met >= self.first + self.times - 1

    def count(self) -> bool:
        """Count one more meeting and return whether the rule acts this time."""
        self.met += 1
        return self.met >= self.first and (self.times is None or self.met < self.first + self.times)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as it was given, with its id, how often it was met and whether it is used up."""
        return {"id": self.id, **self.source, "met": self.met, "spent": self.spent}


class RuleBook:
    """All rules, in the order they were added."""

    def __init__(self) -> None:
        """Start without rules."""
        self._rules: dict[str, Rule] = {}
        self._added = 0
        self.version = 0
        """Another one after every change by somebody; calls that meet rules do not count."""

    def add(self, given: Mapping[str, Any], path: str = "rule") -> Rule:
        """Add a rule.

        Raises:
            InputError: it cannot be understood; the message names the key.
        """
        if len(self._rules) >= MAX_RULES:
            raise InputError(f"{path}: there are {MAX_RULES} rules already; delete some first")
        rule = parse_rule(given, f"rule-{self._added + 1}", path)
        self._added += 1
        self._rules[rule.id] = rule
        self.version += 1
        return rule

    def remove(self, rule_id: str) -> bool:
        """Remove one rule; False when there is none of that id."""
        self.version += 1
        return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Remove all rules."""
        self.version += 1
        self._rules.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return all rules, oldest first."""
        return [rule.as_json() for rule in self._rules.values()]

    def acting_on(self, call: CallFacts) -> list[Rule]:
        """Count a call and return the rules that act on it: all waits, and at most one answer a side."""
        acting = [
            rule
            for rule in self._rules.values()
            if rule.effect != "order" and rule.meets_call(call) and rule.count()
        ]
        chosen: list[Rule] = []
        for rule in acting:
            # Waits add up, but a call has one answer before it is executed and one after.
            answered = any(other.when == rule.when and other.effect not in _TRANSPARENT for other in chosen)
            if rule.effect in _TRANSPARENT or not answered:
                chosen.append(rule)
        return chosen

    def script_for(self, order: OrderFacts) -> OrderScript | None:
        """Count a change order and return how the rules want it to run, or None when none says anything."""
        scripts = [
            rule.script
            for rule in self._rules.values()
            if rule.effect == "order" and rule.meets_order(order) and rule.count()
        ]
        if not scripts:
            return None
        # The first rule says how the order runs; of an instance the first that names it.
        outcomes = {
            name: outcome for script in reversed(scripts) for name, outcome in script.outcomes.items()
        }
        return replace(scripts[0], outcomes=outcomes)


_KEYS = {
    *("operation", "instance", "application", "group", "order", "first", "times", "when", "effect"),
    *("status", "code", "message", "body", "content_type", "retry_after_ms", "seconds", "part"),
    *("end", "duration", "held", "batches", "batch_wait", "flips", "phases", "instances", "error"),
}
_ORDER_KINDS = {
    "ScaleOutApplication": "scale_out",
    "ScaleInApplication": "scale_in",
}


def parse_rule(given: Mapping[str, Any], rule_id: str, path: str) -> Rule:
    """Read one rule; the keys are those of the table in README.md."""
    fields = Fields.of(given, path, _KEYS)
    refuse_half_characters(given, path)
    effect = given.get("effect")
    if effect not in EFFECTS:
        raise InputError(f"{path}.effect: must be one of {', '.join(EFFECTS)}, got {effect!r}")
    when = given.get("when", "before")
    if when not in ("before", "after"):
        raise InputError(f"{path}.when: must be before or after, got {when!r}")
    rule = Rule(
        id=rule_id,
        effect=effect,
        operations=_operations(given.get("operation"), effect, path),
        instance=fields.text_or_none("instance"),
        application=fields.text_or_none("application"),
        group=fields.text_or_none("group"),
        order=fields.text_or_none("order"),
        first=fields.whole("first", 1, least=1),
        times=None if given.get("times", 1) is None else fields.whole("times", 1, least=1),
        when=when,
        script=parse_script(given, path) if effect == "order" else OrderScript(),
        status=fields.whole("status", 200 if effect == "body" else 500, least=200, most=999),
        code=str(given.get("code", Rule.code)),
        message=str(given.get("message", Rule.message)),
        body=str(given.get("body", Rule.body)),
        content_type=str(given.get("content_type", Rule.content_type)),
        retry_after_ms=fields.whole_or_none("retry_after_ms", least=1),
        seconds=seconds_of(
            given.get("seconds", 1 if effect == "trickle" else 0), f"{path}.seconds", MAX_DELAY_SECONDS
        ),
        part=given.get("part", Rule.part),
        source=dict(given),
    )
    if not (rule.content_type.isascii() and rule.content_type.isprintable()):
        raise InputError(f"{path}.content_type: must be printable ASCII, got {rule.content_type!r}")
    if rule.part not in TRICKLES:
        raise InputError(f"{path}.part: must be one of {', '.join(TRICKLES)}, got {rule.part!r}")
    return rule


def parse_script(given: Mapping[str, Any], path: str) -> OrderScript:
    """Read how an order is to run, from a rule or an action."""
    fields = Fields(given, path)
    error = given.get("error")
    outcomes = {
        str(name): _outcome(value, f"{path}.instances.{name}")
        for name, value in mapping_of(given.get("instances") or {}, f"{path}.instances").items()
    }
    if error is not None and given.get("instance") and not outcomes:
        outcomes = {str(given["instance"]): Outcome(error=task_error(str(error)))}
    return OrderScript(
        end=fields.whole_or_none("end"),
        duration=fields.duration("duration"),
        held=bool(given.get("held", False)),
        batches=fields.whole("batches", 1, least=1, most=MAX_BATCHES),
        batch_wait=fields.duration("batch_wait"),
        flips=fields.duration("flips"),
        phases=None if given.get("phases") is None else _phases(given["phases"], f"{path}.phases"),
        outcomes=outcomes,
        failing=task_error(str(error)) if error is not None and not outcomes else None,
    )


def _outcome(given: object, path: str) -> Outcome:
    if isinstance(given, str):
        return Outcome(error=task_error(given))
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: must be an error code or an object with error, app_state, task_state")
    try:
        return Outcome(
            error=None if given.get("error") is None else task_error(str(given["error"])),
            app_state=None if given.get("app_state") is None else AppState(given["app_state"]),
            task_state=None if given.get("task_state") is None else TaskState(given["task_state"]),
        )
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _phases(given: object, path: str) -> tuple[Phase, ...]:
    if not isinstance(given, list) or not all(isinstance(entry, Mapping) for entry in given):
        raise InputError(f"{path}: must be a list of objects with status and duration, or status and held")
    phases = [Fields(entry, f"{path}[{index}]") for index, entry in enumerate(given)]
    return tuple(
        Phase(
            status=phase.whole("status"),
            length=phase.duration("duration") or Duration(),
            until_confirmed=bool(phase.data.get("held", False)),
            batch=phase.whole_or_none("batch"),
            completes=bool(phase.data.get("completes", False)),
        )
        for phase in phases
    )


def _operations(given: object, effect: str, path: str) -> tuple[str, ...]:
    if given is None:
        return ()
    listed = given if isinstance(given, list | tuple) else [given]
    names = [name for name in listed if isinstance(name, str)]
    if len(names) != len(listed):
        raise InputError(
            f"{path}.operation: must be the name of an operation or a list of names, got {given!r}"
        )
    if effect == "order":
        return tuple(_ORDER_KINDS.get(name, name) for name in names)
    return tuple(names)


def _named(wanted: str | None, names: Iterable[str]) -> bool:
    return wanted is None or wanted in names
