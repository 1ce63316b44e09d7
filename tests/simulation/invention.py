"""Inventing histories from a seed, and shortening those that break a law.

The law of this file: the seed decides everything, and nothing else does.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE
from tests.simulation.edas import Fault
from tests.simulation.histories import GROUPS, INSTANCES, OTHER, SHOP, History, Step, place_of, play
from tests.simulation.laws import ecu_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READS: Final = (
    "QueryApplicationStatus",
    "ListRecentChangeOrder",
    "GetChangeOrderInfo",
    "ListScaleOutEcu",
    "ListClusterMembers",
    "ListApplication",
)
OPERATIONS: Final = (*READS, "ScaleOutApplication", "ScaleInApplication")
UNDOCUMENTED_PHASES: Final = (
    {"status": 42, "duration": "seconds:5"},
    {"status": 1, "duration": "seconds:5", "completes": True},
)
SWITCHES: Final[Mapping[str, tuple[Any, ...]]] = {
    "order_duration": (
        "immediate",
        "polls:1",
        "polls:4",
        "seconds:0.5",
        "seconds:5",
        "seconds:40",
        "seconds:120",
    ),
    "second_order": ("refused", "refused_400", "queued", "parallel_per_group"),
    "known_member": ("refused", "ignored"),
    "unknown_member_scale_in": ("refused", "ignored"),
    "joiner_visible": ("early", "end", "late:5", "late:30"),
    "failed_joiner": ("stays", "leaves"),
    "partly_failed_order": ("failed", "partial"),
    "leaver_stops": ("early", "end"),
    "start_delay": (0.0, 8.0, 60.0),
    "not_found": ("body_601", "body_404", "http_404", "http_500", "http_600"),
    "code_type": ("number", "text"),
    "recent_order_list": ("newest_first", "oldest_first"),
    "recent_order_lag": (0.0, 0.0, 0.0, 1.0),
    "scale_in_lag": (0.0, 0.0, 10.0, 40.0),
    "force_scale_in_lag": (0.0, 10.0),
    "freed_ecu_lag": (0.0, 0.0, 15.0),
    "total_size": ("members", "pages"),
    "redeployed_ecc": ("kept", "new"),
    "limits": ("off", "documented", "documented"),
}

POLICIES: Final[tuple[tuple[str, float, tuple[Any, ...]], ...]] = (
    ("exclusive", 0.2, (True,)),
    ("minRunning", 0.4, (0, 0, 1, 2, 3)),
    ("maxRemovals", 0.1, (0, 1, 2)),
    ("batchSize", 0.3, (1, 2, 3)),
    ("batchPauseSeconds", 0.1, (3, 20)),
    ("waitFor", 0.2, ("order",)),
    ("joinTimeoutSeconds", 0.3, (0, 20, 120)),
    ("forceScaleIn", 0.3, ("offline",)),
    ("confirmBatches", 0.2, (True,)),
    ("timeoutSeconds", 0.15, (1, 30, 200)),
)
"""Inputs that are now and then not left at their defaults: how often, and to which values."""


HARDER: Final = 0.15
"""How many of the histories in which anything may happen are made harder still."""


def invent(seed: int) -> History:
    """Write a history from a seed."""
    history = _Inventor(random.Random(seed)).history(seed)
    return history if history.tame else _made_harder(history, random.Random(f"{seed}, harder"))


def _made_harder(history: History, rng: random.Random) -> History:
    """Now and then let one thing happen again and again, where it usually happens once."""
    ups = [index for index, step in enumerate(history.steps) if step.do == "up"]
    if rng.random() >= HARDER:
        return history
    index, write = rng.choice(ups), rng.choice(["ScaleOutApplication", "ScaleInApplication"])
    step = history.steps[index]
    place = {"operation": write, "first": rng.randint(1, 2), "times": rng.choice([3, 30])}
    refusal = {**place, "effect": "error", "status": 200, "code": "601"}
    harder = rng.choice(
        [
            replace(step, rules=(*step.rules, refusal)),
            replace(step, rules=(*step.rules, {**place, "effect": "throttle"})),
            replace(step, faults=(*step.faults, Fault("lost_before", write, times=3))),
            replace(step, faults=(*step.faults, Fault("lost_after", write, times=3))),
            replace(step, faults=(*step.faults, Fault("not_sent", "", nth=rng.randint(1, 20), times=40))),
            replace(step, events=(*step.events, *_deployments(rng))),
        ]
    )
    return replace(history, steps=(*history.steps[:index], harder, *history.steps[index + 1 :]))


def _deployments(rng: random.Random) -> tuple[tuple[float, str, dict[str, Any]], ...]:
    """Return deployments of one group after the other, held or not, so that an application is hardly ever idle."""
    moments = sorted(round(rng.uniform(0.0, 200.0), 1) for _ in range(6))
    return tuple(
        (
            moment,
            "start_order",
            {
                "group": rng.choice(["g-web", "g-beta"]),
                "duration": "seconds:25",
                "held": rng.random() < 0.2,
            },
        )
        for moment in moments
    )


class _Inventor:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tame = rng.random() < 0.25

    def history(self, seed: int) -> History:
        rng = self.rng
        names = rng.sample(sorted(GROUPS), rng.choice([1, 1, 2, 2, 3, 4]))
        steps: list[Step] = []
        program = self._program(names)
        for _ in range(rng.randint(1, 5)):
            steps.append(self._step(program))
            if rng.random() < 0.6:
                program = self._changed(program)
        if not any(step.do == "up" for step in steps):
            steps.append(Step("up", program))
        apart = rng.random() < 0.15 and len(names) > 1
        return History(
            seed=seed,
            members=self._adopted(next(each.program for each in steps if each.do == "up"))
            if self.tame
            else self._members(),
            switches=self._switches(),
            undeployed=rng.random() < 0.1,
            apart=tuple(rng.sample(names, len(names) // 2)) if apart else (),
            tame=self.tame,
            steps=tuple(steps),
        )

    def _adopted(self, program: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
        """Let some listed instances be where they belong already, and nobody in anybody's way."""
        found: dict[str, list[str]] = {}
        for name, given in program.items():
            for each in given["ids"]:
                if self.rng.random() < 0.3:
                    found.setdefault(place_of(name, given)[1], []).append(each.replace("ecu-", "i-", 1))
        return {group: tuple(ids) for group, ids in found.items()}

    def _members(self) -> dict[str, tuple[str, ...]]:
        order = self.rng.sample(INSTANCES, len(INSTANCES))
        count = self.rng.randint(0, 5)
        found: dict[str, list[str]] = {}
        for name in order[:count]:
            found.setdefault(self.rng.choice(["g-web", "g-web", "g-beta", "g-other"]), []).append(name)
        return {group: tuple(names) for group, names in found.items()}

    def _switches(self) -> dict[str, Any]:
        rng = self.rng
        return {name: rng.choice(sides) for name, sides in SWITCHES.items() if rng.random() < 0.5}

    def _program(self, names: list[str]) -> dict[str, dict[str, Any]]:
        free = self.rng.sample(INSTANCES, len(INSTANCES))
        program: dict[str, dict[str, Any]] = {}
        for name in names:
            count = self.rng.randint(0, min(4, len(free)))
            ids, free = free[:count], free[count:]
            program[name] = {"ids": self._spelled(ids), **self._policy(name, names)}
        return program

    def _spelled(self, ids: list[str]) -> tuple[str, ...]:
        return tuple(ecu_of(each) if self.rng.random() < 0.25 else each for each in ids)

    def _policy(self, name: str, names: list[str]) -> dict[str, Any]:
        rng = self.rng
        if self.tame:
            return {"minRunning": 0, "batchSize": rng.choice([1, 2, 50])}
        name = name.removesuffix("-new")
        policy = {key: rng.choice(values) for key, chance, values in POLICIES if rng.random() < chance}
        if {"web", "web2"} <= set(names) and name in {"web", "web2"}:
            policy.pop("exclusive", None)
        return policy

    def _changed(self, program: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Change the lists: instances come, go and move between the groups; now and then a resource goes."""
        rng = self.rng
        lists = {name: list(given["ids"]) for name, given in program.items()}
        for _ in range(1 if self.tame else rng.randint(1, 3)):
            name = rng.choice(sorted(lists))
            taken = {ecu_of(each) for ids in lists.values() for each in ids}
            free = [each for each in INSTANCES if ecu_of(each) not in taken]
            if lists[name] and rng.random() < 0.6:
                gone = lists[name].pop(rng.randrange(len(lists[name])))
                if rng.random() < 0.4:
                    lists[rng.choice(sorted(lists))].append(gone)
            elif free:
                lists[name].append(rng.choice(free))
        changed = {
            name: {
                **given,
                "ids": tuple(lists[name]),
                **(self._policy(name, sorted(program)) if rng.random() < 0.3 else {}),
            }
            for name, given in program.items()
        }
        name = rng.choice(sorted(changed))
        if rng.random() < 0.08:
            changed = _renamed(changed, name)
        elif rng.random() < 0.08 and name in {"web", "web2", "beta"} and not self.tame:
            changed[name] = {**changed[name], "group": rng.choice(["g-web", "g-beta"])}
            changed[name].pop("exclusive", None)
        if len(changed) > 1 and rng.random() < 0.1:
            del changed[rng.choice(sorted(changed))]
        return changed

    def _step(self, program: dict[str, dict[str, Any]]) -> Step:
        rng = self.rng
        do = rng.choices(
            ["up", "refresh", "destroy", "preview", "wait", "import"],
            [70, 12, 4, 4, 10, 0 if self.tame else 3],
        )[0]
        step = Step(
            do,
            program,
            seconds=rng.choice([1.0, 8.0, 50.0]) if do == "wait" else 0.0,
            pause=rng.choice([0.0, 0.0, 0.3, 4.0]) if do == "up" else 0.0,
        )
        if rng.random() < 0.05:
            name = rng.choice(sorted(program))
            # The engine lets a replaced one go last of all, too late for who waits for its instances.
            step = step if self.tame else replace(step, replaced=(name,))
        if self.tame:
            rules = tuple(self._tame_rule() for _ in range(rng.choice([0, 0, 1, 2])))
            faults = tuple(self._tame_fault() for _ in range(rng.choice([0, 0, 1]))) if do == "up" else ()
            # Five failures in a row are more than a preview waits for, and it says so.
            faults = () if rules else faults
            return replace(step, rules=rules, faults=faults)
        return replace(
            step,
            events=tuple(self._event() for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))),
            rules=tuple(self._rule() for _ in range(rng.choice([0, 0, 1, 1, 2]))),
            faults=tuple(self._fault() for _ in range(rng.choice([0, 0, 1, 1, 2]))) if do == "up" else (),
            stop=self._stop() if rng.random() < 0.08 else None,
            on_cancel=rng.choice(["detach", "abort"]),
        )

    def _stop(self) -> tuple[float, str]:
        return round(self.rng.uniform(0.0, 40.0), 1), self.rng.choice([ENGINE_GONE, CANCELLED])

    def _event(self) -> tuple[float, str, dict[str, Any]]:
        rng = self.rng
        name = rng.choice(INSTANCES)
        group = rng.choice(["g-web", "g-beta", "g-other"])
        actions: list[tuple[str, dict[str, Any]]] = [
            ("join", {"group": group, "instance": name}),
            ("join", {"group": group, "instance": name, "order": True, "duration": "seconds:15"}),
            ("leave", {"instance": name}),
            ("leave", {"instance": name, "order": True, "duration": "seconds:15"}),
            ("move", {"instance": name, "group": group}),
            ("offline", {"instance": name}),
            ("online", {"instance": name}),
            (
                "set_state",
                {
                    "instance": name,
                    "app_state": rng.choice([1, 3, 7]),
                    "task_state": rng.choice([2, 3]),
                },
            ),
            (
                "set_start",
                {"instance": name, "app_state": rng.choice([1, 3]), "task_state": rng.choice([2, 3])},
            ),
            ("start_order", {"group": group, "duration": rng.choice(["seconds:10", "seconds:70"])}),
            ("start_order", {"group": group, "kind": "start", "duration": "seconds:10"}),
            ("start_order", {"group": group, "duration": "seconds:10", "held": True}),
            ("hold_order", {"application": rng.choice([SHOP, SHOP, OTHER])}),
            ("abort_order", {"application": rng.choice([SHOP, SHOP, OTHER])}),
            ("confirm_order", {"application": rng.choice([SHOP, SHOP, OTHER])}),
            ("remove_instance", {"instance": name}),
            ("delete_group", {"group": "g-beta"}),
            ("delete_application", {"application": OTHER}),
        ]
        rare = 3 if rng.random() < 0.1 else 0
        action, args = rng.choice(actions[-rare:] if rare else actions[:-3])
        return round(rng.uniform(0.0, 60.0) ** rng.choice([0.5, 1.0]), 1), action, args

    def _place(self) -> dict[str, Any]:
        """Return which calls a rule is for."""
        operation = self.rng.choice(OPERATIONS)
        return {
            "operation": operation,
            "first": self.rng.randint(1, 4),
            "times": self.rng.choice([1, 1, 2, 4]),
        }

    def _order(self) -> dict[str, Any]:
        """Return which change orders a rule is for."""
        kind = self.rng.choice(["scale_out", "scale_in"])
        return {"operation": kind, "effect": "order", "first": self.rng.choice([1, 1, 2])}

    def _tame_rule(self) -> dict[str, Any]:
        """Return a rule that no operation may fail of."""
        rng = self.rng
        place, order = self._place(), self._order()
        slow = {**place, "effect": "delay", "seconds": rng.choice([1, 8])}
        if slow["seconds"] > 1:
            slow["times"] = (
                1  # a preview does not ask a third time, and is right to say that it could not look
            )
        return rng.choice(
            [
                {**place, "effect": "throttle"},
                {**place, "effect": "throttle", "retry_after_ms": 3000},
                slow,
                {
                    **place,
                    "operation": rng.choice(READS),
                    "effect": "error",
                    "status": rng.choice([500, 502, 503]),
                },
                {**place, "operation": rng.choice(READS), "effect": "reset"},
                {**place, "operation": rng.choice(READS), "effect": "body", "status": 502, "body": "<html>"},
                {**order, "flips": rng.choice(["seconds:3", "seconds:9"])},
                {**order, "batches": 2, "batch_wait": "seconds:6"},
                {**order, "phases": list(UNDOCUMENTED_PHASES)},
            ]
        )

    def _rule(self) -> dict[str, Any]:
        rng = self.rng
        place, order = self._place(), self._order()
        body = rng.choice(["null", "[]", "<html>", "", "{}"])
        return rng.choice(
            [
                self._tame_rule(),
                {**place, "effect": "error", "status": rng.choice([500, 502, 503])},
                {**place, "effect": "error", "status": 200, "code": rng.choice(["601", "403", "404"])},
                {**place, "effect": "reset", "when": "before"},
                {**place, "effect": "reset", "when": "after", "times": 1},
                {**place, "effect": "error", "status": 500, "when": "after", "times": 1},
                {**place, "effect": "body", "status": rng.choice([200, 502]), "body": body},
                {**place, "effect": "body", "status": 200, "body": "{}", "when": "after", "times": 1},
                {**order, "end": rng.choice([3, 6, 7, 10])},
                {**order, "error": "EDAS-10001", "instance": rng.choice(INSTANCES)},
                {**order, "batches": 2, "held": True},
            ]
        )

    def _tame_fault(self) -> Fault:
        rng = self.rng
        write = rng.choice(["ScaleOutApplication", "ScaleInApplication"])
        return rng.choice(
            [
                Fault("not_sent", rng.choice(["", write]), nth=rng.randint(1, 10), times=rng.choice([1, 3])),
                Fault("lost_before", write),
                Fault("lost_after", write),
                Fault("late", write, seconds=rng.choice([0.2, 3.0, 20.0])),
                Fault("late", write, seconds=rng.uniform(0.0, 25.0)),
            ]
        )

    def _fault(self) -> Fault:
        rng = self.rng
        write = rng.choice(["ScaleOutApplication", "ScaleInApplication"])
        return rng.choice(
            [
                self._tame_fault(),
                Fault("kill_before", nth=rng.randint(1, 40)),
                Fault("kill_after", nth=rng.randint(1, 40)),
                Fault("kill_before", write, nth=rng.randint(1, 2)),
                Fault("kill_after", write, nth=rng.randint(1, 2)),
            ]
        )


# -- shortening --------------------------------------------------------------------------------------------------


def _renamed(program: Mapping[str, dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """Return the program with one resource under its other name."""
    other = name.removesuffix("-new") if name.endswith("-new") else f"{name}-new"
    return {other if each == name else each: given for each, given in program.items()}


def shorten(history: History, *, tries: int = 200) -> History:
    """Return a shorter history that still breaks the same law in the same way, as far as so many tries find one."""
    best = history
    wanted = _kinds(play(history).broken)
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for candidate in _simpler(best):
            left -= 1
            if left <= 0:
                break
            if _kinds(play(candidate).broken) & wanted:
                best, progress = candidate, True
                break
    return best


def _kinds(broken: list[str]) -> set[str]:
    """Return what was broken, without who and when; only the first, the others follow from it."""
    return {re.sub(r"[\d.]+|\b(web|beta|other|ecu-|i-)\w*", "", each)[:60] for each in broken[:1]}


def _simpler(history: History) -> Iterator[History]:
    for index in range(len(history.steps)):
        if len(history.steps) > 1:
            yield replace(history, steps=_less(history.steps, index))
    for name in history.switches:
        yield replace(
            history, switches={key: value for key, value in history.switches.items() if key != name}
        )
    if history.undeployed:
        yield replace(history, undeployed=False)
    for index, step in enumerate(history.steps):
        for simpler in _simpler_step(step):
            yield replace(history, steps=(*history.steps[:index], simpler, *history.steps[index + 1 :]))
    for group in history.members:
        for index in range(len(history.members[group])):
            yield replace(history, members={**history.members, group: _less(history.members[group], index)})


def _simpler_step(step: Step) -> Iterator[Step]:
    for index in range(len(step.events)):
        yield replace(step, events=_less(step.events, index))
    for index in range(len(step.rules)):
        yield replace(step, rules=_less(step.rules, index))
    for index in range(len(step.faults)):
        yield replace(step, faults=_less(step.faults, index))
    if step.stop is not None or step.replaced or step.pause:
        yield replace(step, stop=None, replaced=(), pause=0.0)
    for program in _simpler_programs(step.program):
        yield replace(step, program=program)


def _simpler_programs(program: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Mapping[str, Any]]]:
    for name, given in program.items():
        if len(program) > 1:
            yield {key: value for key, value in program.items() if key != name}
        for key in sorted(given.keys() - {"ids"}):
            yield {**program, name: {k: v for k, v in given.items() if k != key}}
        for index in range(len(given["ids"])):
            yield {**program, name: {**given, "ids": _less(given["ids"], index)}}


def _less(items: Any, index: int) -> Any:  # noqa: ANN401 - a tuple of anything
    return (*items[:index], *items[index + 1 :])
