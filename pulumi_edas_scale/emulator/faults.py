"""Rules that break things on purpose: which calls or orders they meet, and what then happens.

The law of this file: a rule is data, and which rules meet a call depends only on the calls before it. A rule
of effect `order` meets change orders when they are created; every other rule meets calls, before they are
executed (then they are not) or after (then only the answer is lost or changed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pulumi_edas_scale.emulator.world.durations import Duration, parse_duration
from pulumi_edas_scale.emulator.world.entities import AppState, Outcome, Phase, TaskState
from pulumi_edas_scale.emulator.world.scripts import OrderScript, task_error

EFFECTS = ("throttle", "error", "body", "reset", "delay", "pause", "trickle", "order")
TRICKLES = ("body", "headers", "continue", "endless", "bomb")
_TRANSPARENT = ("delay", "pause", "trickle")  # the call is answered all the same
MAX_RULES = 1_000
MAX_BATCHES = 1_000
MAX_DELAY_SECONDS = 3_600.0


class RuleError(ValueError):
    """A rule cannot be understood; the caller's fault."""


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
        """Tell whether a call is one of those the rule is for."""
        return (
            (not self.operations or call.operation in self.operations)
            and _named(self.instance, call.instances)
            and _named(self.application, call.applications)
            and _named(self.group, call.groups)
            and _named(self.order, call.orders)
        )

    def meets_order(self, order: OrderFacts) -> bool:
        """Tell whether a change order is one of those the rule is for."""
        return (
            (not self.operations or order.kind in self.operations)
            and _named(self.instance, order.instances)
            and _named(self.application, order.application)
            and _named(self.group, order.group)
        )

    @property
    def spent(self) -> bool:
        """Tell whether the rule will never act again."""
        return self.times is not None and self.met >= self.first + self.times - 1

    def count(self) -> bool:
        """Count one more meeting and tell whether the rule acts this time."""
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
            RuleError: it cannot be understood; the message names the key.
        """
        if len(self._rules) >= MAX_RULES:
            raise RuleError(f"{path}: there are {MAX_RULES} rules already; delete some first")
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
    unknown = sorted(set(given) - _KEYS)
    if unknown:
        raise RuleError(f"{path}.{unknown[0]}: no such key; known are {', '.join(sorted(_KEYS))}")
    effect = given.get("effect")
    if effect not in EFFECTS:
        raise RuleError(f"{path}.effect: must be one of {', '.join(EFFECTS)}, got {effect!r}")
    when = given.get("when", "before")
    if when not in ("before", "after"):
        raise RuleError(f"{path}.when: must be before or after, got {when!r}")
    rule = Rule(
        id=rule_id,
        effect=effect,
        operations=_operations(given.get("operation"), effect, path),
        instance=_text(given, "instance", path),
        application=_text(given, "application", path),
        group=_text(given, "group", path),
        order=_text(given, "order", path),
        first=_whole(given.get("first", 1), f"{path}.first", least=1),
        times=None
        if given.get("times", 1) is None
        else _whole(given.get("times", 1), f"{path}.times", least=1),
        when=when,
        source=dict(given),
    )
    _read_effect(rule, given, path)
    return rule


def _read_effect(rule: Rule, given: Mapping[str, Any], path: str) -> None:
    if rule.effect == "order":
        rule.script = parse_script(given, path)
    rule.status = _whole(
        given.get("status", 200 if rule.effect == "body" else 500), f"{path}.status", least=200, most=999
    )
    rule.code = str(given.get("code", rule.code))
    rule.message = str(given.get("message", rule.message))
    rule.body = str(given.get("body", rule.body))
    rule.content_type = str(given.get("content_type", rule.content_type))
    if not (rule.content_type.isascii() and rule.content_type.isprintable()):
        raise RuleError(f"{path}.content_type: must be printable ASCII, got {rule.content_type!r}")
    if given.get("retry_after_ms") is not None:
        rule.retry_after_ms = _whole(given["retry_after_ms"], f"{path}.retry_after_ms", least=1)
    rule.seconds = _seconds(given.get("seconds", 1 if rule.effect == "trickle" else 0), f"{path}.seconds")
    rule.part = given.get("part", rule.part)
    if rule.part not in TRICKLES:
        raise RuleError(f"{path}.part: must be one of {', '.join(TRICKLES)}, got {rule.part!r}")


def parse_script(given: Mapping[str, Any], path: str) -> OrderScript:
    """Read how an order is to run, from a rule or an action."""
    error = given.get("error")
    outcomes = _outcomes(given.get("instances"), f"{path}.instances")
    if error is not None and given.get("instance") and not outcomes:
        outcomes = {str(given["instance"]): Outcome(error=task_error(str(error)))}
    return OrderScript(
        end=None if given.get("end") is None else _whole(given["end"], f"{path}.end", least=0),
        duration=_duration(given, "duration", path),
        held=bool(given.get("held", False)),
        batches=_whole(given.get("batches", 1), f"{path}.batches", least=1, most=MAX_BATCHES),
        batch_wait=_duration(given, "batch_wait", path),
        flips=_duration(given, "flips", path),
        phases=_phases(given.get("phases"), f"{path}.phases"),
        outcomes=outcomes,
        failing=task_error(str(error)) if error is not None and not outcomes else None,
    )


def _outcomes(given: object, path: str) -> dict[str, Outcome]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RuleError(f"{path}: must be an object of instance id to error code, got {given!r}")
    return {str(name): _outcome(value, f"{path}.{name}") for name, value in given.items()}


def _outcome(given: object, path: str) -> Outcome:
    if isinstance(given, str):
        return Outcome(error=task_error(given))
    if not isinstance(given, Mapping):
        raise RuleError(f"{path}: must be an error code or an object with error, app_state, task_state")
    try:
        return Outcome(
            error=None if given.get("error") is None else task_error(str(given["error"])),
            app_state=None if given.get("app_state") is None else AppState(given["app_state"]),
            task_state=None if given.get("task_state") is None else TaskState(given["task_state"]),
        )
    except ValueError as error:
        raise RuleError(f"{path}: {error}") from None


def _phases(given: object, path: str) -> tuple[Phase, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(entry, Mapping) for entry in given):
        raise RuleError(f"{path}: must be a list of objects with status and duration, or status and held")
    return tuple(_phase(entry, f"{path}[{index}]") for index, entry in enumerate(given))


def _phase(given: Mapping[str, Any], path: str) -> Phase:
    return Phase(
        status=_whole(given.get("status"), f"{path}.status", least=0),
        length=_duration(given, "duration", path) or Duration(),
        until_confirmed=bool(given.get("held", False)),
        batch=None if given.get("batch") is None else _whole(given["batch"], f"{path}.batch", least=0),
        completes=bool(given.get("completes", False)),
    )


def _operations(given: object, effect: str, path: str) -> tuple[str, ...]:
    if given is None:
        return ()
    listed = given if isinstance(given, list | tuple) else [given]
    names = [name for name in listed if isinstance(name, str)]
    if len(names) != len(listed):
        raise RuleError(
            f"{path}.operation: must be the name of an operation or a list of names, got {given!r}"
        )
    if effect == "order":
        return tuple(_ORDER_KINDS.get(name, name) for name in names)
    return tuple(names)


def _named(wanted: str | None, names: Iterable[str]) -> bool:
    return wanted is None or wanted in names


def _text(given: Mapping[str, Any], key: str, path: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise RuleError(f"{path}.{key}: must be a string, got {value!r}")
    return value


def _whole(value: object, path: str, *, least: int, most: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most and value > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise RuleError(f"{path}: must be a whole number {bounds}, got {value!r}")
    return value


def _seconds(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DELAY_SECONDS:
        raise RuleError(
            f"{path}: must be a number of seconds from 0 to {MAX_DELAY_SECONDS:.0f}, got {value!r}"
        )
    return float(value)


def _duration(given: Mapping[str, Any], key: str, path: str) -> Duration | None:
    value = given.get(key)
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise RuleError(f"{path}.{key}: {error}") from None
