from __future__ import annotations

import pytest

from pulumi_edas_scale.emulator.world.durations import IMMEDIATE
from pulumi_edas_scale.emulator.world.entities import OrderKind
from pulumi_edas_scale.emulator.world.progress import MAX_ORDERS, open_order
from pulumi_edas_scale.emulator.world.scripts import OrderScript
from tests.unit.emulator.simulated import DEFAULT, SHOP, Simulation

AT_ONCE = OrderScript(duration=IMMEDIATE)

RUNNING, STARTING, STOPPED, FAILED = (7, 2), (1, 1), (1, 2), (1, 3)


def test_scale_out_starts_every_instance_when_its_order_is_over() -> None:
    """Joiners are listed as starting while the order runs, and run once it has succeeded."""
    edas = Simulation()
    order = edas.scale_out("i-c", "i-d")["ChangeOrderId"]

    assert edas.status(order) == 1
    assert edas.listed()["ecu-c"] == STARTING
    assert edas.later(9.9).status(order) == 1
    assert edas.later(0.1).status(order) == 2
    assert edas.listed() == {f"ecu-{letter}": RUNNING for letter in "abcd"}


def test_scale_in_removes_members_when_its_order_is_over() -> None:
    """A leaver is stopped first and listed until the order has succeeded; then its ECU is free."""
    edas = Simulation()
    order = edas.scale_in("i-a")["ChangeOrderId"]

    assert edas.listed()["ecu-a"] == (1, 1)
    assert edas.later(10).status(order) == 2
    assert set(edas.listed()) == {"ecu-b"}
    free = edas.call("ListScaleOutEcu", AppId=SHOP)["EcuInfoList"]["EcuInfo"]
    assert "ecu-a" in {ecu["EcuId"] for ecu in free}


def test_forced_scale_in_has_no_order() -> None:
    """ForceStatus in any spelling removes the member at once and answers without a ChangeOrderId."""
    for spelling in ("True", "true", "TRUE"):
        edas = Simulation()
        assert edas.scale_in("i-a", ForceStatus=spelling) == {"Code": 200, "Message": "success"}
        assert set(edas.listed()) == {"ecu-b"}
        assert edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]["ChangeOrder"] == []


def test_scale_in_of_an_offline_member_needs_force() -> None:
    """The order of a normal scale in fails for a member whose agent is off; a forced one removes it."""
    edas = Simulation()
    edas.act("offline", instance="i-a")

    assert edas.finished(edas.scale_in("i-a")) == 3
    assert edas.listed()["ecu-a"] == (0, 3)
    assert edas.scale_in("i-a", ForceStatus="true")["Code"] == 200
    assert set(edas.listed()) == {"ecu-b"}


def test_an_offline_instance_fails_its_task() -> None:
    """The order fails for the instance whose agent is off, names it by address, and the others join."""
    edas = Simulation()
    answer = edas.scale_out("i-c", "i-off")

    assert edas.finished(answer) == 3
    assert edas.listed()["ecu-c"] == RUNNING
    assert edas.listed()["ecu-off"] == (0, 3)
    order = edas.call("GetChangeOrderInfo", ChangeOrderId=answer["ChangeOrderId"])["changeOrderInfo"]
    pipeline = order["PipelineInfoList"]["PipelineInfo"][0]
    instances = pipeline["StageList"]["StageInfoDTO"][0]["StageResultDTO"]["InstanceDTOList"]["InstanceDTO"]
    tasks = pipeline["StageDetailList"]["StageDetailDTO"][0]["TaskList"]["TaskInfoDTO"]
    assert [instance["Status"] for instance in instances] == [2, 3]
    message = instances[1]["InstanceStageDTOList"]["InstanceStageDTO"][0]["StageMessage"]
    assert message == "EDAS-10001 STAR_AGENT_OFFLINE"
    assert instances[1]["InstanceIp"] == edas.true_member("i-off")["ip"]
    assert [task["TaskErrorCode"] for task in tasks] == ["", "EDAS-10001"]
    assert "ecu-" not in str(order), "an order never names an ECU"


def test_an_agent_that_comes_back_during_the_order_is_no_failure() -> None:
    """Whether the agent answers is asked when the task ends."""
    edas = Simulation()
    answer = edas.scale_out("i-off")
    edas.later(5).act("online", instance="i-off")

    assert edas.finished(answer) == 2
    assert edas.listed()["ecu-off"] == RUNNING


def test_what_was_never_deployed_stays_stopped() -> None:
    """The order succeeds for a group without a package version, and its member is stopped."""
    edas = Simulation()
    assert edas.finished(edas.scale_out("i-c", group="group-new", application="app-new")) == 2
    assert edas.listed("app-new") == {"ecu-c": STOPPED}
    group = edas.call("ListDeployGroup", AppId="app-new")["DeployGroupList"]["DeployGroup"][0]
    assert (group["AppVersionId"], group["PackageVersionId"]) == ("", "")


def test_a_stopped_application_that_was_deployed_is_started_on_joiners() -> None:
    """A joiner of a deployed group runs although the other members are stopped."""
    edas = Simulation()
    stop = edas.act("start_order", group=DEFAULT, kind="stop")["id"]
    assert edas.later(10).status(stop) == 2
    assert edas.finished(edas.scale_out("i-c")) == 2
    assert edas.listed() == {"ecu-a": STOPPED, "ecu-b": STOPPED, "ecu-c": RUNNING}


def test_every_join_makes_a_new_ecc() -> None:
    """An ECC id is never used again, not even for the same instance in the same group."""
    edas = Simulation()
    before = edas.ecc("i-a")
    edas.finished(edas.scale_in("i-a"))
    edas.finished(edas.scale_out("i-a", group=DEFAULT))
    assert edas.ecc("i-a") != before


def test_polls_measure_an_order() -> None:
    """With polls:2 two reads show the order running and the third shows its end, however much time passes."""
    edas = Simulation(order_duration="polls:2")
    order = edas.scale_out("i-c")["ChangeOrderId"]
    edas.later(10_000)
    assert [edas.status(order) for _ in range(3)] == [1, 1, 2]


def test_the_list_of_orders_counts_as_a_poll() -> None:
    """ListRecentChangeOrder is a read of every active order it lists."""
    edas = Simulation(order_duration="polls:1")
    edas.scale_out("i-c")
    seen = [
        edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]["ChangeOrder"][0]["Status"]
        for _ in range(2)
    ]
    assert seen == [1, 2]


def test_an_immediate_order_has_ended_when_its_id_is_answered() -> None:
    """With `immediate` the first read shows success and the member runs."""
    edas = Simulation(order_duration="immediate")
    order = edas.scale_out("i-c")["ChangeOrderId"]
    assert edas.listed()["ecu-c"] == RUNNING
    assert edas.status(order) == 2


def test_a_held_order_waits_for_confirmation_by_the_api() -> None:
    """It shows 8 until its pipeline is confirmed; Confirm=false leaves it held."""
    edas = Simulation()
    edas.rule(effect="order", held=True)
    order = edas.scale_out("i-c")["ChangeOrderId"]

    assert edas.later(5_000).status(order) == 8
    info = edas.call("GetChangeOrderInfo", ChangeOrderId=order)["changeOrderInfo"]
    pipeline = info["PipelineInfoList"]["PipelineInfo"][0]["PipelineId"]
    assert edas.call("ContinuePipeline", PipelineId=pipeline, Confirm="False")["Code"] == 200
    assert edas.status(order) == 8
    assert edas.call("ContinuePipeline", PipelineId=pipeline, Confirm="True")["Code"] == 200
    assert edas.status(order) == 1
    assert edas.later(10).status(order) == 2
    assert edas.call("ContinuePipeline", PipelineId=pipeline, Confirm="True")["Code"] == 601


def test_batches_work_one_after_the_other() -> None:
    """The first half runs while the order waits for its next batch (9) and the second half still starts."""
    edas = Simulation()
    edas.rule(effect="order", batches=2, batch_wait="seconds:4")
    order = edas.scale_out("i-c", "i-d")["ChangeOrderId"]

    assert edas.later(5).status(order) == 9
    assert (edas.listed()["ecu-c"], edas.listed()["ecu-d"]) == (RUNNING, STARTING)
    info = edas.call("GetChangeOrderInfo", ChangeOrderId=order)["changeOrderInfo"]
    assert info["BatchCount"] == 2
    assert [entry["PipelineStatus"] for entry in info["PipelineInfoList"]["PipelineInfo"]] == [2, 9]
    assert edas.later(4).status(order) == 1
    assert edas.later(5).status(order) == 2
    assert edas.listed()["ecu-d"] == RUNNING


def test_a_held_batch_shows_which_pipeline_waits() -> None:
    """Between two batches of a manual order the second pipeline has status 8."""
    edas = Simulation()
    edas.rule(effect="order", held=True, batches=2)
    order = edas.scale_out("i-c", "i-d")["ChangeOrderId"]
    assert edas.later(5).status(order) == 8
    info = edas.call("GetChangeOrderInfo", ChangeOrderId=order)["changeOrderInfo"]
    assert info["BatchType"] == "Manual"
    assert [entry["PipelineStatus"] for entry in info["PipelineInfoList"]["PipelineInfo"]] == [2, 8]
    edas.act("confirm_order", order=order)
    assert edas.later(5).status(order) == 2


def test_an_order_may_show_failed_and_then_succeed() -> None:
    """EDAS retries a task by itself: failed for three polls, then running, then success."""
    edas = Simulation()
    edas.rule(effect="order", flips="polls:3", duration="polls:2")
    order = edas.scale_out("i-c")["ChangeOrderId"]
    assert [edas.status(order) for _ in range(6)] == [1, 3, 3, 3, 1, 2]
    assert edas.listed()["ecu-c"] == RUNNING


@pytest.mark.parametrize("status", [6, 7, 10, 42])
def test_an_order_ends_with_any_status_a_rule_wants(status: int) -> None:
    """Also one that EDAS does not document."""
    edas = Simulation()
    edas.rule(effect="order", end=status)
    assert edas.finished(edas.scale_out("i-c")) == status


def test_an_order_shows_any_sequence_of_statuses() -> None:
    """Phases are taken verbatim, an unknown status among them."""
    edas = Simulation()
    edas.rule(
        effect="order",
        phases=[
            {"status": 0, "duration": "polls:1"},
            {"status": 42, "duration": "polls:1"},
            {"status": 1, "duration": "polls:1", "completes": True},
        ],
    )
    order = edas.scale_out("i-c")["ChangeOrderId"]
    assert [edas.status(order) for _ in range(4)] == [0, 42, 1, 2]


def test_one_instance_of_three_fails() -> None:
    """The order fails, the failed joiner is listed as stopped with a failed task, the others run."""
    edas = Simulation()
    edas.rule(effect="order", instances={"i-d": "EDAS-10016"})
    assert edas.finished(edas.scale_out("i-c", "i-d", "i-e")) == 3
    listed = edas.listed()
    assert [listed[f"ecu-{letter}"] for letter in "cde"] == [RUNNING, FAILED, RUNNING]


def test_an_order_succeeds_and_an_instance_does_not_come_up() -> None:
    """A scripted outcome without error sets the states only."""
    edas = Simulation()
    edas.rule(effect="order", instances={"i-c": {"app_state": 3, "task_state": 2}})
    assert edas.finished(edas.scale_out("i-c")) == 2
    assert edas.listed()["ecu-c"] == (3, 2)


def test_an_instance_that_never_starts_applications() -> None:
    """`set_start` says what every application comes up as on one machine."""
    edas = Simulation()
    edas.act("set_start", instance="i-c", app_state=1, task_state=3)
    assert edas.finished(edas.scale_out("i-c", "i-d")) == 2
    assert edas.listed()["ecu-c"] == FAILED
    assert edas.listed()["ecu-d"] == RUNNING


def test_a_failed_scale_in_leaves_the_member_running() -> None:
    """The stop task failed: the process runs on, the task is failed."""
    edas = Simulation()
    edas.rule(effect="order", error="EDAS-10016")
    assert edas.finished(edas.scale_in("i-a")) == 3
    assert edas.listed()["ecu-a"] == (7, 3)


def test_abort_does_not_undo_what_is_done() -> None:
    """The finished batch stays, the rest fails, the order ends as aborted and cannot be aborted again."""
    edas = Simulation()
    edas.rule(effect="order", batches=2, batch_wait="seconds:100")
    order = edas.scale_out("i-c", "i-d")["ChangeOrderId"]
    edas.later(50)
    answer = edas.call("AbortChangeOrder", ChangeOrderId=order)

    assert answer["Data"] == {"ChangeOrderId": order}
    assert edas.status(order) == 6
    assert (edas.listed()["ecu-c"], edas.listed()["ecu-d"]) == (RUNNING, FAILED)
    assert edas.call("AbortChangeOrder", ChangeOrderId=order)["Code"] == 601


def test_a_foreign_deployment_deploys_a_group() -> None:
    """After an order of other people the group counts as deployed and its members run."""
    edas = Simulation()
    edas.finished(edas.scale_out("i-c", group="group-new", application="app-new"))
    order = edas.act("start_order", group="group-new")["id"]
    recent = edas.call("ListRecentChangeOrder", AppId="app-new")["ChangeOrderList"]["ChangeOrder"]
    assert (recent[0]["ChangeOrderId"], recent[0]["Source"]) == (order, "console")
    assert edas.later(10).status(order) == 2
    assert edas.listed("app-new") == {"ecu-c": RUNNING}


def test_a_failed_deployment_stops_all_members() -> None:
    """Members of a deployment that failed are stopped, with a failed task."""
    edas = Simulation()
    edas.act("start_order", group=DEFAULT, end=3)
    edas.later(10)
    assert edas.listed() == {"ecu-a": FAILED, "ecu-b": FAILED}


def test_events_happen_in_their_order_however_late_one_looks() -> None:
    """Orders that ended long ago have the times at which they ended, and queued ones followed them."""
    edas = Simulation(second_order="queued")
    first = edas.scale_out("i-c")["ChangeOrderId"]
    second = edas.scale_out("i-d")["ChangeOrderId"]
    assert edas.status(second) == 0
    edas.later(10_000).listed()
    orders = edas.world.orders
    assert (orders[first].finished_at, orders[second].finished_at) == (1_010.0, 1_020.0)


def test_old_orders_are_forgotten() -> None:
    """The memory of an emulator that runs for weeks is bounded; active orders are never forgotten."""
    edas = Simulation()
    active = edas.scale_out("i-c")["ChangeOrderId"]
    other = edas.world.applications["app-other"]
    for _ in range(MAX_ORDERS + 5):
        open_order(edas.world, OrderKind.STOP, other, "only", [], edas.now, script=AT_ONCE)
    assert len(edas.world.orders) == MAX_ORDERS
    assert edas.status(active) == 1


def test_a_member_that_left_does_not_come_up_later() -> None:
    """A start that was still to come is forgotten with its member."""
    edas = Simulation(start_delay=5, order_duration="immediate")
    edas.scale_out("i-c")
    edas.act("leave", instance="i-c")
    assert set(edas.later(5).listed()) == {"ecu-a", "ecu-b"}


def test_the_running_minimum_remembers_the_worst_moment() -> None:
    """A swap that scales in first leaves a lower minimum than one that scales out first."""
    edas = Simulation()
    edas.finished(edas.scale_out("i-c", group=DEFAULT))
    edas.world.reset_lowest_running()
    edas.finished(edas.scale_in("i-a"))
    assert edas.world.lowest_running(SHOP, DEFAULT) == 2
    edas.act("offline", instance="i-b")
    edas.act("online", instance="i-b")
    assert edas.world.lowest_running(SHOP, DEFAULT) == 1
    edas.world.reset_lowest_running()
    assert edas.world.lowest_running(SHOP, DEFAULT) == 2
