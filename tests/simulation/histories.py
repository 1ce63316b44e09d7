"""Histories: what a stack, other people and accidents do, as plain data that a person can read.

The law of this file: a history is a literal. ``play`` carries it out and says which laws were broken; its ``repr`` is
Python that ``test_histories.py`` can keep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.emulator.api.wire import DOCUMENTED_LIMITS
from pulumi_edas_scale.emulator.world.world_file import build_world
from tests.simulation.edas import Fault, SimulatedEdas
from tests.simulation.laws import Laws, ecu_of
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.stack import REGION, Outcome, Run, Stack, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHOP: Final = "app-shop"
OTHER: Final = "app-other"
GROUPS: Final = {
    "web": (SHOP, "g-web"),
    "web2": (SHOP, "g-web"),
    "beta": (SHOP, "g-beta"),
    "other": (OTHER, "g-other"),
}
FIRST_WITHOUT: Final = re.compile(r"the first without '([^']+)' in this list, the second with it")
"""What a message says to do about an instance that a membership removed from the program holds."""

INSTANCES: Final = tuple(f"i-{number}" for number in range(10))


@dataclass(frozen=True)
class Step:
    """One thing the history does.

    ``do``: ``up``, ``preview``, ``refresh``, ``import``, ``destroy`` or ``wait``. ``program``: ids and policy by the
    name of the resource; ``group`` moves it to another group, and ``web-new`` is what was ``web`` before it was
    renamed. ``events``: moments in seconds after the beginning, actions and their arguments. ``rules``: of the
    emulator, in force during the step. ``faults``: of this process. ``stop``: seconds after which the stop sign goes
    up, and why. ``pause``: how many seconds the program takes at most before each resource.
    """

    do: str
    program: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    events: tuple[tuple[float, str, Mapping[str, Any]], ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    faults: tuple[Fault, ...] = ()
    stop: tuple[float, str] | None = None
    replaced: tuple[str, ...] = ()
    seconds: float = 0.0
    pause: float = 0.0
    on_cancel: str = "detach"


@dataclass(frozen=True)
class History:
    """A whole history; the seed decides about latencies and about who runs when.

    ``members``: who is in which group before. ``apart``: names of the resources that belong to a second stack, run by
    a process of its own at the same time. ``tame``: nothing happens that excuses a failure, so every operation must
    succeed.
    """

    seed: int
    members: Mapping[str, tuple[str, ...]]
    switches: Mapping[str, Any] = field(default_factory=dict)
    undeployed: bool = False
    apart: tuple[str, ...] = ()
    tame: bool = False
    steps: tuple[Step, ...] = ()


@dataclass
class Report:
    """What came of a history."""

    broken: list[str]
    lines: list[str]
    operations: int = 0
    orders: int = 0
    calls: int = 0


def play(history: History) -> Report:
    """Carry a history out, then heal the world and hold that everything comes right."""
    player = _Player(history)
    try:
        player.play()
    except AssertionError as error:
        player.laws.broken.append(f"{type(error).__name__}: {error}")
    finally:
        player.scheduler.finish()
    return player.report()


class _Player:
    def __init__(self, history: History) -> None:
        self.history = history
        self.scheduler = Scheduler(history.seed)
        world = build_world(_world_file(history), dict(history.switches))
        self.edas = SimulatedEdas(world, self.scheduler)
        self.laws = Laws(self.edas)
        self.edas.auditor = self.laws
        self.stack = Stack(self.edas, self.laws)
        self.second = Stack(self.edas, self.laws)
        self.lines: list[str] = []
        self.runs: list[Run] = []

    def play(self) -> None:
        for number, step in enumerate(self.history.steps):
            self._step(f"{number}-{step.do}", step)
        self._heal()
        for run in self.runs:
            self._judge_budgets(run)

    def report(self) -> Report:
        world = self.edas.world
        calls = sum(len(run.client.begun) for run in self.runs)
        done = sum(len(run.outcomes) for run in self.runs)
        return Report(self.laws.broken, self.lines, done, len(world.orders), calls)

    # -- one step ------------------------------------------------------------------------------------------------

    def _step(self, name: str, step: Step) -> None:
        self._say(f"-- {name} {dict(step.program) or ''} {'; '.join(map(str, step.faults))}")
        for rule in step.rules:
            self.edas.world.rules.add(rule)
        chaos = Process("others")
        for moment, action, args in step.events:
            self.scheduler.spawn(action, chaos, _acting(self, action, args), delay=moment)
        if step.do == "wait":
            self._sleep(step.seconds)
        else:
            self._run_both(name, step)
        chaos.dead = True
        self.edas.world.rules.clear()

    def _run_both(self, name: str, step: Step) -> None:
        """Run a step in the process of each stack, at the same time."""
        theirs = {
            key: value
            for key, value in step.program.items()
            if key.removesuffix("-new") in self.history.apart
        }
        ours = {
            key: value
            for key, value in step.program.items()
            if key.removesuffix("-new") not in self.history.apart
        }
        self.laws.lonely = not self.history.apart
        runs = [self._process(self.stack, name, step)]
        bodies = [self._body(runs[0], replace(step, program=ours))]
        if self.history.apart:
            runs.append(self._process(self.second, f"{name} apart", Step(step.do)))
            bodies.append(self._body(runs[1], replace(step, program=theirs, replaced=())))
        self._sleep(1.0)
        if step.do == "up":
            preview = self._process(self.stack, f"{name} preview", Step("preview"))
            self._finish([preview], [lambda: preview.preview(resources_of(ours))])
            self._sleep(1.0)
        self._finish(runs, bodies, step.stop)
        self.laws.lonely = True
        if self.history.tame and step.do == "up":
            for run, program in zip(runs, (ours, theirs), strict=False):
                self._follow_words(run, program)
        elif self.history.tame:
            for each in (result for run in runs for result in run.outcomes if not result.well):
                self.laws.broke(1, f"{each.urn} {each.kind} failed, and nothing excuses it: {each.error}")

    def _follow_words(self, run: Run, program: Mapping[str, Mapping[str, Any]]) -> None:
        """Do what the failures of a run say, and hold that it works (S62).

        Only one thing excuses a failure: a membership that was removed from the program holds an instance until the
        engine deletes it, last of all.
        """
        failed = {each.urn: str(each.error) for each in run.outcomes if not each.well}
        if not failed:
            return
        held = {
            ecu_of(str(member["ecuId"]))
            for name in run.stack.state.keys() - program.keys()
            for member in _entries(run.stack.state[name].outputs["members"])
        }
        first = dict(program)
        for name, words in failed.items():
            left_out = [each for each in FIRST_WITHOUT.findall(words) if ecu_of(each) in held]
            waits = any(f"{other} gives it up and has not finished" in words for other in failed)
            if not (left_out or waits):
                self.laws.broke(1, f"{name} failed, and nothing excuses it: {words}")
            elif name in first:
                ids = tuple(each for each in first[name]["ids"] if each not in left_out)
                first[name] = {**first[name], "ids": ids}
        for which, part in (("first", first), ("second", program)):
            again = self._run(run.stack, f"{run.process.name}, {which}", Step("up", part))
            for each in (result for result in again.outcomes if not result.well):
                self.laws.broke(1, f"the {which} step that a message names fails: {each.urn}, {each.error}")

    def _run(self, stack: Stack, name: str, step: Step) -> Run:
        """Run a step for one stack alone."""
        run = self._process(stack, name, step)
        self._finish([run], [self._body(run, step)])
        return run

    @staticmethod
    def _body(run: Run, step: Step) -> Callable[[], None]:
        program = resources_of(step.program)
        if step.do == "up":
            return lambda: run.update(program, replaced=frozenset(step.replaced), pause=step.pause)
        if step.do == "preview":
            return lambda: run.preview(program)
        if step.do == "import":
            return lambda: run.import_groups(
                {name: place_of(name, given) for name, given in step.program.items()}
            )
        return run.refresh if step.do == "refresh" else run.destroy

    def _process(self, stack: Stack, name: str, step: Step) -> Run:
        run = Run(stack, name, faults=[replace(fault) for fault in step.faults], on_cancel=step.on_cancel)
        self.runs.append(run)
        return run

    def _finish(
        self, runs: list[Run], bodies: list[Callable[[], None]], stop: tuple[float, str] | None = None
    ) -> None:
        """Let processes run to their end; the stop sign is for the first."""
        engines = [run.spawn(body) for run, body in zip(runs, bodies, strict=True)]
        operator = Process("operator")
        if stop is not None:
            self.scheduler.spawn("stop", operator, lambda: runs[0].stop(stop[1]), delay=stop[0])
        self.scheduler.run(engines)
        operator.dead = True
        for run, engine in zip(runs, engines, strict=True):
            killed = run.process.dead
            run.process.dead = True
            if engine.error is not None:
                raise engine.error
            for each in run.outcomes:
                words = f"{type(each.error).__name__}: {each.error}" if each.error else "ok"
                self._say(f"   {each.urn} {each.kind} {each.seconds:.1f}s {words}")
            if killed:
                self._say(f"   {run.process.name} was killed")
        for line in self.laws.submissions:
            self._say(f"   {line}")
        self.laws.submissions.clear()

    def _judge_budgets(self, run: Run) -> None:
        """Hold that one process keeps to the documented calls in any sixty seconds."""
        by_operation: dict[str, list[float]] = {}
        for moment, operation, _ in run.client.begun:
            by_operation.setdefault(operation, []).append(moment)
        for operation, limit in DOCUMENTED_LIMITS.items():
            moments = by_operation.get(operation, [])
            for index in range(len(moments) - limit):
                if moments[index + limit] - moments[index] < 60.0:
                    self.laws.broke(0, f"{run.process.name}: more than {limit} {operation} in a minute")
                    break

    def _sleep(self, seconds: float) -> None:
        while seconds > 0:
            part = min(seconds, 100.0)
            task = self.scheduler.spawn("pause", Process("pause"), _nothing, delay=part)
            self.scheduler.run([task])
            seconds -= part

    def _say(self, line: str) -> None:
        self.lines.append(f"{self.scheduler.now:9.1f} {line}")

    # -- the end of every history --------------------------------------------------------------------------------

    def _heal(self) -> None:
        """Let the world come to rest: then one program must be reached, stay reached, and go without a trace."""
        world = self.edas.world
        for order in list(world.active.values()):
            self.edas.act("confirm_order", {"order": order.id})
        self._sleep(400.0)
        for order in list(world.active.values()):
            self.edas.act("abort_order", {"order": order.id})
        for name in INSTANCES:
            machine = {"cluster": "cluster-1", "ecuId": ecu_of(name), "ip": address_of(name)}
            self.edas.act("import", {"instance": name, **machine})
            self.edas.act("online", {"instance": name})
            self.edas.act("set_start", {"instance": name, "app_state": 7, "task_state": 2})
        world.switches.update(
            {"last_member_scale_in": "allowed", "max_ids_per_call": 0, "max_group_members": 0}
        )
        self._sleep(100.0)
        stacks = [
            (self.stack, self._last_program(apart=False)),
            (self.second, self._last_program(apart=True)),
        ]
        for stack, _ in stacks:
            self._forget_gone(stack)
        for stack, program in stacks:
            self._converge(stack, {name: _lenient(given, ()) for name, given in program.items()})
        for stack, program in stacks:
            self._converge(stack, {name: _lenient(given, given["ids"]) for name, given in program.items()})
        for stack, _ in stacks:
            self._destroy(stack)

    def _last_program(self, *, apart: bool) -> dict[str, Mapping[str, Any]]:
        """Return what a stack wanted last, less what has no group any more; it must be reachable in the end."""
        ups = [step.program for step in self.history.steps if step.do == "up"]
        last = ups[-1] if ups else {}
        return {
            name: given
            for name, given in last.items()
            if (name.removesuffix("-new") in self.history.apart) == apart
            and self._exists(*place_of(name, given))
        }

    def _forget_gone(self, stack: Stack) -> None:
        """Hold that a refresh forgets the memberships whose group or application is gone, and only those."""
        run = self._run(stack, "refresh", Step("refresh"))
        if not all(each.well for each in run.outcomes):
            self.laws.broke(10, f"a refresh of a world at rest failed: {_errors(run)}")
        for name, recording in stack.state.items():
            if not self._exists(str(recording.outputs["appId"]), str(recording.outputs["groupId"])):
                self.laws.broke(9, f"a refresh keeps {name}, which is gone")

    def _exists(self, app_id: str, group_id: str) -> bool:
        app = self.edas.world.applications.get(app_id)
        return app is not None and group_id in app.groups

    def _converge(self, stack: Stack, program: dict[str, dict[str, Any]]) -> None:
        self._evict_strangers(program)
        self._sleep(60.0)
        for attempt in range(4):
            run = self._run(stack, f"heal {attempt}", Step("up", program))
            if all(each.well for each in run.outcomes):
                break
            self._sleep(60.0)
        else:
            self.laws.broke(7, f"four runs of 'pulumi up' do not reach {program}: {_errors(run)}")
            return
        self._hold_truth(stack, program)
        again = self._run(stack, "again", Step("up", program))
        busy = [each for each in again.outcomes if each.kind != "same" and not _is_late_repair(each, program)]
        writes = [operation for _, operation, _ in again.client.begun if operation.startswith("Scale")]
        if busy or (writes and all(each.kind == "same" for each in again.outcomes)):
            self.laws.broke(1, f"a second run is not empty: {busy} {writes} {again.plans}")

    def _evict_strangers(self, program: Mapping[str, Mapping[str, Any]]) -> None:
        """Free the instances that the program lists and that foreign members hold elsewhere."""
        managed = {
            ecu_of(str(each["ecuId"]))
            for stack in (self.stack, self.second)
            for recording in stack.state.values()
            for each in _entries(recording.outputs.get("members"))
        }
        for name, resource in resources_of(program).items():
            for ecu in listed(resource):
                owner = self.edas.world.owner_of(ecu)
                member = owner.member_on(ecu) if owner else None
                wrong = owner and member and (owner.id, member.group_id) != place_of(name, program[name])
                if wrong and ecu not in managed:
                    self.edas.act("leave", {"instance": ecu})

    def _hold_truth(self, stack: Stack, program: Mapping[str, Mapping[str, Any]]) -> None:
        for name, resource in resources_of(program).items():
            app_id, group_id = place_of(name, program[name])
            members = self.laws.members(app_id, group_id)
            missing = listed(resource) - members.keys()
            recording = stack.state[name]
            written = {each["ecuId"]: each["state"] for each in _entries(recording.outputs["members"])}
            true = {ecu: self.laws.state_word(app_id, member) for ecu, member in members.items()}
            if missing or written != {ecu: true[ecu] for ecu in listed(resource)}:
                self.laws.broke(
                    6, f"{name} wants {sorted(listed(resource))}, records {written}, true: {true}"
                )

    def _destroy(self, stack: Stack) -> None:
        before = {place: frozenset(self.laws.members(*place)) for place in GROUPS.values()}
        own: dict[tuple[str, str], set[str]] = {}
        for recording in stack.state.values():
            place = str(recording.outputs["appId"]), str(recording.outputs["groupId"])
            own.setdefault(place, set()).update(
                str(each["ecuId"]) for each in _entries(recording.outputs["members"])
            )
        run = self._run(stack, "destroy", Step("destroy"))
        if not all(each.well for each in run.outcomes) or stack.state:
            self.laws.broke(9, f"destroy did not succeed: {_errors(run)}")
        for place, members in before.items():
            left = frozenset(self.laws.members(*place))
            if left != members - own.get(place, set()):
                self.laws.broke(4, f"destroy left {sorted(left)} of {sorted(members)} in {place[1]}")


def _acting(player: _Player, action: str, args: Mapping[str, Any]) -> Callable[[], None]:
    def act() -> None:
        done = player.edas.act(action, args)
        player.lines.append(
            f"{player.scheduler.now:9.1f}    others: {action} {dict(args)}{'' if done else ' (cannot)'}"
        )

    return act


def _is_late_repair(result: Outcome, program: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether an update only repaired what a neighbour in its group has shown to be repairable meanwhile."""
    full_names = [place_of(name, given) for name, given in program.items()]
    neighbours = full_names.count(place_of(result.urn, program[result.urn]))
    return result.well and result.repaired and neighbours > 1


def _nothing() -> None:
    """Be there, so that time passes."""


def _errors(run: Run) -> list[str]:
    return [f"{each.urn} {each.kind}: {each.error}" for each in run.outcomes if each.error is not None]


def _entries(value: object) -> list[dict[str, Any]]:
    return list(value) if isinstance(value, list) else []


def address_of(instance_id: str) -> str:
    """Return the private address of an instance."""
    return f"10.0.0.{INSTANCES.index(instance_id) + 1}"


def place_of(name: str, given: Mapping[str, Any]) -> tuple[str, str]:
    """Return application and group of a resource."""
    app_id, group_id = GROUPS[name.removesuffix("-new")]
    return app_id, str(given.get("group", group_id))


def resources_of(program: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, object]]:
    """Return the inputs of each resource of a program: ``ids`` in either spelling, and the policy."""
    return {name: _inputs(name, given) for name, given in program.items()}


def _inputs(name: str, given: Mapping[str, Any]) -> dict[str, object]:
    app_id, group_id = place_of(name, given)
    ids = given["ids"]
    inputs: dict[str, object] = {
        "regionId": REGION,
        "appId": app_id,
        "groupId": group_id,
        "instanceIds": [each for each in ids if each.startswith("i-")],
    }
    ecus = [each for each in ids if each.startswith("ecu-")]
    if ecus:
        inputs["ecuIds"] = ecus
    return inputs | {key: value for key, value in given.items() if key not in {"ids", "group"}}


def _world_file(history: History) -> dict[str, Any]:
    def group(name: str, group_id: str) -> dict[str, Any]:
        return {
            "id": group_id,
            "name": name,
            "deployed": not (history.undeployed and group_id == "g-beta"),
            "members": list(history.members.get(group_id, ())),
        }

    machines = [{"instanceId": name, "ecuId": ecu_of(name), "ip": address_of(name)} for name in INSTANCES]
    return {
        "region": REGION,
        "accessKeys": [{"id": "key", "secret": "secret"}],
        "clusters": [{"id": "cluster-1", "name": "ecs", "type": 2, "ecus": machines}],
        "applications": [
            {
                "id": SHOP,
                "name": "shop",
                "cluster": "ecs",
                "groups": [group("_DEFAULT_GROUP", "g-web"), group("beta", "g-beta")],
            },
            {"id": OTHER, "name": "other", "cluster": "ecs", "groups": [group("_DEFAULT_GROUP", "g-other")]},
        ],
    }


def _lenient(given: Mapping[str, Any], ids: tuple[str, ...]) -> dict[str, Any]:
    """Return a resource in its place with nothing that forbids it to come right."""
    place = {"group": given["group"]} if "group" in given else {}
    return {"ids": ids, **place, **LENIENT}


LENIENT: Final = {"minRunning": 0, "joinTimeoutSeconds": 300, "timeoutSeconds": 3600}
