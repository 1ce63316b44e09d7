"""The wire shapes of change orders: pipelines (batches), stages, instances and tasks.

The law of this file: it renders and decides nothing. An instance is named by its address only, never by an
ECU or ECC id; `TaskStatus` is a string and every other status a number, as in the API.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Shown:
    """One instance of an order, as the API shows it."""

    world: World
    order: Order
    index: int
    target: Target

    @property
    def status(self) -> int:
        """Its status; an order that shows failed before it goes on shows it here too."""
        if self.target.status == OrderStatus.RUNNING and self.order.status == OrderStatus.FAILED:
            return int(OrderStatus.FAILED)
        return int(self.target.status)

    @property
    def failed(self) -> bool:
        """Whether it shows a failure."""
        return self.status == OrderStatus.FAILED

    @property
    def error(self) -> str:
        """The cause of its failure, empty without one."""
        return (self.target.error or TASK_TIMEOUT) if self.failed else ""

    @property
    def place(self) -> str:
        """Where a cause stands: no public answer shows it, so the switch `task_error_place` tries every place."""
        return self.world.switches.text("task_error_place")

    @property
    def message(self) -> str:
        """What it says; the switch may keep the cause from it."""
        if not self.failed:
            return {OrderStatus.SUCCESS: "Success", OrderStatus.RUNNING: "Running"}.get(
                OrderStatus(self.status), "Ready"
            )
        if self.place in ("everywhere", "text"):
            return self.error
        return self.error.partition(" ")[2] if self.place == "name" and self._coded else "Failed"

    @property
    def _coded(self) -> bool:
        return self.error.startswith("EDAS-")

    def instance(self) -> Json:
        """Return its InstanceDTO."""
        both = self.world.switches.text("instance_ip") == "public_and_private"
        target = self.target
        return {
            "InstanceIp": f"{target.public_ip} (Public)<br>{target.ip} (Private)" if both else target.ip,
            "InstanceName": target.name,
            "PodName": "",
            "PodStatus": "",
            "Status": self.status,
            "InstanceStageDTOList": {
                "InstanceStageDTO": [
                    {
                        "StageId": part_of(self.order.id, _STEP_DIGITS, self.index),
                        "StageName": self.order.kind.task,
                        "Status": self.status,
                        "StageMessage": self.message,
                        "StartTime": utc_time(target.started_at),
                        "FinishTime": utc_time(target.finished_at),
                    }
                ]
            },
        }

    def task(self) -> Json:
        """Return its TaskInfoDTO."""
        with_code = self._coded and self.place in ("everywhere", "code")
        return {
            "TaskId": part_of(self.order.id, _TASK_DIGITS, self.index),
            "TaskName": self.order.kind.task,
            "TaskStatus": str(self.status),
            "TaskMessage": f"[CALLBACK] message: {self.message.lower()}",
            "TaskErrorCode": self.error.split(" ")[0] if with_code else "",
            "TaskErrorMessage": self.message if self.error else "",
            "TaskErrorIgnorance": 0,
            "RetryType": 0,
            "ShowManualIgnorance": False,
        }


def _pipeline(world: World, order: Order, batch: int, now: float) -> Json:
    shown = [
        _Shown(world, order, index, target)
        for index, target in enumerate(order.targets)
        if target.batch == batch
    ]
    status = _batch_status(order, batch, [each.target for each in shown])
    started = [each.target.started_at for each in shown if each.target.started_at is not None]
    return {
        "PipelineId": part_of(order.id, BATCH_DIGITS, batch),
        "PipelineName": f"Batch: {batch + 1}",
        "PipelineStatus": status,
        "StartTime": str(milliseconds(min(started, default=order.created_at))),
        "UpdateTime": str(milliseconds(order.finished_at or now)),
        "StageList": {"StageInfoDTO": [_stage(order, batch, status, shown)]},
        "StageDetailList": {
            "StageDetailDTO": [
                {
                    "StageId": part_of(order.id, _DETAIL_DIGITS, batch),
                    "StageName": "Process Start",
                    "StageStatus": status,
                    "TaskList": {"TaskInfoDTO": [each.task() for each in shown]},
                }
            ]
        },
    }


def _stage(order: Order, batch: int, status: int, shown: list[_Shown]) -> Json:
    message = ""
    if status not in (OrderStatus.RUNNING, OrderStatus.HELD, OrderStatus.BATCH_WAIT, OrderStatus.READY):
        failed = [each for each in shown if each.failed]
        message = failed[0].message if failed else "Success"
        if failed and failed[0].place == "stage":
            message = "; ".join(f"{each.target.ip}: {each.error}" for each in failed)
    # Held and batch wait are states of a batch; the stages inside it know neither.
    inside = OrderStatus.RUNNING if status in (OrderStatus.HELD, OrderStatus.BATCH_WAIT) else status
    return {
        "StageId": part_of(order.id, _STAGE_DIGITS, batch),
        "StageName": order.kind.noun.replace("-", " "),
        "Status": int(inside),
        "StageResultDTO": {
            "ServiceStage": {
                "StageId": part_of(order.id, _SERVICE_DIGITS, batch),
                "StageName": "Process Start",
                "Status": int(inside),
                "Message": message,
            },
            "InstanceDTOList": {"InstanceDTO": [each.instance() for each in shown]},
        },
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
