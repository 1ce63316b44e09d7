"""A stack of one membership behind a front end, and what one run of the engine does with it.

The law of this file: state is kept as the engine keeps it, and what a step did is told in values that can be
compared.  The order of the engine's questions is that of ``life.json``, which a real engine wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.contract.dynamic.host_process import READS_BY_ID
from tests.contract.equivalence.front_ends import BrokenOffError, Diff, RefusedError, State
from tests.contract.equivalence.histories import GROUPS, world
from tests.e2e.world import REGION, SHOP

if TYPE_CHECKING:
    from tests.contract.equivalence.front_ends import FrontEnd, Values
    from tests.contract.equivalence.histories import Step

_WRITES: Final = ("ScaleOutApplication", "ScaleInApplication", "AbortChangeOrder", "ContinuePipeline")

_BY_CHANCE: Final = re.compile(r"RequestId [\w-]+|\d+(\.\d+)? s(econds)?\b")
"""What depends on the number of polls and on the time they took: not on the front end."""


@dataclass
class Stack:
    """A stack with a membership or without.

    Attributes:
        state: what is recorded, None when there is none.
        doomed: what was replaced and is still to be deleted.
        unfinished: whether the last operation left something to do, so that the next run updates without a difference.
    """

    front_end: FrontEnd
    urn: str
    state: State | None = None
    doomed: State | None = None
    unfinished: bool = False
    answers: list[tuple[str, object]] = field(default_factory=list)

    def live(self, step: Step) -> dict[str, object]:
        """Live through a step, and tell everything that must be the same behind every front end."""
        edas = self.front_end.edas
        for action in step.actions:
            try:
                edas.action(
                    action["action"], **{key: value for key, value in action.items() if key != "action"}
                )
            except Exception as error:  # noqa: BLE001  # an action that is impossible here is so for every front end
                self.answers.append(("impossible", str(error)))
        edas.clear_log()
        for rule in step.rules:
            edas.rule(**rule)
        try:
            getattr(self, f"_{step.command}")(step)
        except RefusedError as error:
            self._note("refused", str(error))
        except BrokenOffError as error:
            self._note("broken off", str(error))
            self._note("reasons", error.reasons)
        edas.clear_rules()
        answers, self.answers = self.answers, []
        return {
            "answers": answers,
            "state": self.state,
            "doomed": self.doomed,
            "writes": [_submission(entry) for entry in edas.log() if entry["operation"] in _WRITES],
            "orders": [_order(each) for each in edas.orders(SHOP)],
            "members": {group: _members(edas.members(group, SHOP)) for group in GROUPS},
        }

    def _note(self, what: str, value: object) -> None:
        if isinstance(value, str):
            value = _BY_CHANCE.sub("...", value)
        elif isinstance(value, tuple):
            value = tuple(_BY_CHANCE.sub("...", each) for each in value)
        self.answers.append((what, value))

    # -- commands ------------------------------------------------------------------------------------------------

    def _preview(self, step: Step) -> None:
        self.front_end.begin()
        self._ask(step.inputs, preview=True)

    def _up(self, step: Step) -> None:
        """Preview, and when nothing refuses, do it, in another process."""
        self._preview(step)
        self.front_end.begin()
        if self.doomed is not None:
            self.front_end.delete(self.urn, self.doomed)
            self.doomed = None
        news, diff = self._ask(step.inputs, preview=False)
        if diff is None:
            self._create(news)
        elif diff.replaces:
            self._replace(step.inputs, news, diff)
        elif diff.changes or self.unfinished:
            self._update(news)

    def _refresh(self, step: Step) -> None:
        del step
        if self.state is None:
            return
        self.front_end.begin()
        before = self.state
        self.state = self.front_end.read(self.urn, before)
        if self.state is not None:
            # The engine asks what the refresh changed, with the sides swapped.
            self._note("swapped diff", self.front_end.diff(self.urn, self.state, before.inputs))

    def _destroy(self, step: Step) -> None:
        del step
        self.front_end.begin()
        for each in filter(None, (self.doomed, self.state)):
            self.front_end.delete(self.urn, each)
        self.state = self.doomed = None
        self.unfinished = False

    def _import(self, step: Step) -> None:
        if self.state is not None or not READS_BY_ID:
            return
        self.front_end.begin()
        wanted = State(f"{REGION}/{SHOP}/{step.inputs['groupId']}", {}, {})
        self._note("imported", self.front_end.read(self.urn, wanted))

    # -- what they are made of -----------------------------------------------------------------------------------

    def _ask(self, inputs: Values, *, preview: bool) -> tuple[Values, Diff | None]:
        if self.state is None:
            news = self.front_end.check(self.urn, None, inputs)
            if preview:
                self.front_end.preview_create(self.urn, news)
            self._note("checked", news)
            return news, None
        news = self.front_end.check(self.urn, self.state.inputs, inputs)
        self._note("checked", news)
        diff = self.front_end.diff(self.urn, self.state, news)
        self._note("diff", diff)
        return news, diff

    def _create(self, news: Values) -> None:
        try:
            self.state = self.front_end.create(self.urn, news)
        except BrokenOffError as error:
            self.state, self.unfinished = error.state, True
            raise
        self.unfinished = False

    def _update(self, news: Values) -> None:
        assert self.state is not None
        try:
            self.state = self.front_end.update(self.urn, self.state, news)
        except BrokenOffError as error:
            self._note("inputs of the failure", error.state.inputs)
            self.state = State(error.state.id, self.state.inputs, error.state.outputs)
            self.unfinished = True
            raise
        self.unfinished = False

    def _replace(self, inputs: Values, news: Values, diff: Diff) -> None:
        assert self.state is not None
        old = self.state
        news = self.front_end.check(self.urn, None, inputs)
        if diff.delete_before_replace:
            self.front_end.delete(self.urn, old)
            self.state = None
            self._create(news)
            return
        try:
            self._create(news)
        finally:
            if self.state is not old:
                self.doomed = old
        self.front_end.delete(self.urn, old)
        self.doomed = None


def _submission(entry: Values) -> tuple[object, ...]:
    """Return what was sent and answered, without the numbers of polls and connections."""
    return (
        entry["operation"],
        tuple(sorted(entry["params"].items())),
        entry["executed"],
        entry["status"],
        entry["code"],
    )


def _order(order: Values) -> tuple[object, ...]:
    return (
        order["kind"],
        order["source"],
        order["status"],
        tuple(each["instanceId"] for each in order["instances"]),
    )


def _members(members: list[Values]) -> list[Any]:
    return [(each["instanceId"], each["eccId"], each["appState"], each["taskState"]) for each in members]


def restart(front_end: FrontEnd) -> None:
    """Give a front end a new world."""
    front_end.edas.replace_world(world())
