"""From the raw JSON of an answer to the values of ``model.py``.

This file's law: an answer is understood or it is an error. Every function takes any JSON value and returns a
value or raises ``UnknownShapeError`` with the path of what was wrong, never another exception (law 8). How EDAS
spells an empty list is not known, so a list that is not there counts as empty only where the same answer says so
in another place, or where nothing hangs on it: a group without members is always a fact. Types may drift where
nothing hangs on them (a number as text, text as a number). What is odd about one member spoils the reading of its
group alone. The inner parts of a change order are the exception: they only explain a failure, so what is missing
there is left out.

Pure, and without the SDK: its models drop what they do not expect, so they are not asked.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from pulumi_edas_scale.domain.errors import CutListError, MissingListError, UnknownShapeError
from pulumi_edas_scale.domain.model import (
    MEMBER_STATES,
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
from pulumi_edas_scale.domain.orders import Phase, is_ended, phase_of
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS, find_code
from pulumi_edas_scale.edas.failures import quote, request_id_of

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Node:
    """One object of an answer, and where it stands there."""

    operation: str
    request_id: str
    path: str
    value: Mapping[str, object]

    def wrong(
        self,
        key: str,
        expected: str,
        error: type[UnknownShapeError] = UnknownShapeError,
        given: str | None = None,
    ) -> UnknownShapeError:
        """Return the error that says what was expected under a key, and what is there."""
        path = f"{self.path}.{key}" if self.path else key
        if given is None:
            given = _describe(self.value[key]) if key in self.value else "nothing"
        return error(self.operation, "200", f"{path}: expected {expected}, got {given}", self.request_id)

    def node(self, key: str) -> _Node:
        """Return the object under a key."""
        value = self.value.get(key)
        if not isinstance(value, Mapping):
            raise self.wrong(key, "an object")
        return replace(self, path=f"{self.path}.{key}" if self.path else key, value=value)

    def nodes(self, wrapper: str, element: str) -> tuple[_Node, ...] | None:
        """Return the elements of a list, which EDAS wraps twice: ``EccList.Ecc``.

        Returns:
            None where there is no list: nothing, ``null``, ``""``, ``{}`` or ``[]`` in the place of the wrapper, or a
            wrapper without its element. The caller knows what else shows whether the list is empty.
        """
        if _is_nothing(self.value.get(wrapper)):
            return None
        inner = self.node(wrapper)
        values = inner.value.get(element)
        if not isinstance(values, list):
            if _is_nothing(values):
                return None
            raise inner.wrong(element, "a list")
        elements = []
        for index, value in enumerate(values):
            if not isinstance(value, Mapping):
                raise inner.wrong(element, f"objects (at index {index})")
            elements.append(replace(inner, path=f"{inner.path}.{element}[{index}]", value=value))
        return tuple(elements)

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
        if not re.fullmatch(_IDENTIFIER, text):
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


_IDENTIFIER: Final = r"[^\s,]+"

_TOO_LARGE: Final = 10**18
"""Beyond every number of EDAS; larger ones are not even turned into text, which Python limits."""


def _is_nothing(value: object) -> bool:
    """Return whether a value may be how EDAS spells that a list is empty."""
    return value is None or (isinstance(value, (str, list, Mapping)) and not value)


def _describe(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"'{quote(value)[:40]}'"
    if isinstance(value, (list, Mapping)):
        return "a list" if isinstance(value, list) else "an object"
    return "true or false" if isinstance(value, bool) else "a number"


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
        raise UnknownShapeError(operation, "200", f"expected an object, got {_describe(body)}")
    return _Node(operation, request_id_of(body), "", body)


def parse_application(body: object, app_id: str) -> Application:
    """Read the answer of QueryApplicationStatus.

    Args:
        body: the whole body.
        app_id: the application that was asked for; an answer about another one is not an answer.

    Returns:
        Groups sorted by id and members sorted by ECU id.

    Raises:
        UnknownShapeError: a list is missing that cannot be empty, or it is not known whose an odd entry is.
        CutListError: there are fewer placements than the application has instances.

    Source: EDAS API 2017-08-01, QueryApplicationStatus.
    """
    info = _root("QueryApplicationStatus", body).node("AppInfo")
    application = (
        info.node("Application") if info.value.get("Application") is not None else replace(info, value={})
    )
    answered_id = application.text("ApplicationId")
    if answered_id and answered_id != app_id:
        raise application.wrong("ApplicationId", f"'{app_id}'")
    placements = _placements(info, as_integer(application.value.get("InstanceCount")))
    listed_groups = info.nodes("GroupList", "Group")
    if listed_groups is None:  # every application has its default group
        raise info.wrong("GroupList", "a list of deploy groups")
    groups, odd_groups = _by_group(listed_groups, _group)
    listed_machines = info.nodes("EcuList", "Ecu")
    if listed_machines is None and placements:  # each of them is on a machine
        raise info.wrong("EcuList", "a list of machines")
    machines, odd_machines = _by_group(listed_machines or (), _machine)
    members, odd_members = _by_group(placements, functools.partial(_member, machines=dict(machines)))
    members = sorted(set(members))
    odd = {*odd_groups, *odd_machines, *odd_members, *_contradictions(info, groups, members)}
    cluster_ids = (application.text("ClusterId"), *(group.text("ClusterId") for group in listed_groups))
    return Application(
        app_id=app_id,
        name=application.text("Name"),
        cluster_id=next(filter(None, cluster_ids), ""),
        groups=tuple(sorted(groups, key=lambda group: group.group_id)),
        members=tuple(members),
        odd=tuple(sorted(odd)),
    )


def _placements(info: _Node, count: int | None) -> tuple[_Node, ...]:
    """Return the elements of the list of placements, which may be empty only where the application says so."""
    placements = info.nodes("EccList", "Ecc")
    if placements is None:
        if count != 0:
            raise info.wrong("EccList", "a list of placements" if count is None else _counted(count))
        return ()
    distinct = len({node.text("EccId") or node.path for node in placements})  # an entry may be there twice
    if count is not None and distinct < count:
        raise info.wrong("EccList", _counted(count), CutListError, given=str(distinct))
    return placements


def _counted(count: int) -> str:
    return f"a list of {count} (Application.InstanceCount)"


def _by_group(nodes: Iterable[_Node], read: Callable[[_Node], _T]) -> tuple[list[_T], list[tuple[str, str]]]:
    """Read elements of which each belongs to a group.

    Returns:
        What was read, and pairs of a group and of what is odd about an element of it.

    Raises:
        UnknownShapeError: an element is odd, and does not say to which group it belongs.
    """
    values: list[_T] = []
    odd: list[tuple[str, str]] = []
    for node in nodes:
        try:
            values.append(read(node))
        except UnknownShapeError as error:
            group_id = node.value.get("GroupId")
            if not (isinstance(group_id, str) and re.fullmatch(_IDENTIFIER, group_id)):
                raise
            odd.append((group_id, error.message))
    return values, odd


def _contradictions(
    info: _Node, groups: Iterable[DeployGroup], members: Sequence[Member]
) -> Iterator[tuple[str, str]]:
    """Yield the groups about which one answer says two things, and what."""
    by_placement = Counter(member.ecc_id for member in members)
    known = {group.group_id for group in groups}
    for member in members:
        if by_placement[member.ecc_id] > 1:
            yield member.group_id, info.wrong("EccList", "each EccId once").message
        if member.group_id not in known:
            yield member.group_id, info.wrong("GroupList", f"the group of EccId {member.ecc_id}").message


def _group(node: _Node) -> DeployGroup:
    return DeployGroup(
        group_id=node.identifier("GroupId"),
        name=node.text("GroupName"),
        deployed=bool(node.text("PackageVersionId") or node.text("AppVersionId")),
        kind=node.number("GroupType") or 0,
    )


def _machine(node: _Node) -> tuple[str, _Node]:
    node.flag("Online")
    return node.identifier("EcuId"), node


def _member(node: _Node, machines: Mapping[str, _Node]) -> Member:
    ecu_id = node.identifier("EcuId")
    machine = machines.get(ecu_id) or replace(node, value={})
    task = node.number("TaskState")
    state = node.number("AppState")
    return Member(
        ecu_id=ecu_id,
        instance_id=machine.text("InstanceId"),
        ecc_id=node.identifier("EccId"),
        ip=node.text("Ip") or machine.text("IpAddr"),
        zone=machine.text("ZoneId"),
        group_id=node.identifier("GroupId"),
        state=MEMBER_STATES.get(-1 if state is None else state, MemberState.UNKNOWN),
        task=TaskState(task) if task in set(TaskState) else TaskState.UNKNOWN,
        online=machine.flag("Online"),
    )


def _page(list_of: _Node, wrapper: str, element: str, page: int) -> tuple[tuple[_Node, ...], int | None]:
    """Return the elements of a page and the total beside them.

    Raises:
        UnknownShapeError: the list is not there, though the total says that it is not empty.
        MissingListError: it is not there, and nothing says whether it is empty.
    """
    total = as_integer(list_of.value.get("TotalSize"))
    nodes = list_of.nodes(wrapper, element)
    if nodes is None:
        if total is None and page == 1:
            raise list_of.wrong(wrapper, "a list", MissingListError)
        if total and page == 1:
            raise list_of.wrong(wrapper, f"a list (TotalSize is {total})")
        nodes = ()
    return nodes, total


def parse_applications(body: object, page: int = 1) -> Page[ApplicationSummary]:
    """Read one page of ListApplication, in EDAS's order."""
    nodes, total = _page(_root("ListApplication", body), "ApplicationList", "Application", page)
    return Page(
        tuple(
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
        ),
        total,
    )


def parse_machines(body: object) -> tuple[Machine, ...]:
    """Read the answer of ListScaleOutEcu, sorted by ECU id; online is what does not say otherwise.

    Nobody loses a member by an offer that is not there, so it is an empty one; and a machine without an id, which one
    that was just imported may be, is not on offer yet.
    """
    nodes = _root("ListScaleOutEcu", body).nodes("EcuInfoList", "EcuInfo") or ()
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
            if not _is_nothing(node.value.get("EcuId"))
        )
    )


def parse_cluster_members(body: object, page: int = 1) -> Page[ClusterMember]:
    """Read one page of ListClusterMembers, in EDAS's order.

    An instance without a status counts as converted (1) when it has an ECU id, and else as being converted
    (0).
    """
    root = _root("ListClusterMembers", body)
    members = (
        replace(root, path="ClusterMemberPage", value={})
        if _is_nothing(root.value.get("ClusterMemberPage"))
        else root.node("ClusterMemberPage")
    )
    nodes, total = _page(members, "ClusterMemberList", "ClusterMember", page)
    return Page(tuple(map(_cluster_member, nodes)), total)


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
"""``ClusterImportStatus`` of a cluster that EDAS still describes although it was deleted."""


def parse_cluster(body: object, cluster_id: str) -> Cluster:
    """Read the answer of GetCluster about the cluster that was asked for."""
    cluster = _root("GetCluster", body).node("Cluster")
    if cluster.identifier("ClusterId") != cluster_id:
        raise cluster.wrong("ClusterId", f"'{cluster_id}'")
    return Cluster(
        cluster_id,
        as_integer(cluster.value.get("ClusterType")),
        present=cluster.number("ClusterImportStatus") != DELETED_CLUSTER,
    )


def parse_change_orders(body: object) -> tuple[ChangeOrder, ...]:
    """Read the answer of ListRecentChangeOrder, in EDAS's order, which is not documented.

    An application of which no recent order is listed, in whatever spelling, has none.
    """
    nodes = _root("ListRecentChangeOrder", body).nodes("ChangeOrderList", "ChangeOrder") or ()
    return tuple(
        ChangeOrder(
            order_id=node.identifier("ChangeOrderId"),
            group_id=node.text("GroupId"),
            status=node.required_number("Status"),
            description=node.text("ChangeOrderDescription") or node.text("CoType"),
            created_by=node.text("CreateUserId"),
            created_at=node.text("CreateTime"),
            co_type=node.text("CoType"),
            source=node.text("Source"),
        )
        for node in nodes
    )


def parse_order_id(operation: str, body: object) -> str:
    """Read the id of the change order that a scale out or scale in started.

    Raises:
        UnknownShapeError: there is none, so nobody knows whether the order runs.
    """
    return _root(operation, body).identifier("ChangeOrderId")


def parse_forced_order_id(operation: str, body: object) -> str | None:
    """Read the same of a forced scale in, which normally starts no order."""
    root = _root(operation, body)
    return root.identifier("ChangeOrderId") if root.text("ChangeOrderId") else None


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
        UnknownShapeError: the order or its status is missing.

    Source: EDAS API 2017-08-01, GetChangeOrderInfo. The wrapper's first letter is a small one.
    """
    order = _root("GetChangeOrderInfo", body).node("changeOrderInfo")
    answered_id = order.text("ChangeOrderId")
    if answered_id and answered_id != order_id:
        raise order.wrong("ChangeOrderId", f"'{order_id}'")
    status = order.required_number("Status")
    pipelines = tuple(loose_objects(order.value, "PipelineInfoList", "PipelineInfo"))
    return OrderReport(
        order_id=order_id,
        status=status,
        description=order.text("ChangeOrderDescription") or order.text("Desc"),
        created_by=order.text("CreateUserId"),
        failures=_failures(pipelines, _codes_in(order.value)),
        held_pipeline_id=_held_pipeline(pipelines) if phase_of(status) is Phase.HELD else None,
        ips=_instance_ips(pipelines) or frozenset(_ADDRESS.findall(order.text("Desc"))),
    )


def value_at(value: object, *path: str) -> Any:  # noqa: ANN401 - JSON
    """Return what stands below a JSON value, None where the shape is another one."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def loose_objects(value: Mapping[str, object], *path: str) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a list below an object, none where the shape is another one."""
    inner = value_at(value, *path)
    for element in inner if isinstance(inner, Sequence) and not isinstance(inner, str) else ():
        if isinstance(element, Mapping):
            yield element


def loose_text(value: Mapping[str, object], *keys: str) -> str:
    """Return the first text under one of the keys, in one line; empty when there is none."""
    return next((quote(text) for key in keys if isinstance(text := value.get(key), str) and text.strip()), "")


_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")


def _instance_ips(pipelines: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the private addresses of the instances that the stages name."""
    stages = (
        stage for pipeline in pipelines for stage in loose_objects(pipeline, "StageList", "StageInfoDTO")
    )
    results = (result for stage in stages if isinstance(result := stage.get("StageResultDTO"), Mapping))
    instances = (
        each for result in results for each in loose_objects(result, "InstanceDTOList", "InstanceDTO")
    )
    return frozenset(ip for each in instances if (ip := instance_ip(each)))


def _held_pipeline(pipelines: Sequence[Mapping[str, object]]) -> str | None:
    waiting = [
        (as_integer(pipeline.get("PipelineStatus")), pipeline_id)
        for pipeline in pipelines
        if isinstance(pipeline_id := pipeline.get("PipelineId"), str) and pipeline_id
    ]
    held = [pipeline_id for status, pipeline_id in waiting if phase_of(status) is Phase.HELD]
    # Where no batch says that it is the held one, it is the first that has not ended.
    unended = [pipeline_id for status, pipeline_id in waiting if not is_ended(status)]
    return next(iter(held + unended), None)


def _failures(
    pipelines: Sequence[Mapping[str, object]], codes_anywhere: Collection[str]
) -> tuple[TaskFailure, ...]:
    """Return what failed: per instance if EDAS names it, and for the batch what is said nowhere else.

    Args:
        pipelines: the batches of an order.
        codes_anywhere: all codes that stand in the order, whose places nobody has documented.
    """
    found = [
        failure
        for pipeline in pipelines
        for failure in (*_stage_failures(pipeline), *_task_failures(pipeline))
    ]
    named = {each.ip: each for each in found if each.ip}
    found = [_of_its_instance(failure, named) for failure in found]
    coded = {(each.ip, each.instance_name) for each in found if each.code and each.ip}
    of_instance = {
        (failure.ip, failure.instance_name, failure.reason): failure
        for failure in reversed(found)
        # Without a code it adds nothing to one of the same instance that has one.
        if failure.code or (failure.ip, failure.instance_name) not in coded
        if failure.ip or failure.instance_name
    }
    said = {failure.reason for failure in of_instance.values()} | {""}
    of_batch = {
        failure.reason: failure
        for failure in reversed(found)
        if not (failure.ip or failure.instance_name) and failure.reason not in said
    }
    causes = [failure for failure in of_batch.values() if failure.code] or list(of_batch.values())
    if not any(failure.code for failure in (*of_instance.values(), *causes)):
        causes += [TaskFailure("", "", "", code, code) for code in codes_anywhere]
        causes = [failure for failure in causes if failure.code] or causes
    if len(causes) == 1:
        (cause,) = causes
        of_instance = {key: failure.explained_by(cause) for key, failure in of_instance.items()}
        explained = any(failure.reason == cause.reason for failure in of_instance.values())
        of_batch = {each.reason: each for each in (*of_batch.values(), cause)}
        if explained:
            del of_batch[cause.reason]
    failures = {*of_batch.values(), *of_instance.values()}
    return tuple(sorted(failures, key=lambda failure: (failure.ip, failure.instance_name, failure.reason)))


def _of_its_instance(failure: TaskFailure, named: Mapping[str, TaskFailure]) -> TaskFailure:
    """Return a failure of a batch as one of the only failed instance whose address its text holds."""
    addresses = [each for each in named if not failure.ip and each in _ADDRESS.findall(failure.message)]
    if len(addresses) != 1:
        return failure
    of_instance = named[addresses[0]]
    return replace(failure, ip=of_instance.ip, instance_name=of_instance.instance_name)


_DEEPEST: Final = 20
"""Levels of an order that are searched for codes; EDAS nests ten."""


def _codes_in(value: object, depth: int = 0) -> frozenset[str]:
    """Return all task error codes in the texts of a JSON value, but for those of tolerated tasks."""
    if isinstance(value, str):
        return frozenset(filter(None, [find_code(value)]))
    if isinstance(value, list):
        inner: Collection[object] = value
    elif isinstance(value, Mapping) and as_integer(value.get("TaskErrorIgnorance")) != TOLERATED:
        inner = value.values()
    else:
        return frozenset()
    return frozenset().union(*(_codes_in(each, depth + 1) for each in inner if depth < _DEEPEST))


def _stage_failures(pipeline: Mapping[str, object]) -> Iterator[TaskFailure]:
    for stage in loose_objects(pipeline, "StageList", "StageInfoDTO"):
        result = stage.get("StageResultDTO")
        if not isinstance(result, Mapping):
            continue
        service = result.get("ServiceStage")
        if isinstance(service, Mapping) and phase_of(as_integer(service.get("Status"))) is Phase.ENDED_BADLY:
            yield _failure("", "", loose_text(service, "StageName"), loose_text(service, "Message"))
        for instance in loose_objects(result, "InstanceDTOList", "InstanceDTO"):
            ip, name = instance_ip(instance), loose_text(instance, "InstanceName")
            failed = [
                step
                for step in loose_objects(instance, "InstanceStageDTOList", "InstanceStageDTO")
                if phase_of(as_integer(step.get("Status"))) is Phase.ENDED_BADLY
            ]
            for step in failed:
                yield _failure(ip, name, loose_text(step, "StageName"), loose_text(step, "StageMessage"))
            if not failed and phase_of(as_integer(instance.get("Status"))) is Phase.ENDED_BADLY:
                yield _failure(ip, name, loose_text(stage, "StageName"), "")


def _task_failures(pipeline: Mapping[str, object]) -> Iterator[TaskFailure]:
    for stage in loose_objects(pipeline, "StageDetailList", "StageDetailDTO"):
        for task in loose_objects(stage, "TaskList", "TaskInfoDTO"):
            if as_integer(task.get("TaskErrorIgnorance")) == TOLERATED:
                continue
            if phase_of(as_integer(task.get("TaskStatus"))) is Phase.ENDED_BADLY:
                code = loose_text(task, "TaskErrorCode")
                message = loose_text(task, "TaskErrorMessage", "TaskMessage")
                yield _failure("", "", loose_text(task, "TaskName"), message or code, code)


def _failure(ip: str, name: str, stage: str, message: str, code: str = "") -> TaskFailure:
    number = code if re.fullmatch(r"EDAS-\d{5}", code) else f"EDAS-{code}"
    known = number if number in TASK_ERRORS else find_code(code) or find_code(message)
    return TaskFailure(ip=ip, instance_name=name, stage=stage, code=known, message=message)


def instance_ip(instance: Mapping[str, object]) -> str:
    """Return the private address of an instance of an order, empty when none is reported."""
    text = instance.get("InstanceIp")
    return private_ip(text) if isinstance(text, str) else ""


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
