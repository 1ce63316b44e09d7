"""Switches for answers that are right and read like something else: empty, late, refused, blank, cut."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulator.simulated import BETA, CLUSTER, DEFAULT, SHOP, Simulation

ABSENT = object()
SPELLINGS = [
    ("list", {"Application": []}),
    ("absent", ABSENT),
    ("null", None),
    ("object", {}),
    ("inner_null", {"Application": None}),
    ("array", []),
    ("text", ""),
]


@pytest.mark.parametrize(("spelling", "expected"), SPELLINGS)
def test_empty_list(spelling: str, expected: object) -> None:
    """An empty list is spelled in seven ways; a list with something in it always in the same one."""
    edas = Simulation(empty_list=spelling)
    empty = edas.call("ListApplication", AppName="nobody")
    assert empty.get("ApplicationList", ABSENT) == expected
    full = edas.call("ListApplication", AppName="shop")["ApplicationList"]["Application"]
    assert [each["AppId"] for each in full] == [SHOP]


def test_empty_list_of_every_operation() -> None:
    """Lists within an answer are empty in the same spelling: members, pages, recent orders, free machines."""
    edas = Simulation(empty_list="null")
    info = edas.call("QueryApplicationStatus", AppId="app-new")["AppInfo"]
    assert (info["EcuList"], info["EccList"], info["DeployRecordList"]) == (None, None, None)
    assert info["GroupList"]["Group"], "the group is there"
    assert edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"] is None
    assert edas.call("ListScaleOutEcu", ClusterId="cluster-k8s")["EcuInfoList"] is None
    page = edas.call("ListClusterMembers", ClusterId="cluster-k8s")["ClusterMemberPage"]
    assert page["ClusterMemberList"] is None
    order = edas.scale_out("i-c")["ChangeOrderId"]
    shown = edas.call("GetChangeOrderInfo", ChangeOrderId=order)["changeOrderInfo"]
    assert shown["Targets"] is None
    assert shown["PipelineInfoList"]["PipelineInfo"], "an order has a batch"


@pytest.mark.parametrize(
    "given",
    [
        {"ListScaleOutEcu": "absent", "ListRecentChangeOrder": "text"},
        "ListScaleOutEcu:absent,ListRecentChangeOrder:text",
    ],
)
def test_empty_list_per_operation(given: object) -> None:
    """Each operation may have a spelling of its own; the others keep the usual one."""
    edas = Simulation(empty_list=given)
    assert "EcuInfoList" not in edas.call("ListScaleOutEcu", ClusterId="cluster-k8s")
    assert not edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]
    assert edas.call("ListApplication", AppName="nobody")["ApplicationList"] == {"Application": []}
    assert edas.world.switches.text("empty_list") == "ListScaleOutEcu:absent,ListRecentChangeOrder:text"


def test_order_unknown_at_first() -> None:
    """The first reads of each new order are answered as if it did not exist; the order runs all the same."""
    edas = Simulation(order_unknown_at_first=2)
    for instance in ("i-c", "i-d"):
        order = edas.scale_out(instance)["ChangeOrderId"]
        codes = [edas.call("GetChangeOrderInfo", ChangeOrderId=order)["Code"] for _ in range(3)]
        assert codes == [601, 601, 200]
        assert edas.later(10).status(order) == 2
    assert edas.call("GetChangeOrderInfo", ChangeOrderId="no-such")["Code"] == 601
    at_once = Simulation(order_unknown_at_first=0)
    assert at_once.status(at_once.scale_out("i-c")["ChangeOrderId"]) == 1


def test_refused_reading_by_number() -> None:
    """The n-th call of an operation is refused once; every order counts its own reads."""
    edas = Simulation(refused_reading="QueryApplicationStatus:2,GetChangeOrderInfo:1")
    codes = [edas.call("QueryApplicationStatus", AppId=SHOP)["Code"] for _ in range(4)]
    assert codes == [200, 601, 200, 200]
    for instance in ("i-c", "i-d"):
        order = edas.scale_out(instance)["ChangeOrderId"]
        codes = [edas.call("GetChangeOrderInfo", ChangeOrderId=order)["Code"] for _ in range(3)]
        assert codes == [601, 200, 200]
        edas.later(10)


def test_refused_reading_counts_from_its_setting() -> None:
    """Calls before the switch was set do not count."""
    edas = Simulation(refused_reading="none")
    assert edas.call("ListDeployGroup", AppId=SHOP)["Code"] == 200
    edas.world.switches.update({"refused_reading": "ListDeployGroup:1"})
    assert [edas.call("ListDeployGroup", AppId=SHOP)["Code"] for _ in range(2)] == [601, 200]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("QueryApplicationStatus", {"AppId": SHOP}),
        ("ListRecentChangeOrder", {"AppId": SHOP}),
        ("ListScaleOutEcu", {"ClusterId": CLUSTER}),
        ("ListClusterMembers", {"ClusterId": CLUSTER}),
        ("ListApplication", {}),
    ],
)
def test_refused_reading_in_the_middle_of_an_order(operation: str, params: dict[str, str]) -> None:
    """The first call after somebody has seen an order run is refused, once for each order."""
    edas = Simulation(refused_reading=f"{operation}:running")
    for instance in ("i-c", "i-d"):
        assert edas.call(operation, **params)["Code"] == 200, "no order runs"
        order = edas.scale_out(instance)["ChangeOrderId"]
        assert edas.call(operation, **params)["Code"] == 200, "nobody has read the order"
        assert edas.status(order) == 1
        assert [edas.call(operation, **params)["Code"] for _ in range(3)] == [601, 200, 200]
        edas.later(10)


def test_refused_poll_in_the_middle_of_an_order() -> None:
    """The second read of an order is refused; an order of another application does not matter."""
    edas = Simulation(refused_reading="GetChangeOrderInfo:running")
    order = edas.scale_out("i-c")["ChangeOrderId"]
    codes = [edas.call("GetChangeOrderInfo", ChangeOrderId=order)["Code"] for _ in range(4)]
    assert codes == [200, 601, 200, 200]


def test_refusal_code() -> None:
    """A refusal carries Code 601, 500 or 401 in HTTP 200."""
    for code in (601, 500, 401):
        edas = Simulation(refusal_code=code)
        edas.scale_out("i-c")
        answer = edas.respond("ScaleOutApplication", AppId=SHOP, DeployGroup=BETA, EcuInfo="ecu-d")
        assert (answer.status, answer.json()["Code"]) == (200, code)


@pytest.mark.parametrize(
    ("denied_as", "status", "code"),
    [
        ("http_403", 403, "Forbidden.RAM"),
        ("body_403", 200, 403),
        ("body_401", 200, 401),
        ("body_500", 200, 500),
        ("body_601", 200, 601),
    ],
)
def test_denied_operations(denied_as: str, status: int, code: object) -> None:
    """Named operations are refused for want of permission, in each of the ways EDAS has, in either language."""
    for language, text in (("english", "No permissions"), ("chinese", "没有权限")):
        edas = Simulation(
            denied_operations="ListApplication,ScaleOutApplication",
            denied_as=denied_as,
            message_language=language,
        )
        answer = edas.respond("ListApplication")
        assert (answer.status, answer.json()["Code"], answer.json()["Message"]) == (status, code, text)
        assert "ChangeOrderId" not in edas.scale_out("i-c")
        assert edas.call("ListDeployGroup", AppId=SHOP)["Code"] == 200
    assert Simulation(denied_operations="none").call("ListApplication")["Code"] == 200


def _line(edas: Simulation) -> tuple[str, int, int]:
    (line,) = edas.call("ListApplication", AppIds=f'["{SHOP}"]')["ApplicationList"]["Application"]
    return line["State"], line["Instances"], line["RunningInstanceCount"]


def test_list_application_fresh() -> None:
    """State, Instances and RunningInstanceCount are those of the moment; AppIds takes a JSON array."""
    edas = Simulation(list_application="fresh")
    assert _line(edas) == ("RUNNING", 2, 2)
    edas.scale_out("i-c")
    assert _line(edas) == ("DEPLOYING", 3, 2)
    edas.later(10)
    assert _line(edas) == ("RUNNING", 3, 3)
    edas.act("offline", instance="i-a")
    assert _line(edas) == ("RUNNING", 3, 2)


def test_list_application_stale() -> None:
    """Everything is shown as it was that many seconds ago, each moment in its turn."""
    edas = Simulation(list_application="stale:30")
    edas.scale_out("i-c")
    seen = [_line(edas), _line(edas.later(29)), _line(edas.later(1)), _line(edas.later(10))]
    assert seen == [("RUNNING", 2, 2), ("RUNNING", 2, 2), ("DEPLOYING", 3, 2), ("RUNNING", 3, 3)]


def test_list_application_same_state() -> None:
    """The counts are live, State stays what it was."""
    edas = Simulation(list_application="same_state")
    edas.scale_out("i-c")
    assert _line(edas) == ("RUNNING", 3, 2)
    edas.later(10)
    assert _line(edas) == ("RUNNING", 3, 3)


def test_list_application_missing_and_failing() -> None:
    """The list leaves everything out, or does not answer; other operations do not mind."""
    missing = Simulation(list_application="missing")
    assert missing.call("ListApplication")["ApplicationList"] == {"Application": []}
    failing = Simulation(list_application="failing")
    answer = failing.respond("ListApplication")
    assert (answer.status, answer.json()["Code"]) == (503, "ServiceUnavailable")
    assert failing.call("GetApplication", AppId=SHOP)["Code"] == 200


def test_page_behind_last() -> None:
    """A page behind the last one is empty or refused; the first page is always a page."""
    for side, code in (("empty", 200), ("refused", 601)):
        edas = Simulation(page_behind_last=side)
        for operation, params in (("ListApplication", {}), ("ListClusterMembers", {"ClusterId": CLUSTER})):
            pages = [edas.call(operation, CurrentPage=page, PageSize="100", **params) for page in ("1", "2")]
            assert [page["Code"] for page in pages] == [200, code]
        assert edas.call("ListApplication", CurrentPage="1", PageSize="5", AppName="nobody")["Code"] == 200


def test_region_required() -> None:
    """A call whose header does not name this region is refused and not executed."""
    edas = Simulation(region_required=True)
    answers = [
        edas.respond_from(region, "ListDeployGroup", AppId=SHOP)
        for region in (None, "cn-beijing", "cn-hangzhou")
    ]
    assert [answer.status for answer in answers] == [400, 400, 200]
    assert [answer.code for answer in answers] == ["MissingRegionId", "InvalidRegionId", "200"]
    assert [entry["executed"] for entry in edas.world.log] == [False, False, True]
    assert Simulation(region_required=False).respond("ListDeployGroup", AppId=SHOP).status == 200


def _places(edas: Simulation) -> dict[str, str]:
    edas.rule(effect="order", error="EDAS-10001", instance="i-c")
    order = edas.scale_out("i-c", "i-d")["ChangeOrderId"]
    edas.later(10)
    shown = edas.call("GetChangeOrderInfo", ChangeOrderId=order)["changeOrderInfo"]
    assert shown["Status"] == 3
    (batch,) = shown["PipelineInfoList"]["PipelineInfo"]
    result = batch["StageList"]["StageInfoDTO"][0]["StageResultDTO"]
    instance = result["InstanceDTOList"]["InstanceDTO"][0]["InstanceStageDTOList"]["InstanceStageDTO"][0]
    task = batch["StageDetailList"]["StageDetailDTO"][0]["TaskList"]["TaskInfoDTO"][0]
    return {
        "code": task["TaskErrorCode"],
        "task": task["TaskErrorMessage"],
        "instance": instance["StageMessage"],
        "stage": result["ServiceStage"]["Message"],
    }


_WHOLE = "EDAS-10001 STAR_AGENT_OFFLINE"


@pytest.mark.parametrize(
    ("place", "code", "task", "instance", "stage"),
    [
        ("everywhere", "EDAS-10001", _WHOLE, _WHOLE, _WHOLE),
        ("code", "EDAS-10001", "Failed", "Failed", "Failed"),
        ("text", "", _WHOLE, _WHOLE, _WHOLE),
        ("name", "", "STAR_AGENT_OFFLINE", "STAR_AGENT_OFFLINE", "STAR_AGENT_OFFLINE"),
        ("stage", "", "Failed", "Failed", f"172.16.0.4: {_WHOLE}"),
    ],
)
def test_task_error_place(place: str, code: str, task: str, instance: str, stage: str) -> None:
    """The error of an instance stands where the switch says, and nowhere else in the order."""
    edas = Simulation(task_error_place=place)
    assert _places(edas) == {"code": code, "task": task, "instance": instance, "stage": stage}


def _instance_ids(edas: Simulation) -> list[str]:
    info = edas.call("QueryApplicationStatus", AppId=SHOP)["AppInfo"]
    return [ecu["InstanceId"] for ecu in info["EcuList"]["Ecu"]]


def test_blank_instance_id() -> None:
    """Members are listed without InstanceId: all of them, or each for a while after it joined."""
    assert _instance_ids(Simulation(blank_instance_id="always")) == ["", ""]
    edas = Simulation(blank_instance_id="joined:30")
    edas.scale_out("i-c")
    assert _instance_ids(edas.later(29)) == ["i-a", "i-b", ""]
    assert _instance_ids(edas.later(1)) == ["i-a", "i-b", "i-c"]
    assert _instance_ids(Simulation(blank_instance_id="never")) == ["i-a", "i-b"]


def test_cut_list() -> None:
    """Fewer members are listed than are counted; 0 lists them all."""
    for limit, listed in ((1, 1), (0, 2)):
        info: Any = Simulation(cut_list=limit).call("QueryApplicationStatus", AppId=SHOP)["AppInfo"]
        assert info["Application"]["InstanceCount"] == 2
        assert [len(info["EcuList"]["Ecu"]), len(info["EccList"]["Ecc"])] == [listed, listed]


def test_redeployed_ecc() -> None:
    """A deployment of a group keeps the ECC ids of its members, or gives each a new one in the same place."""
    for side, kept in (("kept", True), ("new", False)):
        edas = Simulation(redeployed_ecc=side)
        before = [edas.ecc(instance) for instance in ("i-a", "i-b")]
        order = edas.act("start_order", group=DEFAULT, kind="deploy", held=True, user="colleague")
        assert [edas.ecc(instance) for instance in ("i-a", "i-b")] == before, "it is held"
        edas.act("confirm_order")
        assert edas.later(10).status(order["id"]) == 2
        after = [edas.ecc(instance) for instance in ("i-a", "i-b")]
        assert (before == after) is kept
        assert edas.listed() == {"ecu-a": (7, 2), "ecu-b": (7, 2)}
        (line,) = edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]["ChangeOrder"]
        assert (line["ChangeOrderId"], line["CreateUserId"], line["CoType"]) == (
            order["id"],
            "colleague",
            "Deploy Application",
        )
        assert edas.finished(edas.scale_in("i-a")) == 2


def test_people_hold_any_order() -> None:
    """A running order of ours waits for a confirmation, goes on after it, and may be aborted instead."""
    edas = Simulation()
    order = edas.scale_out("i-c")["ChangeOrderId"]
    edas.act("hold_order", order=order)
    assert edas.later(1_000).status(order) == 8
    edas.act("confirm_order", order=order)
    assert [edas.status(order), edas.later(10).status(order)] == [1, 2]
    second = edas.scale_out("i-d")["ChangeOrderId"]
    edas.act("hold_order")
    edas.act("abort_order")
    assert edas.status(second) == 6
