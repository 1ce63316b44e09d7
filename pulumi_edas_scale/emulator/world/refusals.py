"""Why EDAS refuses a call: one table of reasons, each with its text in the two languages EDAS answers in.

The law of this file: a refusal says what is wrong, never how it travels; `wire.py` turns it into a status and
a body. The texts are our own: no EDAS document shows them, which is why the switch `message_language` exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REASONS: Mapping[str, tuple[str, str]] = {
    "not_found": ("{entity}({id}) does not exist.", "{entity}({id})不存在。"),
    "busy": (
        "An application change process is in progress. Please try again later.",
        "应用正在变更中,请稍后再试。",
    ),
    "kubernetes": (
        "Application({id}) is deployed in a Kubernetes cluster; the operation is not supported.",
        "应用({id})部署在Kubernetes集群中,不支持该操作。",
    ),
    "group_missing": ("Deploy group({id}) does not exist.", "应用分组({id})不存在。"),
    "ecu_missing": ("ECU({id}) does not exist in the cluster of the application.", "集群中不存在ECU({id})。"),
    "ecu_used": ("ECU({id}) is used by another application or group.", "ECU({id})已被使用。"),
    "ecu_known": ("The application is already deployed on ECU({id}).", "ECU({id})上已部署该应用。"),
    "ecc_missing": ("ECC({id}) does not belong to the application.", "ECC({id})不属于该应用。"),
    "ids_empty": ("{name} must not be empty.", "{name}不能为空。"),
    "ids_too_many": ("At most {limit} instances can be named in one call.", "单次最多操作{limit}个实例。"),
    "group_full": ("The instance quota {limit} of the group is exceeded.", "分组实例数超过上限{limit}。"),
    "last_member": ("The last instance of the group cannot be removed.", "不能移除分组的最后一个实例。"),
    "order_ended": ("Change order({id}) has ended.", "变更流程({id})已结束。"),
    "not_waiting": ("Change order({id}) does not wait for a confirmation.", "变更流程({id})无需确认。"),
    "denied": ("No permissions", "没有权限"),
    "service": ("Service exception. Please try again later.", "系统异常,请稍后再试。"),
    "parameter": ("The parameter {name} is invalid.", "参数{name}不合法。"),
}


class RefusedError(Exception):
    """EDAS understood the call and will not do it."""

    def __init__(self, reason: str, **values: object) -> None:
        """Name the reason and fill the blanks of its text."""
        self.reason = reason
        self.values = values
        super().__init__(self.text("english"))

    def text(self, language: str) -> str:
        """Return the text in `english` or `chinese`."""
        english, chinese = _REASONS[self.reason]
        return (chinese if language == "chinese" else english).format(**self.values)


class NotFoundError(RefusedError):
    """What the call names does not exist; EDAS has several ways to say so."""

    def __init__(self, entity: str, identifier: str) -> None:
        """Name the kind of thing, such as `Application`, and the id that was asked for."""
        self.entity = entity
        super().__init__("not_found", entity=entity, id=identifier)


class BusyError(RefusedError):
    """Another change order of the application is active."""

    def __init__(self) -> None:
        """Say so without naming that order; neither does EDAS."""
        super().__init__("busy")


class MissingParameterError(Exception):
    """A required parameter is absent; the gateway refuses the call before EDAS sees it."""

    def __init__(self, name: str) -> None:
        """Name the parameter."""
        self.name = name
        super().__init__(f"{name} is mandatory for this action.")
