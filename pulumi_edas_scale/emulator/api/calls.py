"""The operations of the API: parameters in, the content of the answer out.

The law of this file: it reads parameters as an SDK sends them (text, booleans in any case, lists joined by
commas), calls `operations.py` and renders with the shapes; what stands around the content is the business of
`wire.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from pulumi_edas_scale.emulator.api import order_shapes, shapes
from pulumi_edas_scale.emulator.api.shapes import Json, page_count, page_of
from pulumi_edas_scale.emulator.inputs import parse_json
from pulumi_edas_scale.emulator.world import operations, progress
from pulumi_edas_scale.emulator.world.refusals import MissingParameterError, NotFoundError, RefusedError
from pulumi_edas_scale.emulator.world.state import World

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator.world.entities import Application, Order

Operation: TypeAlias = Callable[[World, Mapping[str, str], float], Json]


def _required(params: Mapping[str, str], name: str) -> str:
    value = params.get(name)
    if value is None:
        raise MissingParameterError(name)
    return value


MOST_DIGITS = 9  # of a page or a count; nobody needs more


def ids_in(params: Mapping[str, str], name: str) -> list[str]:
    """Return the ids of a comma-joined parameter; none when it is absent or empty."""
    return [part.strip() for part in params.get(name, "").split(",") if part.strip()]


def _flag(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "").lower() == "true"  # SDKs send True, true and "true"


def _number(params: Mapping[str, str], name: str) -> int | None:
    value = params.get(name, "")
    if not value:
        return None
    if not value.isdecimal() or len(value) > MOST_DIGITS:
        raise RefusedError("parameter", name=name)
    return int(value)


def _page(world: World, things: list[Json], current: int, size: int | None) -> list[Json]:
    page = page_of(things, current, size)
    if not page and current > 1 and world.switches.text("page_behind_last") == "refused":
        raise RefusedError("parameter", name="CurrentPage")
    return page


def _scale_out(world: World, params: Mapping[str, str], now: float) -> Json:
    application_id, group_id = _required(params, "AppId"), _required(params, "DeployGroup")
    _required(params, "EcuInfo")
    return _order_id(operations.scale_out(world, application_id, group_id, ids_in(params, "EcuInfo"), now))


def _scale_in(world: World, params: Mapping[str, str], now: float) -> Json:
    application_id = _required(params, "AppId")
    force = _flag(params, "ForceStatus")
    order = operations.scale_in(world, application_id, ids_in(params, "EccInfo"), now, force=force)
    return {} if order is None else _order_id(order)


def _order_id(order: Order) -> Json:
    return {"ChangeOrderId": order.id}


def _query_application_status(world: World, params: Mapping[str, str], now: float) -> Json:
    application = world.application(_required(params, "AppId"))
    return {"AppInfo": shapes.application_status_shape(world, application, now)}


def _get_change_order_info(world: World, params: Mapping[str, str], now: float) -> Json:
    order = world.order(_required(params, "ChangeOrderId"))
    order.reads += 1
    if order.reads <= world.switches.number("order_unknown_at_first"):
        raise NotFoundError("ChangeOrder", order.id)
    progress.poll(world, order, now)
    return {"changeOrderInfo": order_shapes.order_shape(world, order, now)}


def _list_recent_change_order(world: World, params: Mapping[str, str], now: float) -> Json:
    application = world.application(_required(params, "AppId"))
    for order in world.active_orders(application.id):
        if order.started:
            progress.poll(world, order, now)
    listed = operations.recent_orders(world, application.id, now)
    return {
        "ChangeOrderList": {
            "ChangeOrder": [order_shapes.listed_order_shape(world, order, now) for order in listed]
        }
    }


def _abort_change_order(world: World, params: Mapping[str, str], now: float) -> Json:
    order = operations.abort(world, _required(params, "ChangeOrderId"), now)
    trace = order.id.replace("-", "")[:30]
    return {"ErrorCode": "success", "TraceId": trace, "Data": {"ChangeOrderId": order.id}}


def _continue_pipeline(world: World, params: Mapping[str, str], now: float) -> Json:
    operations.continue_pipeline(
        world, _required(params, "PipelineId"), now, confirm=_flag(params, "Confirm")
    )
    return {}


def _list_scale_out_ecu(world: World, params: Mapping[str, str], now: float) -> Json:
    application = world.application(params["AppId"]) if "AppId" in params else None
    cluster_id = application.cluster_id if application else _required(params, "ClusterId")
    cpu, memory = _number(params, "Cpu") or 0, _number(params, "Mem") or 0
    ecus = [
        ecu
        for ecu in operations.free_ecus(world, cluster_id, now)
        if ecu.cpu >= cpu and ecu.memory_mb >= memory
    ]
    ecus = ecus[: _number(params, "InstanceNum")]
    return {"EcuInfoList": {"EcuInfo": [shapes.ecu_shape(world, ecu, now, free=True) for ecu in ecus]}}


def _list_cluster_members(world: World, params: Mapping[str, str], now: float) -> Json:
    cluster = world.cluster(_required(params, "ClusterId"))
    wanted = set(ids_in(params, "EcsList"))
    members = [
        shapes.cluster_member_shape(ecu, now)
        for ecu in cluster.ecus.values()
        if not wanted or ecu.instance_id in wanted
    ]
    current, size = _number(params, "CurrentPage") or 1, _number(params, "PageSize")
    pages = page_count(len(members), size or len(members))
    return {
        "ClusterMemberPage": {
            "CurrentPage": current,
            "PageSize": size or len(members),
            "TotalSize": pages if world.switches.text("total_size") == "pages" else len(members),
            "ClusterMemberList": {"ClusterMember": _page(world, members, current, size)},
        }
    }


def _list_application(world: World, params: Mapping[str, str], now: float) -> Json:
    listed = []
    for application in world.applications.values():
        figures = operations.listed_figures(world, application, now)
        if figures is not None and _is_listed(application, params):
            listed.append(shapes.application_shape(world, application, figures))
    page = _page(world, listed, _number(params, "CurrentPage") or 1, _number(params, "PageSize"))
    return {"ApplicationList": {"Application": page}}


def _is_listed(application: Application, params: Mapping[str, str]) -> bool:
    ids = _application_ids(params.get("AppIds", ""))
    namespace = params.get("LogicalRegionIdFilter", "")
    return (
        application.listed
        and params.get("AppName", "") in application.name  # a keyword, not the whole name
        and (not ids or application.id in ids)
        and params.get("ClusterId", "") in ("", application.cluster_id)
        and application.namespace.startswith(params.get("LogicalRegionId", ""))
        and namespace in ("", application.namespace)
    )


def _application_ids(text: str) -> list[str]:
    """Read the JSON array of application ids; a comma-separated list is understood too."""
    try:
        parsed = parse_json(text) if text.startswith("[") else text.split(",")
    except ValueError:
        raise RefusedError("parameter", name="AppIds") from None
    return [str(part).strip() for part in parsed if str(part).strip()]


def _get_application(world: World, params: Mapping[str, str], now: float) -> Json:
    application = world.application(_required(params, "AppId"))
    return {"Application": shapes.one_application_shape(world, application, now)}


def _list_deploy_group(world: World, params: Mapping[str, str], _now: float) -> Json:
    application = world.application(_required(params, "AppId"))
    groups = [shapes.deploy_group_shape(world, application, group) for group in application.groups.values()]
    return {"DeployGroupList": {"DeployGroup": groups}}


def _list_cluster(world: World, _params: Mapping[str, str], _now: float) -> Json:
    clusters = [
        {**shapes.cluster_shape(world, cluster), "ResourceGroupId": "rg-emulator"}
        for cluster in world.clusters.values()
    ]
    return {"ClusterList": {"Cluster": clusters}}


def _get_cluster(world: World, params: Mapping[str, str], _now: float) -> Json:
    cluster = world.cluster(_required(params, "ClusterId"))
    shape = shapes.cluster_shape(world, cluster)
    return {"Cluster": {**shape, "ClusterImportStatus": 1, "SubClusterType": ""}}


OPERATIONS: Mapping[str, Operation] = {
    "ScaleOutApplication": _scale_out,
    "ScaleInApplication": _scale_in,
    "QueryApplicationStatus": _query_application_status,
    "GetChangeOrderInfo": _get_change_order_info,
    "ListRecentChangeOrder": _list_recent_change_order,
    "AbortChangeOrder": _abort_change_order,
    "ContinuePipeline": _continue_pipeline,
    "ListScaleOutEcu": _list_scale_out_ecu,
    "ListClusterMembers": _list_cluster_members,
    "ListApplication": _list_application,
    "GetApplication": _get_application,
    "ListDeployGroup": _list_deploy_group,
    "ListCluster": _list_cluster,
    "GetCluster": _get_cluster,
}
