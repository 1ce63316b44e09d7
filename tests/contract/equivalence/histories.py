"""Histories: what a program asks for, what others do, and what goes wrong, drawn by Hypothesis.

The law of this file: a step says only what happens; every front end lives through the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from tests.e2e.world import BETA, GAMMA, REGION, SHOP, scenario_world

MACHINES: Final = tuple(f"i-{letter}" for letter in "abcdef")
GROUPS: Final = (BETA, GAMMA)
NOT_THERE: Final = "i-notthere"

Values = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step of a history.

    Attributes:
        command: ``up``, ``preview``, ``refresh``, ``destroy`` or ``import``.
        inputs: what the program says (``up``, ``preview``).
        actions: what others did before it.
        rules: what goes wrong during it.
    """

    command: str
    inputs: Values = field(default_factory=dict)
    actions: tuple[Values, ...] = ()
    rules: tuple[Values, ...] = ()


def world() -> Values:
    """Return the world in which a history begins: orders end while they are looked at."""
    return {**scenario_world(), "switches": {"order_duration": "polls:1"}}


_lists = st.lists(st.sampled_from(MACHINES), max_size=5, unique=True)
_strange_lists = st.lists(st.sampled_from((*MACHINES[:3], NOT_THERE, "no-id", "i-l")), max_size=3)

_policies = st.fixed_dictionaries(
    {},
    optional={
        "exclusive": st.booleans(),
        "minRunning": st.integers(0, 3),
        "maxRemovals": st.integers(0, 2),
        "batchSize": st.integers(1, 3),
        "waitFor": st.sampled_from(("running", "order")),
        "forceScaleIn": st.sampled_from(("never", "offline")),
        "onDelete": st.sampled_from(("scaleIn", "retain")),
    },
)

_good_members = st.fixed_dictionaries(
    {"instanceIds": st.lists(st.sampled_from(MACHINES), min_size=1, max_size=5, unique=True)}
)
_odd_members: st.SearchStrategy[Values] = st.one_of(
    st.fixed_dictionaries({"instanceIds": _strange_lists}),
    st.fixed_dictionaries({"ecuIds": st.lists(st.sampled_from(("ecu-a", "ecu-b", "ecu-c")), unique=True)}),
    st.fixed_dictionaries({"instanceIds": _lists, "ecuIds": st.just(["ecu-f"])}),
    st.fixed_dictionaries({}),
)


def _rarely(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 5).flatmap(lambda number: odd if number == 5 else usual)  # one in six


def _program(
    members: st.SearchStrategy[Values], policy: st.SearchStrategy[Values]
) -> st.SearchStrategy[Values]:
    group = _rarely(st.just(BETA), st.sampled_from((GAMMA, GAMMA, "no-such-group")))
    return st.builds(
        # Nobody comes later in a history: waiting would only take time. Orders that are held find a person.
        lambda listed, asked, owner: {
            "regionId": REGION,
            "appId": SHOP,
            "groupId": owner,
            "joinTimeoutSeconds": 5,
            "confirmBatches": True,
            **listed,
            **asked,
        },
        members,
        policy,
        group,
    )


_inputs = _program(_rarely(_good_members, _odd_members), _rarely(st.just({}), _policies) | _policies)


def _action(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Values]:
    return st.fixed_dictionaries({"action": st.just(name), **arguments})


_machine = st.sampled_from(MACHINES)
_group = st.sampled_from(GROUPS)
_actions = st.one_of(
    _action("join", instance=_machine, group=_group, application=st.just(SHOP)),
    _action("leave", instance=_machine),
    _action("move", instance=_machine, group=_group),
    _action("offline", instance=_machine),
    _action("online", instance=_machine),
    _action(
        "set_state",
        instance=_machine,
        app_state=st.sampled_from((0, 1, 7)),
        task_state=st.sampled_from((2, 3)),
    ),
    _action("remove_instance", instance=_machine),
)

_WRITES: Final = ("ScaleOutApplication", "ScaleInApplication")
_READS: Final = ("QueryApplicationStatus", "ListRecentChangeOrder", "GetChangeOrderInfo", "ListScaleOutEcu")
_writes = st.sampled_from(_WRITES)


def _rule(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Values]:
    return st.fixed_dictionaries(dict(keys))


_rules = st.one_of(
    # an order that fails, for all or for one
    _rule(effect=st.just("order"), operation=_writes, end=st.sampled_from((3, 6, 7, 10))),
    _rule(
        effect=st.just("order"),
        operation=st.just("ScaleOutApplication"),
        instances=st.dictionaries(
            _machine, st.sampled_from(("EDAS-10001", "EDAS-10010")), min_size=1, max_size=2
        ),
    ),
    # one that waits for a person, who comes
    _rule(effect=st.just("order"), operation=_writes, held=st.just(value=True)),
    # a submission that is answered by an error
    _rule(
        effect=st.just("error"), operation=_writes, status=st.just(200), code=st.sampled_from((400, 403, 601))
    ),
    _rule(effect=st.just("error"), operation=_writes, status=st.just(500), code=st.just("InternalError")),
    # a lost answer
    _rule(effect=st.just("reset"), operation=_writes, when=st.sampled_from(("before", "after"))),
    _rule(effect=st.just("body"), operation=_writes, body=st.just("null"), when=st.just("after")),
    # limits, and a gateway that stumbles
    _rule(effect=st.just("throttle"), operation=st.sampled_from((*_WRITES, *_READS))),
    _rule(effect=st.just("reset"), operation=st.sampled_from(_READS)),
)

_more_actions = st.just(()) | st.lists(_actions, min_size=1, max_size=2).map(tuple)
_more_rules = st.just(()) | st.lists(_rules, min_size=1, max_size=2).map(tuple)
_fault = st.lists(_rules, min_size=1, max_size=2).map(tuple)

_steps = st.one_of(
    st.builds(Step, st.just("up"), _inputs, _more_actions, _more_rules),
    st.builds(Step, st.just("up"), _inputs, st.just(()), _fault),
    st.builds(Step, st.just("up"), _inputs, _more_actions),
    st.builds(Step, st.just("preview"), _inputs, _more_actions),
    st.builds(Step, st.just("refresh"), st.just({}), _more_actions, _more_rules),
    st.builds(Step, st.just("destroy"), st.just({}), _more_actions, _more_rules),
    st.builds(Step, st.just("import"), st.just({"groupId": BETA}), _more_actions),
)
_beginning = st.builds(Step, st.just("up"), _program(_good_members, st.just({})), st.just(()), _more_rules)
histories = st.builds(
    lambda first, more: [first, *more], _beginning, st.lists(_steps, min_size=2, max_size=6)
)

_scope = {"regionId": REGION, "appId": SHOP, "groupId": BETA}
FAILED_THEN_REFRESHED: Final = [
    Step("up", {**_scope, "instanceIds": ["i-a"]}),
    Step(
        "up",
        {**_scope, "instanceIds": ["i-a", "i-b"]},
        rules=({"effect": "order", "operation": "ScaleOutApplication", "end": 3},),
    ),
    Step("refresh"),
]
"""A refresh with work left: the engine's diff, sides swapped, must announce nothing."""
