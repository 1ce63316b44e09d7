from __future__ import annotations

from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.emulator.inputs import InputError
from tests.unit.emulator.simulated import BETA, DEFAULT, SHOP, Simulation

Step: TypeAlias = tuple[str, str, float]

LETTERS = st.sampled_from("abcdefg")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["out", "in", "force", "read", "recent", "abort", "offline", "online", "move", "leave"]
        ),
        LETTERS,
        st.floats(min_value=0, max_value=20),
    ),
    max_size=30,
)


def _play(steps: list[Step], switches: dict[str, object]) -> list[bytes]:
    """Play a history and return every answer, byte for byte."""
    edas = Simulation(**switches)
    edas.rule(effect="order", instance="i-c", error="EDAS-10001", times=2)
    answers = [_step(edas, action, f"i-{letter}", wait) for action, letter, wait in steps]
    edas.later(10_000)
    return [*answers, edas.respond("QueryApplicationStatus", AppId=SHOP).body]


def _step(edas: Simulation, action: str, instance: str, wait: float) -> bytes:
    edas.later(wait)
    ecu = instance.replace("i-", "ecu-")
    application = edas.world.owner_of(ecu)
    ecc = edas.ecc(instance) if application else "none"
    last = next(reversed(edas.world.orders), "none")
    calls = {
        "out": ("ScaleOutApplication", {"AppId": SHOP, "DeployGroup": BETA, "EcuInfo": ecu}),
        "in": ("ScaleInApplication", {"AppId": SHOP, "EccInfo": ecc}),
        "force": ("ScaleInApplication", {"AppId": SHOP, "EccInfo": ecc, "ForceStatus": "true"}),
        "read": ("GetChangeOrderInfo", {"ChangeOrderId": last}),
        "recent": ("ListRecentChangeOrder", {"AppId": SHOP}),
        "abort": ("AbortChangeOrder", {"ChangeOrderId": last}),
    }
    if action in calls:
        operation, params = calls[action]
        return edas.respond(operation, **params).body
    try:
        edas.act(action, instance=instance, group=DEFAULT)
    except InputError as error:
        return str(error).encode()
    return edas.respond("QueryApplicationStatus", AppId=SHOP).body


SWITCHES = st.fixed_dictionaries(
    {
        "second_order": st.sampled_from(["refused", "queued", "parallel_per_group"]),
        "order_duration": st.sampled_from(["immediate", "polls:2", "seconds:5"]),
        "joiner_visible": st.sampled_from(["early", "end", "late:3"]),
        "failed_joiner": st.sampled_from(["stays", "leaves"]),
        "scale_in_lag": st.sampled_from([0, 4]),
    }
)


@given(steps=STEPS, switches=SWITCHES)
def test_the_same_history_gives_the_same_bytes(steps: list[Step], switches: dict[str, object]) -> None:
    """Two worlds that are asked the same at the same moments answer the same, byte for byte."""
    assert _play(steps, switches) == _play(steps, switches)


@given(steps=STEPS, switches=SWITCHES)
def test_no_history_breaks_the_world(steps: list[Step], switches: dict[str, object]) -> None:
    """One ECU serves one application, and every order ends when time passes."""
    edas = Simulation(**{**switches, "order_duration": "seconds:5"})
    for action, letter, wait in steps:
        _step(edas, action, f"i-{letter}", wait)
        used = [member.ecu_id for app in edas.world.applications.values() for member in app.members.values()]
        assert len(used) == len(set(used))
    edas.later(10_000).listed()
    assert not edas.world.active
    assert all(order.finished_at is not None for order in edas.world.orders.values())
