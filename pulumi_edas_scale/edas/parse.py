"""From the raw JSON of an answer to the values of ``model.py``.

This file's law: an answer is understood or it is an error. Every function takes any JSON value and returns a
value or raises ``NotUnderstoodError`` with the path of what was wrong, never another exception; above all a
list that is missing is never an empty list (law 8). Types may drift where nothing hangs on them (a number as
text, text as a number). The inner parts of a change order are the exception: they only explain a failure, so
what is missing there is left out.

Pure, and without the SDK: its models drop what they do not expect, so they are not asked.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pulumi_edas_scale.domain.errors import NotUnderstoodError
from pulumi_edas_scale.domain.model import (
    MEMBER_STATES,
    Application,
    ApplicationSummary,
    ChangeOrder,
    ClusterMember,
    DeployGroup,
    Machine,
    Member,
    MemberState,
    OrderReport,
    TaskFailure,
    TaskState,
)
from pulumi_edas_scale.edas.failures import quote, request_id_of


@dataclass(frozen=True, slots=True)
class _Node:
    """One object of an answer, and where it stands there."""

    operation: str
    request_id: str
    path: str
    value: Mapping[str, object]

    def wrong(self, key: str, expected: str) -> NotUnderstoodError:
        """Return the error that says what was expected under a key, and what is there."""
        path = f"{self.path}.{key}" if self.path else key
        given = _describe(self.value[key]) if key in self.value else "nothing"
        return NotUnderstoodError(
            self.operation, "200", f"{path}: expected {expected}, got {given}", self.request_id
        )

    def node(self, key: str) -> _Node:
        """Return the object under a key."""
        value = self.value.get(key)
        if not isinstance(value, Mapping):
            raise self.wrong(key, "an object")
        return replace(self, path=f"{self.path}.{key}" if self.path else key, value=value)

    def nodes(self, wrapper: str, element: str) -> tuple[_Node, ...]:
        """Return the objects of a list, which EDAS wraps twice: ``EccList.Ecc``."""
        inner = self.node(wrapper)
        values = inner.value.get(element)
        if not isinstance(values, list):
            raise inner.wrong(element, "a list")
        for index, value in enumerate(values):
            if not isinstance(value, Mapping):
                raise inner.wrong(element, f"objects (at index {index})")
        return tuple(
            replace(inner, path=f"{inner.path}.{element}[{index}]", value=value)
            for index, value in enumerate(values)
        )

    def text(self, key: str) -> str:
        """Return the text under a key, empty when there is none."""
        value = self.value.get(key)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_LARGE:
            return str(value)
        raise self.wrong(key, "text")

    def identifier(self, key: str) -> str:
        """Return the id under a key; one that could be read as two in a comma-joined list is none."""
        text = self.text(key)
        if not re.fullmatch(r"[^\s,]+", text):
            raise self.wrong(key, "an id")
        return text

    def number(self, key: str) -> int | None:
        """Return the whole number under a key, whether written as number or text; None when there is none."""
        value = self.value.get(key)
        if value is None or value == "":
            return None
        number = as_integer(value)
        if number is None:
            raise self.wrong(key, "a whole number")
        return number

    def required_number(self, key: str) -> int:
        """Return the whole number under a key."""
        number = self.number(key)
        if number is None:
            raise self.wrong(key, "a whole number")
        return number

    def flag(self, key: str) -> bool | None:
        """Return the boolean under a key, however it is written; None when there is none."""
        value = self.value.get(key)
        if value is None or value == "":
            return None
        word = str(value).lower() if isinstance(value, (bool, int, str)) else ""
        if word not in {"true", "false", "1", "0"}:
            raise self.wrong(key, "true or false")
        return word in {"true", "1"}


_TOO_LARGE: Final = 10**18
"""Beyond every number of EDAS; larger ones are not even turned into text, which Python limits."""


def _describe(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"'{quote(value)[:40]}'"
    if isinstance(value, (list, Mapping)):
        return "a list" if isinstance(value, list) else "an object"
    return f"a {type(value).__name__}"


def as_integer(value: object) -> int | None:
    """Return a JSON value as whole number, None when it is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < _TOO_LARGE else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < _TOO_LARGE else None
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,17}\s*", value):
        return int(value)
    return None


def _root(operation: str, body: object) -> _Node:
    if not isinstance(body, Mapping):
        raise NotUnderstoodError(operation, "200", f"expected an object, got {_describe(body)}")
    return _Node(operation, request_id_of(body), "", body)


def parse_application(body: object, app_id: str) -> Application:
    """Read the answer of QueryApplicationStatus.

    Args:
        body: the whole body.
        app_id: the application that was asked for; an answer about another one is not an answer.

    Returns:
        Groups sorted by id and members sorted by ECU id.

    Raises:
        NotUnderstoodError: a list is missing, or an entry has no id.

    Source: EDAS API 2017-08-01, QueryApplicationStatus.
    """
    info = _root("QueryApplicationStatus", body).node("AppInfo")
    application = (
        info.node("Application") if info.value.get("Application") is not None else replace(info, value={})
    )
    answered_id = application.text("ApplicationId")
    if answered_id and answered_id != app_id:
        raise application.wrong("ApplicationId", f"'{app_id}'")
    groups = info.nodes("GroupList", "Group")
    machines = {node.identifier("EcuId"): node for node in info.nodes("EcuList", "Ecu")}
    members = {_member(node, machines) for node in info.nodes("EccList", "Ecc")}
    if len({member.ecc_id for member in members}) != len(members):
        raise info.wrong("EccList", "each EccId once")
    cluster_ids = (application.text("ClusterId"), *(group.text("ClusterId") for group in groups))
    return Application(
        app_id=app_id,
        name=application.text("Name"),
        cluster_id=next(filter(None, cluster_ids), ""),
        groups=tuple(sorted(map(_group, groups), key=lambda group: group.group_id)),
        members=tuple(sorted(members)),
    )


def _group(node: _Node) -> DeployGroup:
    return DeployGroup(
        group_id=node.identifier("GroupId"),
        name=node.text("GroupName"),
        deployed=bool(node.text("PackageVersionId") or node.text("AppVersionId")),
        kind=node.number("GroupType") or 0,
    )


def _member(node: _Node, machines: Mapping[str, _Node]) -> Member:
    ecu_id = node.identifier("EcuId")
    machine = machines.get(ecu_id) or replace(node, value={})
    task = node.number("TaskState")
    return Member(
        ecu_id=ecu_id,
        instance_id=machine.text("InstanceId"),
        ecc_id=node.identifier("EccId"),
        ip=node.text("Ip") or machine.text("IpAddr"),
        zone=machine.text("ZoneId"),
        group_id=node.identifier("GroupId"),
        state=MEMBER_STATES.get(
            -1 if (state := node.number("AppState")) is None else state, MemberState.UNKNOWN
        ),
        task=TaskState(task) if task in set(TaskState) else TaskState.UNKNOWN,
        online=machine.flag("Online"),
    )


def parse_applications(body: object) -> tuple[ApplicationSummary, ...]:
    """Read one page of ListApplication, in EDAS's order."""
    nodes = _root("ListApplication", body).nodes("ApplicationList", "Application")
    return tuple(
        ApplicationSummary(
            app_id=node.identifier("AppId"),
            name=node.text("Name"),
            cluster_id=node.text("ClusterId"),
            cluster_type=node.number("ClusterType"),
            state=node.text("State"),
            instances=node.number("Instances"),
            running=node.number("RunningInstanceCount"),
        )
        for node in nodes
    )


def parse_machines(body: object) -> tuple[Machine, ...]:
    """Read the answer of ListScaleOutEcu, sorted by ECU id; online is what does not say otherwise."""
    nodes = _root("ListScaleOutEcu", body).nodes("EcuInfoList", "EcuInfo")
    return tuple(
        sorted(
            Machine(
                ecu_id=node.identifier("EcuId"),
                instance_id=node.text("InstanceId"),
                ip=node.text("IpAddr"),
                zone=node.text("ZoneId"),
                online=node.flag("Online") is not False,
                name=node.text("Name"),
            )
            for node in nodes
        )
    )


def parse_cluster_members(body: object) -> tuple[ClusterMember, ...]:
    """Read one page of ListClusterMembers, in EDAS's order.

    An instance without a status counts as converted (1) when it has an ECU id, and else as being converted
    (0).
    """
    page = _root("ListClusterMembers", body).node("ClusterMemberPage")
    return tuple(_cluster_member(node) for node in page.nodes("ClusterMemberList", "ClusterMember"))


def _cluster_member(node: _Node) -> ClusterMember:
    ecu_id = node.identifier("EcuId") if node.text("EcuId") else ""
    status = node.number("Status")
    return ClusterMember(
        instance_id=node.text("EcsId") if ecu_id else node.identifier("EcsId"),
        ecu_id=ecu_id,
        ip=node.text("PrivateIp"),
        status=int(bool(ecu_id)) if status is None else status,
    )


DELETED_CLUSTER: Final = 4
"""``ClusterImportStatus`` of a cluster that EDAS still tells about although it was deleted."""


def parse_cluster_presence(body: object, cluster_id: str) -> bool:
    """Read from the answer of GetCluster whether the cluster that was asked for is there."""
    cluster = _root("GetCluster", body).node("Cluster")
    if cluster.identifier("ClusterId") != cluster_id:
        raise cluster.wrong("ClusterId", f"'{cluster_id}'")
    return cluster.number("ClusterImportStatus") != DELETED_CLUSTER


def parse_change_orders(body: object) -> tuple[ChangeOrder, ...]:
    """Read the answer of ListRecentChangeOrder, in EDAS's order, which is not documented."""
    nodes = _root("ListRecentChangeOrder", body).nodes("ChangeOrderList", "ChangeOrder")
    return tuple(
        ChangeOrder(
            order_id=node.identifier("ChangeOrderId"),
            group_id=node.text("GroupId"),
            status=node.required_number("Status"),
            description=node.text("ChangeOrderDescription") or node.text("CoType"),
            created_by=node.text("CreateUserId"),
            created_at=node.text("CreateTime"),
        )
        for node in nodes
    )


def parse_order_id(operation: str, body: object) -> str:
    """Read the id of the change order that a scale out or scale in started.

    Raises:
        NotUnderstoodError: there is none, so nobody knows whether the order runs.
    """
    return _root(operation, body).identifier("ChangeOrderId")


def parse_forced_order_id(operation: str, body: object) -> str | None:
    """Read the same of a forced scale in, which normally starts no order."""
    root = _root(operation, body)
    return root.identifier("ChangeOrderId") if root.text("ChangeOrderId") else None


HELD: Final = 8
"""Status of an order or a batch that waits for a person."""

ENDED: Final = frozenset({2, 3, 6, 7, 10})
"""Statuses after which nothing more happens by itself; ``orders.py`` says what each means."""

FAILED: Final = frozenset({3, 6, 10})
"""Of these, the ones of a stage, instance or task that went wrong or was stopped."""

TOLERATED: Final = 1
"""``TaskErrorIgnorance`` of a task whose failure does not fail the order."""


def parse_order_report(body: object, order_id: str) -> OrderReport:
    """Read the answer of GetChangeOrderInfo.

    Args:
        body: the whole body.
        order_id: the order that was asked for; an answer about another one is not an answer.

    Returns:
        The state of the order; its failures sorted by instance, each named once.

    Raises:
        NotUnderstoodError: the order or its status is missing.

    Source: EDAS API 2017-08-01, GetChangeOrderInfo. The wrapper's first letter is a small one.
    """
    order = _root("GetChangeOrderInfo", body).node("changeOrderInfo")
    answered_id = order.text("ChangeOrderId")
    if answered_id and answered_id != order_id:
        raise order.wrong("ChangeOrderId", f"'{order_id}'")
    status = order.required_number("Status")
    pipelines = tuple(_loose(order.value, "PipelineInfoList", "PipelineInfo"))
    return OrderReport(
        order_id=order_id,
        status=status,
        description=order.text("ChangeOrderDescription") or order.text("Desc"),
        created_by=order.text("CreateUserId"),
        failures=_failures(pipelines),
        held_pipeline_id=_held_pipeline(pipelines) if status == HELD else None,
        ips=_instance_ips(pipelines) or frozenset(_ADDRESS.findall(order.text("Desc"))),
    )


def _loose(value: Mapping[str, object], *path: str) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a list below an object, none where the shape is another one."""
    inner: object = value
    for key in path:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    for element in inner if isinstance(inner, Sequence) and not isinstance(inner, str) else ():
        if isinstance(element, Mapping):
            yield element


def _loose_text(value: Mapping[str, object], *keys: str) -> str:
    """Return the first text under one of the keys, in one line; empty when there is none."""
    return next((quote(text) for key in keys if isinstance(text := value.get(key), str) and text.strip()), "")


_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")


def _instance_ips(pipelines: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the private addresses of the instances that the stages name."""
    stages = (stage for pipeline in pipelines for stage in _loose(pipeline, "StageList", "StageInfoDTO"))
    results = (result for stage in stages if isinstance(result := stage.get("StageResultDTO"), Mapping))
    instances = (each for result in results for each in _loose(result, "InstanceDTOList", "InstanceDTO"))
    return frozenset(ip for each in instances if (ip := private_ip(_raw_text(each, "InstanceIp"))))


def _held_pipeline(pipelines: Sequence[Mapping[str, object]]) -> str | None:
    waiting = [(as_integer(pipeline.get("PipelineStatus")), _pipeline_id(pipeline)) for pipeline in pipelines]
    held = [pipeline_id for status, pipeline_id in waiting if pipeline_id and status == HELD]
    unended = [pipeline_id for status, pipeline_id in waiting if pipeline_id and status not in ENDED]
    return next(iter(held + unended), None)


def _pipeline_id(pipeline: Mapping[str, object]) -> str:
    value = pipeline.get("PipelineId")
    return value if isinstance(value, str) else ""


def _failures(pipelines: Sequence[Mapping[str, object]]) -> tuple[TaskFailure, ...]:
    """Return what failed: per instance if EDAS tells it, and for the batch what is said nowhere else."""
    found = [
        failure
        for pipeline in pipelines
        for failure in (*_stage_failures(pipeline), *_task_failures(pipeline))
    ]
    of_instance = {
        (failure.ip, failure.instance_name, _reason(failure)): failure
        for failure in reversed(found)
        if failure.ip or failure.instance_name
    }
    said = {_reason(failure) for failure in of_instance.values()} | {""}
    of_batch = {
        _reason(failure): failure
        for failure in reversed(found)
        if not (failure.ip or failure.instance_name) and _reason(failure) not in said
    }
    if len(of_batch) == 1 and "" in {_reason(failure) for failure in of_instance.values()}:
        (cause,) = of_batch.values()
        of_batch = {}
        of_instance = {key: _explained(failure, cause) for key, failure in of_instance.items()}
    failures = {*of_batch.values(), *of_instance.values()}
    return tuple(sorted(failures, key=lambda failure: (failure.ip, failure.instance_name, _reason(failure))))


def _reason(failure: TaskFailure) -> str:
    """Return what tells two failures of one instance apart: EDAS repeats each in several places."""
    return failure.code or failure.message


def _explained(failure: TaskFailure, cause: TaskFailure) -> TaskFailure:
    """Return a failure of an instance that says nothing, with the only reason given for its batch."""
    return failure if _reason(failure) else replace(failure, code=cause.code, message=cause.message)


def _stage_failures(pipeline: Mapping[str, object]) -> Iterator[TaskFailure]:
    for stage in _loose(pipeline, "StageList", "StageInfoDTO"):
        result = stage.get("StageResultDTO")
        if not isinstance(result, Mapping):
            continue
        service = result.get("ServiceStage")
        if isinstance(service, Mapping) and as_integer(service.get("Status")) in FAILED:
            yield _failure("", "", _loose_text(service, "StageName"), _loose_text(service, "Message"))
        for instance in _loose(result, "InstanceDTOList", "InstanceDTO"):
            yield from _instance_failures(instance, _loose_text(stage, "StageName"))


def _instance_failures(instance: Mapping[str, object], stage_name: str) -> Iterator[TaskFailure]:
    ip, name = private_ip(_raw_text(instance, "InstanceIp")), _loose_text(instance, "InstanceName")
    failed = [
        stage
        for stage in _loose(instance, "InstanceStageDTOList", "InstanceStageDTO")
        if as_integer(stage.get("Status")) in FAILED
    ]
    for stage in failed:
        yield _failure(ip, name, _loose_text(stage, "StageName"), _loose_text(stage, "StageMessage"))
    if not failed and as_integer(instance.get("Status")) in FAILED:
        yield _failure(ip, name, stage_name, "")


def _task_failures(pipeline: Mapping[str, object]) -> Iterator[TaskFailure]:
    for stage in _loose(pipeline, "StageDetailList", "StageDetailDTO"):
        for task in _loose(stage, "TaskList", "TaskInfoDTO"):
            if as_integer(task.get("TaskErrorIgnorance")) == TOLERATED:
                continue
            if as_integer(task.get("TaskStatus")) in FAILED:
                code = _loose_text(task, "TaskErrorCode")
                message = _loose_text(task, "TaskErrorMessage", "TaskMessage")
                yield _failure("", "", _loose_text(task, "TaskName"), message or code, code)


def _failure(ip: str, name: str, stage: str, message: str, code: str = "") -> TaskFailure:
    found = re.search(r"EDAS-\d{5}(?!\d)", f"{code} {message}")
    return TaskFailure(
        ip=ip, instance_name=name, stage=stage, code=found.group() if found else "", message=message
    )


def _raw_text(value: Mapping[str, object], key: str) -> str:
    text = value.get(key)
    return text if isinstance(text, str) else ""


def private_ip(text: str) -> str:
    """Return the private address of ``47.0.0.1 (Public)<br>172.16.0.1 (Private)``, or the only one."""
    split = (
        part.replace("(", " (").split() for part in re.split(r"<br\s*/?>|[,;\n]", text, flags=re.IGNORECASE)
    )
    parts = [words for words in split if words]
    named = [words[0] for words in parts if re.search(r"private|私", " ".join(words[1:]), re.IGNORECASE)]
    private = [words[0] for words in parts if _is_private(words[0])]
    return next(iter((*named, *private, *(words[0] for words in parts))), "")


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False
