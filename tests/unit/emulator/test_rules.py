from __future__ import annotations

import pytest

from pulumi_edas_scale.emulator.inputs import InputError
from tests.unit.emulator.simulated import BETA, DEFAULT, SHOP, Simulation


def test_throttling_is_answered_before_anything_is_done() -> None:
    """The gateway's answer, with the waiting time in a header when the rule gives one."""
    edas = Simulation()
    edas.rule(operation="ScaleOutApplication", effect="throttle", retry_after_ms=250)
    answer = edas.respond("ScaleOutApplication", AppId=SHOP, DeployGroup=BETA, EcuInfo="ecu-c")
    assert (answer.status, answer.json()["Code"]) == (400, "Throttling.User")
    assert answer.headers["x-acs-retry-after"] == "250"
    assert not edas.world.orders
    assert edas.world.log[-1]["executed"] is False
    assert edas.scale_out("i-c")["Code"] == 200, "a rule acts once unless it says otherwise"


def test_an_answer_lost_after_the_call_was_executed() -> None:
    """The order is there although the caller sees a broken connection; the log tells both."""
    edas = Simulation()
    rule = edas.rule(operation="ScaleOutApplication", effect="reset", when="after")
    answer = edas.respond("ScaleOutApplication", AppId=SHOP, DeployGroup=BETA, EcuInfo="ecu-c")
    assert answer.reset
    assert list(edas.world.orders) == [edas.world.log[-1]["changeOrderId"]]
    assert edas.world.log[-1]["executed"] is True
    assert edas.world.log[-1]["code"] == "reset"
    assert edas.world.log[-1]["rules"] == [rule]


def test_a_connection_lost_before_the_call_was_executed() -> None:
    """Nothing has happened, and the caller cannot know."""
    edas = Simulation()
    edas.rule(operation="ScaleOutApplication", effect="reset", when="before")
    assert edas.respond("ScaleOutApplication", AppId=SHOP, DeployGroup=BETA, EcuInfo="ecu-c").reset
    assert not edas.world.orders


@pytest.mark.parametrize(
    ("status", "code", "body_code"),
    [
        (200, "403", 403),
        (200, "NoNumber", 601),
        (403, "Forbidden.RAM", "Forbidden.RAM"),
        (503, "ServiceUnavailable", "ServiceUnavailable"),
        (600, "Edas.errorcode.X", "Edas.errorcode.X"),
    ],
)
def test_an_error_of_any_status(status: int, code: str, body_code: object) -> None:
    """With status 200 it is EDAS's own failure and the Code a number, otherwise the gateway's."""
    edas = Simulation()
    edas.rule(effect="error", status=status, code=code, message="because")
    answer = edas.respond("QueryApplicationStatus", AppId=SHOP)
    assert answer.status == status
    assert answer.json()["Code"] == body_code
    assert answer.json()["Message"] == "because"


@pytest.mark.parametrize("body", ["null", "[]", "", "<html>502</html>", '{"Code":200,"AppInfo":"x"}'])
def test_a_body_verbatim(body: str) -> None:
    """Whatever the rule says is what the caller reads."""
    edas = Simulation()
    edas.rule(effect="body", status=502, body=body, content_type="text/html")
    answer = edas.respond("QueryApplicationStatus", AppId=SHOP)
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (502, body.encode(), "text/html")


def test_a_delay_is_told_to_the_caller() -> None:
    """Without HTTP the caller carries it out; the call is executed, and other rules still act."""
    edas = Simulation()
    edas.rule(effect="delay", seconds=3)
    edas.rule(effect="delay", seconds=4, when="after")
    edas.rule(effect="throttle")
    answer = edas.respond("ListCluster")
    assert (answer.delay, answer.status) == (7.0, 400)


def test_a_rule_acts_from_the_nth_meeting_for_some_times() -> None:
    """`first` and `times` count the calls it matches, and only those."""
    edas = Simulation()
    edas.rule(operation=["ListCluster", "GetCluster"], effect="throttle", first=2, times=2)
    codes = [edas.respond("ListCluster").status for _ in range(5)]
    assert codes == [200, 400, 400, 200, 200]
    (shown,) = edas.world.rules.as_json()
    assert (shown["met"], shown["spent"]) == (5, True)
    edas.rule(operation="ListDeployGroup", effect="throttle", times=None)
    assert {edas.respond("ListDeployGroup", AppId=SHOP).status for _ in range(5)} == {400}


@pytest.mark.parametrize(
    ("condition", "hit"),
    [
        ({"instance": "i-c"}, True),
        ({"instance": "ecu-c"}, True),
        ({"instance": "i-d"}, False),
        ({"application": "shop"}, True),
        ({"application": SHOP}, True),
        ({"application": "other"}, False),
        ({"group": "beta"}, True),
        ({"group": BETA}, True),
        ({"group": DEFAULT}, False),
        ({"operation": "ScaleInApplication"}, False),
        ({"order": "c0de"}, False),
    ],
)
def test_a_rule_meets_only_what_it_names(condition: dict[str, str], *, hit: bool) -> None:
    """Instances, applications and groups are matched by any of their ids and names."""
    for effect in ("throttle", "order"):
        if effect == "order" and "order" in condition:
            continue
        edas = Simulation()
        edas.rule(effect=effect, **({"end": 10} if effect == "order" else {}), **condition)
        answer = edas.scale_out("i-c")
        met = answer["Code"] == "Throttling.User" if effect == "throttle" else edas.finished(answer) == 10
        assert met is hit


def test_a_rule_meets_a_scale_in_by_its_members() -> None:
    """The ECC ids of the call lead to the instance and to the group."""
    for condition in ({"instance": "i-a"}, {"group": "_DEFAULT_GROUP"}):
        edas = Simulation()
        edas.rule(effect="throttle", **condition)
        assert edas.scale_in("i-a")["Code"] == "Throttling.User"


def test_a_rule_meets_the_reads_of_one_order() -> None:
    """An order is met by its id, its application, its group and its instances."""
    for name in ("order", "application", "group", "instance"):
        edas = Simulation()
        order = edas.scale_out("i-c")["ChangeOrderId"]
        value = {"order": order, "application": "shop", "group": "beta", "instance": "i-c"}[name]
        edas.rule(effect="throttle", operation="GetChangeOrderInfo", **{name: value})
        assert edas.call("GetChangeOrderInfo", ChangeOrderId=order)["Code"] == "Throttling.User"


def test_order_rules_of_several_instances_add_up() -> None:
    """Each names an instance and how its task fails."""
    edas = Simulation()
    edas.rule(effect="order", instance="i-c", error="EDAS-10001")
    edas.rule(effect="order", instance="i-d", error="EDAS-10016")
    answer = edas.scale_out("i-c", "i-d", "i-e")
    assert edas.finished(answer) == 3
    targets = edas.world.orders[answer["ChangeOrderId"]].targets
    assert [target.error for target in targets] == [
        "EDAS-10001 STAR_AGENT_OFFLINE",
        "EDAS-10016 JAVA_PROCESS_ROOT",
        "",
    ]


def test_order_rules_meet_the_operation_that_made_the_order() -> None:
    """A rule for ScaleInApplication leaves scale outs alone."""
    edas = Simulation()
    edas.rule(effect="order", operation="ScaleInApplication", end=3)
    assert edas.finished(edas.scale_out("i-c")) == 2
    assert edas.finished(edas.scale_in("i-a")) == 3


def test_a_rule_sets_the_duration_of_one_order() -> None:
    """The next order is as the switch says again."""
    edas = Simulation()
    edas.rule(effect="order", duration="seconds:100")
    first = edas.scale_out("i-c")["ChangeOrderId"]
    assert edas.later(99).status(first) == 1
    assert edas.later(1).status(first) == 2
    second = edas.scale_out("i-d")["ChangeOrderId"]
    assert edas.later(10).status(second) == 2


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {},
            "rule.effect: must be one of throttle, error, body, reset, delay, pause, trickle, order, got None",
        ),
        ({"effect": "throttle", "operatoin": "X"}, "rule.operatoin: no such key; known are application,"),
        ({"effect": "throttle", "when": "during"}, "rule.when: must be before or after, got 'during'"),
        ({"effect": "throttle", "first": 0}, "rule.first: must be a whole number of at least 1, got 0"),
        ({"effect": "throttle", "times": 0}, "rule.times: must be a whole number of at least 1, got 0"),
        (
            {"effect": "throttle", "operation": [1]},
            "rule.operation: must be the name of an operation or a list",
        ),
        ({"effect": "throttle", "group": 7}, "rule.group: must be a string that is not empty, got 7"),
        (
            {"effect": "delay", "seconds": -1},
            "rule.seconds: must be a number of seconds from 0 to 3600, got -1",
        ),
        (
            {"effect": "trickle", "part": "tail"},
            "rule.part: must be one of body, headers, continue, endless,",
        ),
        ({"effect": "error", "status": 99}, "rule.status: must be a whole number from 200 to 999, got 99"),
        ({"effect": "body", "content_type": "a\r\nb: c"}, "rule.content_type: must be printable ASCII, got"),
        (
            {"effect": "order", "duration": "soon"},
            "rule.duration: must be 'immediate', 'polls:N', 'seconds:X'",
        ),
        (
            {"effect": "order", "instances": ["i-a"]},
            "rule.instances: must be an object, got list",
        ),
        (
            {"effect": "order", "instances": {"i-a": 1}},
            "rule.instances.i-a: must be an error code or an object",
        ),
        (
            {"effect": "order", "instances": {"i-a": {"app_state": 2}}},
            "rule.instances.i-a: 2 is not a valid AppState",
        ),
        ({"effect": "order", "phases": {}}, "rule.phases: must be a list of objects"),
        ({"effect": "order", "phases": [{}]}, "rule.phases[0].status: must be a whole number of at least 0"),
        ({"effect": "order", "batches": 0}, "rule.batches: must be a whole number from 1 to 1000, got 0"),
        (
            {"effect": "order", "batches": 10**12},
            "rule.batches: must be a whole number from 1 to 1000, got 1000",
        ),
    ],
)
def test_a_wrong_rule_is_refused(rule: dict[str, object], message: str) -> None:
    """The message names the key and what it takes."""
    with pytest.raises(InputError) as caught:
        Simulation().rule(**rule)
    assert str(caught.value).startswith(message)


def test_rules_can_be_removed() -> None:
    """One by its id, or all."""
    edas = Simulation()
    first = edas.rule(effect="throttle", times=None)
    assert edas.world.rules.remove(first)
    assert not edas.world.rules.remove(first)
    edas.rule(effect="throttle", times=None)
    edas.world.rules.clear()
    assert edas.respond("ListCluster").status == 200
