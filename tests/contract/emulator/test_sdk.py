from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.api.calls import OPERATIONS
from pulumi_edas_scale.emulator.api.routes import ROUTES
from pulumi_edas_scale.emulator.api.wire import handle
from tests.contract.emulator.clients import BETA, DEFAULT, ECS_CLUSTER, SHOP, sdk_call, sdk_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """An emulator whose orders end at once."""
    with Emulator(order_duration="immediate") as emulator:
        yield emulator


def _ecc(edas: Emulator) -> str:
    return str(edas.members("_DEFAULT_GROUP", "shop")[0]["eccId"])


def _ecu(edas: Emulator, instance: str) -> str:
    ecus = edas.state()["clusters"][0]["ecus"]
    return next(str(ecu["ecuId"]) for ecu in ecus if ecu["instanceId"] == instance)


def _held_order(edas: Emulator) -> Any:  # noqa: ANN401 - the SDK has no types
    order = edas.action("start_order", group=DEFAULT, held=True)["id"]
    return sdk_call(sdk_client(edas), "GetChangeOrderInfo", change_order_id=order).body.change_order_info


def _pipeline(info: Any) -> Any:  # noqa: ANN401 - the SDK has no types
    return info.pipeline_info_list.pipeline_info[0]


Parameters: TypeAlias = dict[str, Any]


def _parameters(edas: Emulator, operation: str) -> Parameters:
    """Return parameters with which an operation succeeds; makes first what it needs."""
    makers: dict[str, Callable[[], Parameters]] = {
        "GetChangeOrderInfo": lambda: {"change_order_id": _held_order(edas).change_order_id},
        "AbortChangeOrder": lambda: {"change_order_id": _held_order(edas).change_order_id},
        "ContinuePipeline": lambda: {
            "pipeline_id": _pipeline(_held_order(edas)).pipeline_id,
            "confirm": True,
        },
        "ScaleOutApplication": lambda: {
            "app_id": SHOP,
            "deploy_group": BETA,
            "ecu_info": _ecu(edas, "i-bp101"),
        },
        "ScaleInApplication": lambda: {"app_id": SHOP, "ecc_info": _ecc(edas)},
        "ListScaleOutEcu": lambda: {"cluster_id": ECS_CLUSTER, "instance_num": 3},
        "ListClusterMembers": lambda: {"cluster_id": ECS_CLUSTER, "current_page": 1, "page_size": 5},
        "ListApplication": lambda: {"app_name": "shop", "current_page": 1, "page_size": 10},
        "ListCluster": lambda: {"logical_region_id": "cn-hangzhou"},
        "GetCluster": lambda: {"cluster_id": ECS_CLUSTER},
    }
    return makers.get(operation, lambda: {"app_id": SHOP})()


def test_every_operation_has_a_route_and_every_route_an_operation() -> None:
    """The two tables name the same operations."""
    assert sorted(ROUTES.values()) == sorted(OPERATIONS)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_real_sdk_parses_every_answer(edas: Emulator, operation: str) -> None:
    """The body is understood, nothing of it is unknown to the SDK, and its code is 200."""
    params = _parameters(edas, operation)
    response = sdk_call(sdk_client(edas), operation, **params)
    assert response.status_code == 200
    assert response.body is not None
    assert response.body.code == 200
    raw = edas.log()[-1]
    assert (raw["operation"], raw["executed"], raw["status"], raw["code"]) == (operation, True, 200, "200")


def _shape(value: object) -> object:
    """Return the keys and types of JSON; a list has the shapes that occur in it."""
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in sorted(value.items())}
    if isinstance(value, list):
        shapes = [_shape(part) for part in value]
        return [shape for index, shape in enumerate(shapes) if shape not in shapes[:index]]
    return type(value).__name__


def _sample(name: str) -> object:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def _answer(edas: Emulator, operation: str, **params: str) -> object:
    """Return the body of a call as it is on the wire."""
    return handle(edas.world, operation, params, edas.host.now()).json()


@pytest.mark.parametrize(
    ("sample", "params"),
    [
        ("ListApplication", {"AppName": "shop"}),
        ("ListClusterMembers", {"ClusterId": ECS_CLUSTER}),
        ("ListDeployGroup", {"AppId": SHOP}),
        ("ListScaleOutEcu", {"AppId": SHOP}),
        ("QueryApplicationStatus", {"AppId": SHOP}),
    ],
)
def test_listings_have_the_shape_of_the_samples(edas: Emulator, sample: str, params: dict[str, str]) -> None:
    """Key by key and type by type."""
    assert _shape(_answer(edas, sample, **params)) == _shape(_sample(sample))


def test_an_empty_application_has_the_shape_of_the_sample(edas: Emulator) -> None:
    """Every list is there and empty; the sample shows only some keys of the application itself."""
    edas.action("leave", instance="i-bp111")
    edas.action("delete_group", group=BETA)
    answer: Any = _answer(edas, "QueryApplicationStatus", AppId=SHOP)
    sample: Any = _sample("QueryApplicationStatus.empty")
    known = sample["AppInfo"]["Application"]
    assert set(known) <= set(answer["AppInfo"]["Application"])
    answer["AppInfo"]["Application"] = {key: answer["AppInfo"]["Application"][key] for key in known}
    assert _shape(answer) == _shape(sample)


def test_changes_have_the_shape_of_the_samples(edas: Emulator) -> None:
    """Scale out, scale in, the forced one, a refusal, an order that succeeded, one that failed, an abort."""
    ecu, other = _ecu(edas, "i-bp101"), _ecu(edas, "i-bp102")
    scale_out = {"AppId": SHOP, "DeployGroup": BETA}
    made: Any = _answer(edas, "ScaleOutApplication", EcuInfo=ecu, **scale_out)
    order = _answer(edas, "GetChangeOrderInfo", ChangeOrderId=made["ChangeOrderId"])
    refused = _answer(edas, "ScaleOutApplication", EcuInfo=ecu, **scale_out)
    edas.rule(effect="order", error="EDAS-10002")
    failing: Any = _answer(edas, "ScaleOutApplication", EcuInfo=other, **scale_out)
    failed = _answer(edas, "GetChangeOrderInfo", ChangeOrderId=failing["ChangeOrderId"])
    forced = _answer(edas, "ScaleInApplication", AppId=SHOP, EccInfo=_ecc(edas), ForceStatus="true")
    leaving = edas.members("beta", "shop")[0]["eccId"]
    scale_in = _answer(edas, "ScaleInApplication", AppId=SHOP, EccInfo=leaving)
    held = _held_order(edas).change_order_id
    aborted = _answer(edas, "AbortChangeOrder", ChangeOrderId=held)
    recent = _answer(edas, "ListRecentChangeOrder", AppId=SHOP)
    answers = {
        "ScaleOutApplication": made,
        "ScaleOutApplication.business_error": refused,
        "GetChangeOrderInfo.success": order,
        "GetChangeOrderInfo.failed": failed,
        "ScaleInApplication": scale_in,
        "ScaleInApplication.force": forced,
        "AbortChangeOrder": aborted,
        "ListRecentChangeOrder": recent,
    }
    for name, answer in answers.items():
        assert _shape(answer) == _shape(_sample(name)), name


def test_a_failed_order_reads_as_the_sample_does(edas: Emulator) -> None:
    """Code and text of the task error stand where the sample has them."""
    edas.rule(effect="order", error="EDAS-10002")
    made: Any = _answer(
        edas, "ScaleOutApplication", AppId=SHOP, DeployGroup=BETA, EcuInfo=_ecu(edas, "i-bp101")
    )
    answer: Any = _answer(edas, "GetChangeOrderInfo", ChangeOrderId=made["ChangeOrderId"])
    sample: Any = _sample("GetChangeOrderInfo.failed")
    for place in (answer, sample):
        pipeline = place["changeOrderInfo"]["PipelineInfoList"]["PipelineInfo"][0]
        task = pipeline["StageDetailList"]["StageDetailDTO"][0]["TaskList"]["TaskInfoDTO"][0]
        stage = pipeline["StageList"]["StageInfoDTO"][0]
        instance = stage["StageResultDTO"]["InstanceDTOList"]["InstanceDTO"][0]
        step = instance["InstanceStageDTOList"]["InstanceStageDTO"][0]
        assert place["changeOrderInfo"]["Status"] == pipeline["PipelineStatus"] == stage["Status"] == 3
        assert (stage["StageName"], stage["StageResultDTO"]["ServiceStage"]["Status"]) == ("Scale Out", 3)
        assert (task["TaskStatus"], task["TaskErrorCode"]) == ("3", "EDAS-10002")
        assert task["TaskErrorMessage"] == step["StageMessage"] == "EDAS-10002 Task timeout during execution"
        assert (instance["Status"], step["Status"]) == (3, 3)


def test_the_whole_life_of_a_group_through_the_sdk(edas: Emulator) -> None:
    """Candidates, scale out, the order, the members, scale in: with nothing but the SDK."""
    client = sdk_client(edas)
    free = sdk_call(client, "ListScaleOutEcu", app_id=SHOP, instance_num=2).body.ecu_info_list.ecu_info
    ecus = ",".join(ecu.ecu_id for ecu in free)
    order = sdk_call(client, "ScaleOutApplication", app_id=SHOP, deploy_group=BETA, ecu_info=ecus).body
    info = sdk_call(
        client, "GetChangeOrderInfo", change_order_id=order.change_order_id
    ).body.change_order_info
    assert (info.status, info.desc) == (2, "IP of Scale-Out Instance: 10.0.0.1,10.0.0.2")
    status = sdk_call(client, "QueryApplicationStatus", app_id=SHOP).body.app_info
    joined = [ecc for ecc in status.ecc_list.ecc if ecc.group_id == BETA]
    assert [(ecc.app_state, ecc.task_state) for ecc in joined] == [(7, 2), (7, 2)]
    eccs = ",".join(ecc.ecc_id for ecc in joined)
    order = sdk_call(client, "ScaleInApplication", app_id=SHOP, ecc_info=eccs).body
    assert sdk_call(client, "GetChangeOrderInfo", change_order_id=order.change_order_id).body.code == 200
    assert edas.members("beta", "shop") == []
    forced = sdk_call(client, "ScaleInApplication", app_id=SHOP, ecc_info=_ecc(edas), force_status=True).body
    assert (forced.code, forced.change_order_id) == (200, None)
