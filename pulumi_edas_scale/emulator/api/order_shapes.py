"""The wire shapes of change orders: pipelines (batches), stages, instances and tasks.

The law of this file: it renders and decides nothing. An instance is named by its address only, never by an
ECU or ECC id; `TaskStatus` is a string and every other status a number, as in the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_edas_scale.emulator.api.shapes import ACCOUNT, Json, china_time, milliseconds, utc_time
from pulumi_edas_scale.emulator.world.entities import Order, OrderStatus, Target
from pulumi_edas_scale.emulator.world.identifiers import part_of
from pulumi_edas_scale.emulator.world.operations import BATCH_DIGITS
from pulumi_edas_scale.emulator.world.scripts import TASK_TIMEOUT

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator.world.state import World

# The second group of an identifier shows which part of an order it names.
_STAGE_DIGITS = "57a6"
_SERVICE_DIGITS = "5e47"
_STEP_DIGITS = "57e9"
_DETAIL_DIGITS = "de7a"
_TASK_DIGITS = "7a5c"


def listed_order_shape(world: World, order: Order, now: float) -> Json:
    """Return an entry of ListRecentChangeOrder, as late as the switch `recent_order_lag` makes it."""
    horizon = now - world.switches.number("recent_order_lag")
    ended = order.finished_at is not None and order.finished_at <= horizon
    return {
        "AppId": order.application_id,
        "BatchCount": order.batch_count,
        "BatchType": order.batch_type,
        "ChangeOrderDescription": order.kind.display,
        "ChangeOrderId": order.id,
        "CoType": order.kind.display,
        "CoTypeCode": order.kind.code,
        "CreateTime": china_time(order.created_at),
        "CreateUserId": order.user,
        "FinishTime": china_time(order.finished_at if ended else None),
        "GroupId": order.group_id,
        "Source": order.source,
        "Status": order.status_at(horizon),
        "UserId": ACCOUNT,
    }


def order_shape(world: World, order: Order, now: float) -> Json:
    """Return the changeOrderInfo of GetChangeOrderInfo; instances are named by address only."""
    addresses = ",".join(target.ip for target in order.targets)
    return {
        "ChangeOrderId": order.id,
        "Status": order.status,
        "BatchType": order.batch_type,
        "BatchCount": order.batch_count,
        "CoType": order.kind.display,
        "CreateTime": china_time(order.created_at),
        "ChangeOrderDescription": order.kind.display,
        "CreateUserId": order.user,
        "SupportRollback": False,
        "Desc": f"IP of {order.kind.noun} Instance: {addresses}",
        "Targets": {"Items": []},
        "TrafficControl": {"Tips": "", "Rules": "", "Routes": ""},
        "PipelineInfoList": {
            "PipelineInfo": [_pipeline(world, order, batch, now) for batch in range(order.batch_count)]
        },
    }


def _pipeline(world: World, order: Order, batch: int, now: float) -> Json:
    targets = [(index, target) for index, target in enumerate(order.targets) if target.batch == batch]
    status = _batch_status(order, batch, [target for _, target in targets])
    started = [target.started_at for _, target in targets if target.started_at is not None]
    return {
        "PipelineId": part_of(order.id, BATCH_DIGITS, batch),
        "PipelineName": f"Batch: {batch + 1}",
        "PipelineStatus": status,
        "StartTime": str(milliseconds(min(started, default=order.created_at))),
        "UpdateTime": str(milliseconds(order.finished_at or now)),
        "StageList": {"StageInfoDTO": [_stage(world, order, batch, status, targets)]},
        "StageDetailList": {
            "StageDetailDTO": [
                {
                    "StageId": part_of(order.id, _DETAIL_DIGITS, batch),
                    "StageName": "Process Start",
                    "StageStatus": status,
                    "TaskList": {
                        "TaskInfoDTO": [_task(world, order, index, target) for index, target in targets]
                    },
                }
            ]
        },
    }


def _stage(world: World, order: Order, batch: int, status: int, targets: list[tuple[int, Target]]) -> Json:
    # Held and batch wait are states of a batch; the stages inside it know neither.
    shown = OrderStatus.RUNNING if status in (OrderStatus.HELD, OrderStatus.BATCH_WAIT) else status
    return {
        "StageId": part_of(order.id, _STAGE_DIGITS, batch),
        "StageName": order.kind.noun.replace("-", " "),
        "Status": int(shown),
        "StageResultDTO": {
            "ServiceStage": {
                "StageId": part_of(order.id, _SERVICE_DIGITS, batch),
                "StageName": "Process Start",
                "Status": int(shown),
                "Message": _service_message(world, order, status, targets),
            },
            "InstanceDTOList": {
                "InstanceDTO": [_instance(world, order, index, target) for index, target in targets]
            },
        },
    }


def _instance(world: World, order: Order, index: int, target: Target) -> Json:
    status = _target_status(order, target)
    both = world.switches.text("instance_ip") == "public_and_private"
    return {
        "InstanceIp": f"{target.public_ip} (Public)<br>{target.ip} (Private)" if both else target.ip,
        "InstanceName": target.name,
        "PodName": "",
        "PodStatus": "",
        "Status": status,
        "InstanceStageDTOList": {
            "InstanceStageDTO": [
                {
                    "StageId": part_of(order.id, _STEP_DIGITS, index),
                    "StageName": order.kind.task,
                    "Status": status,
                    "StageMessage": _shown_message(world, order, target),
                    "StartTime": utc_time(target.started_at),
                    "FinishTime": utc_time(target.finished_at),
                }
            ]
        },
    }


def _task(world: World, order: Order, index: int, target: Target) -> Json:
    status = _target_status(order, target)
    error = _target_message(order, target) if status == OrderStatus.FAILED else ""
    # No public answer shows where EDAS puts the cause of a failure, so a switch tries every place.
    place = world.switches.text("task_error_place")
    with_code = error.startswith("EDAS-") and place in ("everywhere", "code")
    message = _shown_message(world, order, target)
    return {
        "TaskId": part_of(order.id, _TASK_DIGITS, index),
        "TaskName": order.kind.task,
        "TaskStatus": str(status),
        "TaskMessage": f"[CALLBACK] message: {message.lower()}",
        "TaskErrorCode": error.split(" ")[0] if with_code else "",
        "TaskErrorMessage": message if error else "",
        "TaskErrorIgnorance": 0,
        "RetryType": 0,
        "ShowManualIgnorance": False,
    }


def _batch_status(order: Order, batch: int, targets: list[Target]) -> int:
    if not order.active:
        failed = any(target.status == OrderStatus.FAILED for target in targets)
        return int(order.status if failed or order.status == OrderStatus.SUCCESS else OrderStatus.SUCCESS)
    phase = order.phase
    if phase is not None and batch in (phase.batch, phase.batch or 0):
        return order.status
    done = bool(targets) and all(target.finished_at is not None for target in targets)
    return int(OrderStatus.SUCCESS if done else OrderStatus.READY)


def _target_status(order: Order, target: Target) -> int:
    """Return the status of one instance; an order that shows failed before it goes on shows it here too."""
    if target.status == OrderStatus.RUNNING and order.status == OrderStatus.FAILED:
        return int(OrderStatus.FAILED)
    return int(target.status)


def _target_message(order: Order, target: Target) -> str:
    status = _target_status(order, target)
    if status == OrderStatus.FAILED:
        return target.error or TASK_TIMEOUT
    return {OrderStatus.SUCCESS: "Success", OrderStatus.RUNNING: "Running"}.get(OrderStatus(status), "Ready")


def _shown_message(world: World, order: Order, target: Target) -> str:
    """Return the message of one instance; the switch `task_error_place` may keep its error from it."""
    message = _target_message(order, target)
    place = world.switches.text("task_error_place")
    if _target_status(order, target) != OrderStatus.FAILED or place in ("everywhere", "text"):
        return message
    return message.partition(" ")[2] if place == "name" and message.startswith("EDAS-") else "Failed"


def _service_message(world: World, order: Order, status: int, targets: list[tuple[int, Target]]) -> str:
    if status in (OrderStatus.RUNNING, OrderStatus.HELD, OrderStatus.BATCH_WAIT, OrderStatus.READY):
        return ""
    failed = [target for _, target in targets if _target_status(order, target) == OrderStatus.FAILED]
    if failed and world.switches.text("task_error_place") == "stage":
        return "; ".join(f"{target.ip}: {_target_message(order, target)}" for target in failed)
    return _shown_message(world, order, failed[0]) if failed else "Success"
