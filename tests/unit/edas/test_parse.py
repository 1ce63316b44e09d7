from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.domain.errors import NotUnderstoodError
from pulumi_edas_scale.domain.model import (
    Application,
    ApplicationSummary,
    ChangeOrder,
    Cluster,
    ClusterMember,
    DeployGroup,
    Machine,
    Member,
    MemberState,
    OrderReport,
    Page,
    TaskFailure,
    TaskState,
)
from pulumi_edas_scale.edas import parse as answers

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

APP = "app-1"
ORDER = "order-1"


def application_body() -> Json:
    """Return a status of one application: two groups, two members in one of them, one machine unknown."""
    return {
        "Code": 200,
        "RequestId": "request",
        "AppInfo": {
            "Application": {"ApplicationId": APP, "Name": "shop", "ClusterId": "cluster-1"},
            "GroupList": {
                "Group": [
                    {"GroupId": "group-b", "GroupName": "beta", "GroupType": 1, "PackageVersionId": ""},
                    {
                        "GroupId": "group-a",
                        "GroupName": "_DEFAULT_GROUP",
                        "GroupType": 0,
                        "AppVersionId": "v1",
                    },
                ]
            },
            "EcuList": {
                "Ecu": [
                    {
                        "EcuId": "ecu-1",
                        "InstanceId": "i-1",
                        "IpAddr": "10.0.0.1",
                        "ZoneId": "zone-h",
                        "Online": True,
                    }
                ]
            },
            "EccList": {
                "Ecc": [
                    {"EccId": "ecc-2", "EcuId": "ecu-2", "GroupId": "group-a", "AppState": 1, "TaskState": 3},
                    {
                        "EccId": "ecc-1",
                        "EcuId": "ecu-1",
                        "GroupId": "group-a",
                        "AppState": 7,
                        "TaskState": 2,
                        "Ip": "10.0.0.1",
                    },
                ]
            },
        },
    }


def test_application() -> None:
    """A status becomes groups and members, sorted, with machine and placement joined."""
    assert answers.parse_application(application_body(), APP) == Application(
        app_id=APP,
        name="shop",
        cluster_id="cluster-1",
        groups=(
            DeployGroup("group-a", "_DEFAULT_GROUP", deployed=True, kind=0),
            DeployGroup("group-b", "beta", deployed=False, kind=1),
        ),
        members=(
            Member(
                "ecu-1",
                "i-1",
                "ecc-1",
                "10.0.0.1",
                "zone-h",
                "group-a",
                MemberState.RUNNING,
                TaskState.SUCCESS,
                online=True,
            ),
            Member(
                "ecu-2", "", "ecc-2", "", "", "group-a", MemberState.STOPPED, TaskState.FAILED, online=None
            ),
        ),
    )


def test_an_application_without_members() -> None:
    """Three lists that are there and empty mean that nobody is a member."""
    body = application_body()
    body["AppInfo"] |= {"EcuList": {"Ecu": []}, "EccList": {"Ecc": []}, "GroupList": {"Group": []}}
    application = answers.parse_application(body, APP)
    assert (application.members, application.groups) == ((), ())


def test_order_of_the_lists_does_not_matter() -> None:
    """The same truth in another order is the same value."""
    body = application_body()
    for wrapper, element in (("EccList", "Ecc"), ("GroupList", "Group"), ("EcuList", "Ecu")):
        body["AppInfo"][wrapper][element].reverse()
    assert answers.parse_application(body, APP) == answers.parse_application(application_body(), APP)


def test_the_cluster_may_stand_in_a_group_only() -> None:
    """The cluster of the application is that of its groups when EDAS tells it nowhere else."""
    body = application_body()
    del body["AppInfo"]["Application"]["ClusterId"]
    body["AppInfo"]["GroupList"]["Group"][1]["ClusterId"] = "cluster-2"
    assert answers.parse_application(body, APP).cluster_id == "cluster-2"


@pytest.mark.parametrize(
    ("field", "value", "state"),
    [
        ("AppState", "7", MemberState.RUNNING),
        ("AppState", 3.0, MemberState.UNHEALTHY),
        ("AppState", 0, MemberState.AGENT_OFF),
        ("AppState", 99, MemberState.UNKNOWN),
        ("AppState", None, MemberState.UNKNOWN),
        ("AppState", "", MemberState.UNKNOWN),
    ],
    ids=repr,
)
def test_state_in_any_spelling(field: str, value: object, state: MemberState) -> None:
    """A state may be a number or text; one that is not known is unknown, and never running."""
    body = application_body()
    body["AppInfo"]["EccList"]["Ecc"][1][field] = value
    assert answers.parse_application(body, APP).members[0].state is state


@pytest.mark.parametrize(
    ("value", "online"), [(True, True), ("false", False), (0, False), ("TRUE", True), (None, None)], ids=repr
)
def test_online_in_any_spelling(value: object, online: bool | None) -> None:  # noqa: FBT001 - a parameter
    """Whether the agent answers may be a boolean, a number or text."""
    body = application_body()
    body["AppInfo"]["EcuList"]["Ecu"][0]["Online"] = value
    assert answers.parse_application(body, APP).members[0].online is online


BREAKS: dict[str, Callable[[Json], object]] = {
    "AppInfo": lambda body: body.pop("AppInfo"),
    "AppInfo ": lambda body: body.update(AppInfo="x"),
    "AppInfo.EccList": lambda body: body["AppInfo"].pop("EccList"),
    "AppInfo.EccList ": lambda body: body["AppInfo"].update(EccList=[]),
    "AppInfo.EccList   ": lambda body: body["AppInfo"]["EccList"].pop("Ecc"),
    "AppInfo.EccList     ": lambda body: body["AppInfo"]["EccList"].update(Ecc=None),
    "AppInfo.EccList.Ecc": lambda body: body["AppInfo"]["EccList"].update(Ecc={"EccId": "ecc-1"}),
    "AppInfo.EccList.Ecc   ": lambda body: body["AppInfo"]["EccList"].update(Ecc=["ecc"]),
    "AppInfo.EccList.Ecc[0].GroupId": lambda body: body["AppInfo"]["EccList"]["Ecc"][0].update(GroupId=None),
    "AppInfo.GroupList": lambda body: body["AppInfo"].update(GroupList=None),
    "AppInfo.GroupList  ": lambda body: body["AppInfo"].update(GroupList={}),
    "AppInfo.GroupList.Group": lambda body: body["AppInfo"].update(GroupList={"Group": 1}),
    "AppInfo.GroupList.Group[0].GroupId": lambda body: body["AppInfo"]["GroupList"]["Group"][0].pop(
        "GroupId"
    ),
    "AppInfo.EcuList": lambda body: body["AppInfo"].pop("EcuList"),
    "AppInfo.EcuList.Ecu[0].EcuId": lambda body: body["AppInfo"]["EcuList"]["Ecu"][0].update(EcuId=[]),
    "AppInfo.EcuList.Ecu[0].Online": lambda body: body["AppInfo"]["EcuList"]["Ecu"][0].update(Online="?"),
    "AppInfo.Application": lambda body: body["AppInfo"].update(Application=[]),
    "AppInfo.Application.ApplicationId": lambda body: body["AppInfo"]["Application"].update(
        ApplicationId="b"
    ),
}


@pytest.mark.parametrize(
    "path", BREAKS, ids=[f"{number}-{path.strip()}" for number, path in enumerate(BREAKS)]
)
def test_a_wrong_shape_is_never_no_members(path: str) -> None:
    """What is missing or of another shape is an error that names its path and the request."""
    body = application_body()
    BREAKS[path](body)
    with pytest.raises(NotUnderstoodError) as caught:
        answers.parse_application(body, APP)
    assert caught.value.message.startswith(f"{path.strip()}: expected ")
    assert caught.value.operation == "QueryApplicationStatus"
    assert caught.value.request_id == "request"


ODD: dict[str, Callable[[Json], object]] = {
    "AppInfo.EccList.Ecc[1].EccId": lambda body: body["AppInfo"]["EccList"]["Ecc"][1].pop("EccId"),
    "AppInfo.EccList.Ecc[0].EcuId": lambda body: body["AppInfo"]["EccList"]["Ecc"][0].update(EcuId=""),
    "AppInfo.EccList.Ecc[0].EccId": lambda body: body["AppInfo"]["EccList"]["Ecc"][0].update(EccId="a,b"),
    "AppInfo.EccList.Ecc[0].AppState": lambda body: body["AppInfo"]["EccList"]["Ecc"][0].update(
        AppState="up"
    ),
    "AppInfo.EccList": lambda body: body["AppInfo"]["EccList"]["Ecc"][0].update(EccId="ecc-1"),
    "AppInfo.GroupList": lambda body: body["AppInfo"]["GroupList"]["Group"].pop(1),
    "AppInfo.GroupList.Group[1].GroupType": lambda body: body["AppInfo"]["GroupList"]["Group"][1].update(
        GroupType="beta"
    ),
    "AppInfo.EcuList.Ecu[0].EcuId": lambda body: body["AppInfo"]["EcuList"]["Ecu"][0].update(
        EcuId="", GroupId="group-a"
    ),
}


@pytest.mark.parametrize("path", ODD)
def test_an_odd_entry_spoils_its_group_alone(path: str) -> None:
    """What is odd about one entry is told of its group, and the reading of another group stands (S68)."""
    body = application_body()
    ODD[path](body)
    application = answers.parse_application(body, APP)
    assert application.oddity_of("group-a").startswith(f"{path}: expected ")
    assert application.oddity_of(None)
    assert not application.oddity_of("group-b")


def test_an_application_that_does_not_say_which() -> None:
    """The part about the application itself may be missing; its members do not depend on it."""
    body = application_body()
    del body["AppInfo"]["Application"]
    application = answers.parse_application(body, APP)
    assert (application.name, len(application.members)) == ("", 2)


def test_a_member_listed_twice_is_one() -> None:
    """The same entry twice is one member."""
    body = application_body()
    body["AppInfo"]["EccList"]["Ecc"] *= 2
    assert len(answers.parse_application(body, APP).members) == 2


def test_applications() -> None:
    """A page of applications, in EDAS's order; the cluster type may be missing or text."""
    listed = [{"AppId": "b", "Name": "shop", "ClusterId": "c", "ClusterType": "2"}, {"AppId": "a"}]
    assert answers.parse_applications({"ApplicationList": {"Application": listed}}) == Page(
        (ApplicationSummary("b", "shop", "c", 2), ApplicationSummary("a", "", "", None))
    )


def test_machines() -> None:
    """Machines are sorted; one that does not say whether it is online is taken to be, one without id is not there."""
    listed = [
        {
            "EcuId": "ecu-2",
            "InstanceId": "i-2",
            "IpAddr": "10.0.0.2",
            "ZoneId": "z",
            "Name": "node",
            "Online": False,
        },
        {"EcuId": "ecu-1"},
        {"InstanceId": "i-3", "EcuId": ""},
    ]
    assert answers.parse_machines({"EcuInfoList": {"EcuInfo": listed}}) == (
        Machine("ecu-1", "", "", "", online=True),
        Machine("ecu-2", "i-2", "10.0.0.2", "z", online=False, name="node"),
    )


def test_cluster_members() -> None:
    """An instance that is still being converted has no ECU id yet."""
    listed = [
        {"EcsId": "i-1", "EcuId": "ecu-1", "PrivateIp": "10.0.0.1", "Status": 1},
        {"EcsId": "i-2", "EcuId": "", "Status": "0"},
        {"EcsId": "i-3", "EcuId": "ecu-3"},
        {"EcsId": "i-4"},
    ]
    page = {"ClusterMemberPage": {"TotalSize": "4", "ClusterMemberList": {"ClusterMember": listed}}}
    assert answers.parse_cluster_members(page) == Page(
        (
            ClusterMember("i-1", "ecu-1", "10.0.0.1", 1),
            ClusterMember("i-2", "", "", 0),
            ClusterMember("i-3", "ecu-3", "", 1),
            ClusterMember("i-4", "", "", 0),
        ),
        4,
    )


def test_a_cluster_member_without_any_id() -> None:
    """An entry that names no instance is not understood."""
    page = {"ClusterMemberPage": {"ClusterMemberList": {"ClusterMember": [{"Status": 1}]}}}
    with pytest.raises(NotUnderstoodError, match="EcsId"):
        answers.parse_cluster_members(page)


def test_change_orders() -> None:
    """Orders keep EDAS's number, group and times."""
    listed = [
        {
            "ChangeOrderId": ORDER,
            "GroupId": "group-a",
            "Status": "1",
            "CoType": "Scale Out",
            "CreateUserId": "ops",
            "CreateTime": "2026-01-02 03:04:05",
        }
    ]
    assert answers.parse_change_orders({"ChangeOrderList": {"ChangeOrder": listed}}) == (
        ChangeOrder(ORDER, "group-a", 1, "Scale Out", "ops", "2026-01-02 03:04:05", "Scale Out"),
    )


@pytest.mark.parametrize(("status", "there"), [(1, True), (None, True), (4, False), ("4", False)], ids=repr)
def test_a_cluster_that_was_deleted(status: object, there: bool) -> None:  # noqa: FBT001 - a parameter
    """A cluster that EDAS still tells about may have been deleted."""
    body = {"Cluster": {"ClusterId": "c", "ClusterType": "2", "ClusterImportStatus": status}}
    assert answers.parse_cluster(body, "c") == Cluster("c", 2, present=there)


@pytest.mark.parametrize("body", [{}, {"Cluster": {}}, {"Cluster": {"ClusterId": "another"}}], ids=str)
def test_a_cluster_that_is_not_told(body: Json) -> None:
    """An answer without the cluster, or about another one, is not understood."""
    with pytest.raises(NotUnderstoodError):
        answers.parse_cluster(body, "c")


@pytest.mark.parametrize("missing", ["ChangeOrderId", "Status"])
def test_a_change_order_without(missing: str) -> None:
    """An order without id or status cannot be waited for, so the list is not understood."""
    order = {"ChangeOrderId": ORDER, "Status": 1}
    del order[missing]
    with pytest.raises(NotUnderstoodError, match=missing):
        answers.parse_change_orders({"ChangeOrderList": {"ChangeOrder": [order]}})


@pytest.mark.parametrize(
    "body", [{}, {"ChangeOrderId": None}, {"ChangeOrderId": ""}, {"ChangeOrderId": []}], ids=str
)
def test_an_accepted_order_has_an_id(body: Json) -> None:
    """A submission that tells no order id is ambiguous; forced ones have none, unless it is no id at all."""
    with pytest.raises(NotUnderstoodError):
        answers.parse_order_id("ScaleOutApplication", body)
    if body.get("ChangeOrderId") == []:
        with pytest.raises(NotUnderstoodError):
            answers.parse_forced_order_id("ScaleInApplication", body)
    else:
        assert answers.parse_forced_order_id("ScaleInApplication", body) is None


def test_a_forced_order_with_an_id() -> None:
    """An id that EDAS gives is never thrown away."""
    assert answers.parse_forced_order_id("ScaleInApplication", {"ChangeOrderId": ORDER}) == ORDER


TIMEOUT = "EDAS-10002 Task timeout during execution"


def instance(ip: str, status: int, message: str = "", name: str = "node") -> Json:
    """Return an instance of a stage, with one step."""
    step = {"StageName": "Start Application", "Status": status, "StageMessage": message}
    return {
        "InstanceIp": ip,
        "InstanceName": name,
        "Status": status,
        "InstanceStageDTOList": {"InstanceStageDTO": [step]},
    }


def order_body(
    status: object = 3,
    instances: tuple[Json, ...] = (),
    tasks: tuple[Json, ...] = (),
    service: Json | None = None,
    pipeline_status: object = 3,
) -> Json:
    """Return an order of one batch with one stage."""
    result = {"ServiceStage": service, "InstanceDTOList": {"InstanceDTO": list(instances)}}
    stages = [{"StageName": "Scale Out", "Status": 3, "StageResultDTO": result}]
    details = [{"StageName": "Process Start", "TaskList": {"TaskInfoDTO": list(tasks)}}]
    pipeline = {
        "PipelineId": "pipeline-1",
        "PipelineStatus": pipeline_status,
        "StageList": {"StageInfoDTO": stages},
        "StageDetailList": {"StageDetailDTO": details},
    }
    order = {
        "ChangeOrderId": ORDER,
        "Status": status,
        "ChangeOrderDescription": "scale out",
        "CreateUserId": "ops",
        "PipelineInfoList": {"PipelineInfo": [pipeline]},
    }
    return {"Code": 200, "changeOrderInfo": order}


def failures_of(body: Json) -> tuple[TaskFailure, ...]:
    """Return what a report says went wrong."""
    return answers.parse_order_report(body, ORDER).failures


def task(status: object, code: str = "", message: str = "", ignorance: object = 0) -> Json:
    """Return a task of a batch."""
    return {
        "TaskName": "Start Application",
        "TaskStatus": status,
        "TaskErrorCode": code,
        "TaskErrorMessage": message,
        "TaskErrorIgnorance": ignorance,
    }


def test_order_report() -> None:
    """A running order is a number, a description, a person, and the addresses of its instances."""
    body = order_body(status="1", instances=(instance("10.0.0.1", 1),), tasks=(task("1"),), pipeline_status=1)
    expected = OrderReport(ORDER, 1, "scale out", "ops", (), None, frozenset({"10.0.0.1"}))
    assert answers.parse_order_report(body, ORDER) == expected


def test_order_report_names_instances_in_its_description_only() -> None:
    """An order without stages yet still names its instances, in the text that EDAS shows for it."""
    body = {"Code": 200, "changeOrderInfo": {"Status": 1, "Desc": "IP of Scale-Out Instance: 172.16.0.12"}}
    assert answers.parse_order_report(body, ORDER).ips == {"172.16.0.12"}


def test_a_failure_said_in_three_places_is_one() -> None:
    """EDAS repeats a failure for the stage, the instance and the task; it is told once, for the instance."""
    body = order_body(
        instances=(instance("10.0.0.2", 2), instance("10.0.0.1", 3, TIMEOUT)),
        tasks=(task("3", "EDAS-10002", TIMEOUT),),
        service={"StageName": "Process Start", "Status": 3, "Message": TIMEOUT},
    )
    assert failures_of(body) == (TaskFailure("10.0.0.1", "node", "Start Application", "EDAS-10002", TIMEOUT),)


def test_each_instance_keeps_its_failure() -> None:
    """Two instances that fail alike are two failures, sorted by address."""
    body = order_body(instances=(instance("10.0.0.2", 3, TIMEOUT), instance("10.0.0.1", 10, TIMEOUT)))
    assert [failure.ip for failure in failures_of(body)] == ["10.0.0.1", "10.0.0.2"]


def test_a_failure_of_the_batch_only() -> None:
    """A failure that no instance explains is told for the batch."""
    body = order_body(
        tasks=(task("3", "", "EDAS-10001 STAR_AGENT_OFFLINE"), task("3", "", "EDAS-10001 again"))
    )
    (failure,) = failures_of(body)
    assert (failure.ip, failure.code, failure.stage) == ("", "EDAS-10001", "Start Application")


def test_a_silent_instance_takes_the_only_reason_of_its_batch() -> None:
    """An instance that failed without a text failed for the reason the batch gives, if it gives one."""
    body = order_body(instances=(instance("10.0.0.1", 3),), tasks=(task("3", "EDAS-10000", "disk full"),))
    assert failures_of(body) == (
        TaskFailure("10.0.0.1", "node", "Start Application", "EDAS-10000", "disk full"),
    )


AGENT = "EDAS-10001"


@pytest.mark.parametrize(
    ("of_instance", "of_task", "of_service"),
    [
        ("STAR_AGENT_OFFLINE", None, ""),
        ("failed", task("3", "EDAS-10001"), ""),
        ("", task("3", "STAR_AGENT_OFFLINE", "failed"), ""),
        ("failed", task("3", "10001", "the agent does not answer"), ""),
        ("failed", task(2, "", "done") | {"TaskMessage": "log\nEDAS-10001 STAR_AGENT_OFFLINE\nend"}, ""),
        ("failed", None, "172.16.0.12: STAR_AGENT_OFFLINE"),
        ("failed", task("3", "EDAS-10002", "tolerated", ignorance=1), "EDAS-10001"),
    ],
)
def test_the_code_of_an_instance_wherever_it_stands(
    of_instance: str, of_task: Json | None, of_service: str
) -> None:
    """S76: code, or EDAS's name for it, is found in any place of an order, and joined to the instance that failed."""
    body = order_body(
        instances=(instance("172.16.0.12", 3, of_instance), instance("172.16.0.13", 2)),
        tasks=() if of_task is None else (of_task,),
        service={"StageName": "Process Start", "Status": 3 if of_service else 2, "Message": of_service},
    )
    assert [(failure.ip, failure.code) for failure in failures_of(body)] == [("172.16.0.12", AGENT)]


def test_the_address_in_a_text_tells_whose_code_it_is() -> None:
    """S76: of two instances that failed, the one whose address stands beside a code has it."""
    body = order_body(
        instances=(instance("172.16.0.12", 3, "failed"), instance("172.16.0.13", 3, "slow")),
        tasks=(
            task(3, "EDAS-10002", "172.16.0.13 took too long"),
            task(3, "", "172.16.0.12 STAR_AGENT_OFFLINE"),
        ),
    )
    assert [(each.ip, each.code) for each in failures_of(body)] == [
        ("172.16.0.12", AGENT),
        ("172.16.0.13", "EDAS-10002"),
    ]


def test_two_reasons_are_not_guessed_between() -> None:
    """With two reasons for one silent instance all three are told."""
    tasks = (task("3", "EDAS-10000", "disk full"), task(3, "EDAS-10014", "denied"))
    body = order_body(instances=(instance("10.0.0.1", 3),), tasks=tasks)
    assert [(failure.ip, failure.code) for failure in failures_of(body)] == [
        ("", "EDAS-10000"),
        ("", "EDAS-10014"),
        ("10.0.0.1", ""),
    ]


@pytest.mark.parametrize("ignorance", [1, "1"], ids=repr)
def test_a_tolerated_task_is_no_failure(ignorance: object) -> None:
    """A task whose failure EDAS tolerates is not told."""
    assert failures_of(order_body(tasks=(task("3", "EDAS-10002", TIMEOUT, ignorance),))) == ()


def test_a_task_error_code_without_a_message() -> None:
    """A code alone is a failure, too."""
    (failure,) = failures_of(order_body(tasks=(task("3", "EDAS-10016"),)))
    assert (failure.code, failure.message) == ("EDAS-10016", "EDAS-10016")


def test_an_instance_without_steps() -> None:
    """An instance that failed before its first step is told with the stage."""
    failed = instance("10.0.0.1", 3) | {"InstanceStageDTOList": None}
    assert failures_of(order_body(instances=(failed,))) == (
        TaskFailure("10.0.0.1", "node", "Scale Out", "", ""),
    )


def test_a_stage_without_a_result() -> None:
    """A stage that has not come to a result yet has no failures."""
    body = order_body(tasks=(task("3", "EDAS-10002", TIMEOUT),))
    body["changeOrderInfo"]["PipelineInfoList"]["PipelineInfo"][0]["StageList"]["StageInfoDTO"][0] = {
        "Status": 1
    }
    assert [failure.code for failure in failures_of(body)] == ["EDAS-10002"]


@pytest.mark.parametrize(
    ("text", "ip"),
    [
        ("47.0.0.1 (Public)<br>172.16.0.1 (Private)", "172.16.0.1"),
        ("172.16.0.1(Private)<br/>47.0.0.1(Public)", "172.16.0.1"),
        ("47.0.0.1 (公)<br>172.16.0.1 (私有)", "172.16.0.1"),
        ("47.0.0.1<br>10.0.0.1", "10.0.0.1"),
        ("47.0.0.1, 10.0.0.1", "10.0.0.1"),
        ("172.16.0.1", "172.16.0.1"),
        ("47.0.0.1 (Public)", "47.0.0.1"),
        ("", ""),
        (" <br> ", ""),
        ("node", "node"),
    ],
)
def test_private_ip(text: str, ip: str) -> None:
    """The private address is the one by which members are known."""
    assert answers.private_ip(text) == ip


@pytest.mark.parametrize(
    ("status", "pipeline_status", "held"),
    [(8, 8, "pipeline-1"), ("8", 0, "pipeline-1"), (8, 2, None), (1, 8, None), (8, None, "pipeline-1")],
)
def test_held_batch(status: object, pipeline_status: object, held: str | None) -> None:
    """An order that waits for a person names the batch that is to be confirmed."""
    report = answers.parse_order_report(order_body(status=status, pipeline_status=pipeline_status), ORDER)
    assert report.held_pipeline_id == held


def test_the_held_batch_is_not_just_the_first_open_one() -> None:
    """Of several batches it is the one that waits."""
    body = order_body(status=8, pipeline_status=0)
    body["changeOrderInfo"]["PipelineInfoList"]["PipelineInfo"].append(
        {"PipelineId": "p2", "PipelineStatus": "8"}
    )
    assert answers.parse_order_report(body, ORDER).held_pipeline_id == "p2"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ChangeOrderInfo": {"Status": 2}},
        {"changeOrderInfo": None},
        {"changeOrderInfo": {}},
        {"changeOrderInfo": {"Status": None}},
        {"changeOrderInfo": {"Status": "done"}},
        {"changeOrderInfo": {"Status": True}},
        {"changeOrderInfo": {"Status": 2, "ChangeOrderId": "another"}},
    ],
    ids=str,
)
def test_an_order_without_a_status(body: Json) -> None:
    """An order whose status is not told, or of which another is told, is not understood."""
    with pytest.raises(NotUnderstoodError):
        answers.parse_order_report(body, ORDER)


@pytest.mark.parametrize(
    "wrong", [None, [], {}, "x", 1, [None], {"PipelineInfo": "x"}, {"PipelineInfo": [1]}], ids=str
)
def test_an_order_may_keep_its_reasons_to_itself(wrong: object) -> None:
    """The inner parts only explain; without them the status still stands."""
    body = order_body(status=3)
    body["changeOrderInfo"]["PipelineInfoList"] = wrong
    report = answers.parse_order_report(body, ORDER)
    assert (report.status, report.failures) == (3, ())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**17, 10**19)
    | st.floats()
    | st.text()
    | st.sampled_from(["", "1", "8", "²", "1_0", "1" * 30, APP, ORDER, "i-1", "a,b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

PARSERS: dict[str, tuple[Callable[[object], object], Json]] = {
    "application": (lambda body: answers.parse_application(body, APP), application_body()),
    "applications": (
        answers.parse_applications,
        {
            "ApplicationList": {
                "Application": [{"AppId": "a", "Name": "n", "ClusterId": "c", "ClusterType": 2}]
            }
        },
    ),
    "machines": (
        answers.parse_machines,
        {"EcuInfoList": {"EcuInfo": [{"EcuId": "e", "InstanceId": "i-1", "Online": True}, {"EcuId": "f"}]}},
    ),
    "cluster members": (
        answers.parse_cluster_members,
        {
            "ClusterMemberPage": {
                "ClusterMemberList": {"ClusterMember": [{"EcsId": "i-1", "EcuId": "e", "Status": 1}]}
            }
        },
    ),
    "cluster": (
        lambda body: answers.parse_cluster(body, "c"),
        {"Cluster": {"ClusterId": "c", "ClusterImportStatus": 1}},
    ),
    "change orders": (
        answers.parse_change_orders,
        {"ChangeOrderList": {"ChangeOrder": [{"ChangeOrderId": ORDER, "Status": 1, "GroupId": "g"}]}},
    ),
    "order": (
        lambda body: answers.parse_order_report(body, ORDER),
        order_body(
            instances=(instance("10.0.0.1 (Private)", 3, TIMEOUT), instance("10.0.0.2", 3)),
            tasks=(task("3", "EDAS-10002", TIMEOUT),),
            service={"StageName": "s", "Status": 3, "Message": "m"},
        ),
    ),
    "order id": (lambda body: answers.parse_order_id("ScaleOutApplication", body), {"ChangeOrderId": ORDER}),
    "forced order id": (
        lambda body: answers.parse_forced_order_id("ScaleInApplication", body),
        {"ChangeOrderId": ORDER},
    ),
}


def places_of(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the paths of all values in a JSON value."""
    inner: list[tuple[object, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, child in inner for place in places_of(child, (*path, key)))]


def replaced(value: Any, path: tuple[object, ...], new: object) -> object:  # noqa: ANN401 - any JSON
    """Return a copy of a JSON value with another value at one place."""
    if not path:
        return new
    result = copy.copy(value)
    result[path[0]] = replaced(value[path[0]], path[1:], new)
    return result


@pytest.mark.parametrize("name", PARSERS)
def test_a_good_answer_is_understood(name: str) -> None:
    """The bodies that the next tests break are right."""
    parse, body = PARSERS[name]
    parse(body)


@pytest.mark.parametrize("name", PARSERS)
@given(body=JSON)
def test_any_json_is_a_value_or_not_understood(name: str, body: object) -> None:
    """Whatever JSON comes back, a parser returns a value or says that it does not understand."""
    parse, _ = PARSERS[name]
    with contextlib.suppress(NotUnderstoodError):
        hash(parse(body))


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_broken_answer_is_a_value_or_not_understood(name: str, data: st.DataObject) -> None:
    """A good answer with anything at any one of its places is a value, or is said not to be understood."""
    parse, body = PARSERS[name]
    broken = replaced(body, data.draw(st.sampled_from(places_of(body))), data.draw(JSON))
    with contextlib.suppress(NotUnderstoodError):
        hash(parse(broken))


@given(data=st.data())
def test_no_damage_hides_a_member(data: st.DataObject) -> None:
    """A damaged answer is an error, says which group is spoiled, or still shows every member that was not touched."""
    body = application_body()
    place = data.draw(st.sampled_from([p for p in places_of(body) if "Ecc" not in p[:-1]]))
    new = data.draw(JSON.filter(lambda value: not isinstance(value, list)))
    try:
        application = answers.parse_application(replaced(body, place, new), APP)
    except NotUnderstoodError:
        return
    assert application.odd or {member.ecc_id for member in application.members} == {"ecc-1", "ecc-2"}
