from __future__ import annotations

import json

import pytest

from tests.unit.emulator.simulated import BETA, CLUSTER, OTHER, SHOP, Simulation


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"AppId": "gone", "DeployGroup": BETA, "EcuInfo": "ecu-c"}, "Application(gone) does not exist."),
        ({"AppId": SHOP, "DeployGroup": "gone", "EcuInfo": "ecu-c"}, "Deploy group(gone) does not exist."),
        ({"AppId": SHOP, "DeployGroup": BETA, "EcuInfo": "gone"}, "ECU(gone) does not exist in the cluster"),
        (
            {"AppId": SHOP, "DeployGroup": BETA, "EcuInfo": "ecu-h"},
            "ECU(ecu-h) is used by another application",
        ),
        (
            {"AppId": SHOP, "DeployGroup": BETA, "EcuInfo": "ecu-a"},
            "ECU(ecu-a) is used by another application",
        ),
        ({"AppId": SHOP, "DeployGroup": BETA, "EcuInfo": ""}, "EcuInfo must not be empty."),
        (
            {"AppId": "app-k8s", "DeployGroup": BETA, "EcuInfo": "ecu-c"},
            "Application(app-k8s) is deployed in a Kube",
        ),
    ],
)
def test_a_scale_out_that_cannot_be_is_a_business_failure(params: dict[str, str], text: str) -> None:
    """HTTP 200, Code 601, a text, and nothing has changed."""
    edas = Simulation()
    answer = edas.respond("ScaleOutApplication", **params)
    body = answer.json()
    assert (answer.status, body["Code"]) == (200, 601)
    assert body["Message"].startswith(text)
    assert not edas.world.orders
    assert set(edas.listed()) == {"ecu-a", "ecu-b"}


def test_an_instance_without_ecu_cannot_join() -> None:
    """An ECS instance of the cluster that is not converted has no ECU that EDAS knows."""
    edas = Simulation()
    raw = edas.call("ListClusterMembers", ClusterId=CLUSTER, EcsList="i-raw")["ClusterMemberPage"]
    entry = raw["ClusterMemberList"]["ClusterMember"][0]
    assert (entry["EcuId"], entry["Status"]) == ("", 0)
    free = edas.call("ListScaleOutEcu", ClusterId=CLUSTER)["EcuInfoList"]["EcuInfo"]
    assert "i-raw" not in {ecu["InstanceId"] for ecu in free}


def test_an_id_named_twice_joins_once() -> None:
    """EcuInfo and EccInfo are sets."""
    edas = Simulation(order_duration="immediate")
    answer = edas.scale_out("i-c", "i-c")
    assert len(edas.world.orders[answer["ChangeOrderId"]].targets) == 1
    ecc = edas.ecc("i-c")
    assert edas.call("ScaleInApplication", AppId=SHOP, EccInfo=f"{ecc},{ecc}")["Code"] == 200
    assert "ecu-c" not in edas.listed()


@pytest.mark.parametrize(
    ("operation", "given", "missing"),
    [
        ("ScaleOutApplication", {}, "AppId"),
        ("ScaleOutApplication", {"AppId": SHOP}, "DeployGroup"),
        ("ScaleOutApplication", {"AppId": SHOP, "DeployGroup": BETA}, "EcuInfo"),
        ("GetChangeOrderInfo", {}, "ChangeOrderId"),
        ("ListScaleOutEcu", {}, "ClusterId"),
        ("ContinuePipeline", {}, "PipelineId"),
    ],
)
def test_a_missing_parameter_is_refused_by_the_gateway(
    operation: str, given: dict[str, str], missing: str
) -> None:
    """HTTP 400 with a code that names the parameter."""
    answer = Simulation().respond(operation, **given)
    assert (answer.status, answer.json()["Code"]) == (400, f"Missing{missing}")


def test_an_unknown_operation_is_not_found() -> None:
    """The gateway answers 404 in its own envelope."""
    answer = Simulation().respond("DeployApplication", AppId=SHOP)
    assert answer.status == 404
    body = answer.json()
    assert body["Code"] == "InvalidApi.NotFound"
    assert set(body) == {"Code", "Message", "RequestId", "HostId"}


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("GetChangeOrderInfo", "ChangeOrderId"),
        ("GetCluster", "ClusterId"),
        ("ContinuePipeline", "PipelineId"),
        ("ListClusterMembers", "ClusterId"),
    ],
)
def test_what_does_not_exist_is_a_business_failure(operation: str, name: str) -> None:
    """Whatever kind of thing it is."""
    body = Simulation().call(operation, **{name: "gone"})
    assert body["Code"] == 601
    assert "gone" in body["Message"]


def test_applications_are_found_by_keyword_ids_and_cluster() -> None:
    """AppName is a keyword, AppIds a JSON array, and pages count from one."""
    edas = Simulation()

    def found(**params: str) -> list[str]:
        return [
            entry["Name"]
            for entry in edas.call("ListApplication", **params)["ApplicationList"]["Application"]
        ]

    assert found() == ["shop", "other", "on-kubernetes", "never-deployed"]
    assert found(AppName="ne") == ["on-kubernetes", "never-deployed"]
    assert found(AppIds=json.dumps([SHOP, OTHER])) == ["shop", "other"]
    assert found(AppIds=SHOP) == ["shop"]
    assert found(ClusterId="cluster-k8s") == ["on-kubernetes"]
    assert found(CurrentPage="2", PageSize="3") == ["never-deployed"]
    assert found(LogicalRegionId="cn-beijing") == []
    assert found(LogicalRegionIdFilter="cn-hangzhou", AppName="shop") == ["shop"]
    assert edas.call("ListApplication", AppIds="[")["Code"] == 601
    assert edas.call("ListApplication", PageSize="many")["Code"] == 601


def test_candidates_are_what_nobody_uses() -> None:
    """ListScaleOutEcu offers free ECUs, offline ones marked, with the asked capacity and number."""
    edas = Simulation()

    def offered(**params: str) -> list[str]:
        return [ecu["EcuId"] for ecu in edas.call("ListScaleOutEcu", **params)["EcuInfoList"]["EcuInfo"]]

    free = [f"ecu-{letter}" for letter in "cdefg"] + ["ecu-off"]
    assert offered(AppId=SHOP) == free
    assert offered(ClusterId=CLUSTER) == free
    assert offered(AppId=SHOP, InstanceNum="2") == free[:2]
    assert offered(AppId=SHOP, Cpu="4") == []
    assert offered(AppId=SHOP, Mem="4096") == free
    offline = edas.call("ListScaleOutEcu", AppId=SHOP)["EcuInfoList"]["EcuInfo"][-1]
    assert offline["Online"] is False


def test_a_kubernetes_application_has_no_members() -> None:
    """It can be read, and its cluster says what it is."""
    edas = Simulation()
    body = edas.call("QueryApplicationStatus", AppId="app-k8s")
    assert body["AppInfo"]["EccList"]["Ecc"] == []
    listed = edas.call("ListApplication", AppName="kubernetes")["ApplicationList"]["Application"][0]
    assert listed["ClusterType"] == 5
    assert edas.call("GetCluster", ClusterId="cluster-k8s")["Cluster"]["ClusterType"] == 5
    assert len(edas.call("ListCluster")["ClusterList"]["Cluster"]) == 2


def test_a_group_shows_the_status_of_its_last_order() -> None:
    """As a string, among the values that EDAS documents for it."""
    edas = Simulation(partly_failed_order="partial")

    def status() -> str:
        groups = edas.call("ListDeployGroup", AppId=SHOP)["DeployGroupList"]["DeployGroup"]
        return next(str(group["Status"]) for group in groups if group["GroupId"] == BETA)

    seen = [status()]
    edas.scale_out("i-c", "i-off")
    seen.append(status())
    edas.later(10)
    seen.append(status())
    assert seen == ["2", "1", "3"]
