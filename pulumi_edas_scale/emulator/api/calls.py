"""The operations of the API: parameters in, the content of the answer out.

The law of this file: it reads parameters as an SDK sends them (text, booleans in any case, lists joined by
commas), calls `operations.py` and renders with the shapes; what stands around the content is the business of
`wire.py`. A new operation is a method of `Responses`, a row of `OPERATIONS` and a row of `routes.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_edas_scale.emulator.api import order_shapes, shapes
from pulumi_edas_scale.emulator.api.shapes import Json, page_of
from pulumi_edas_scale.emulator.inputs import parse_json
from pulumi_edas_scale.emulator.world import operations, progress
from pulumi_edas_scale.emulator.world.refusals import MissingParameterError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi_edas_scale.emulator.world.entities import Application
    from pulumi_edas_scale.emulator.world.state import World

MOST_DIGITS = 9  # of a page or a count; nobody needs more


def ids_in(params: Mapping[str, str], name: str) -> list[str]:
    """Return the ids of a comma-joined parameter; none when it is absent or empty."""
    return [part.strip() for part in params.get(name, "").split(",") if part.strip()]


@dataclass(frozen=True)
class Responses:
    """One call; each method is the operation of its name."""

    world: World
    params: Mapping[str, str]
    now: float

    # ---- reading parameters ----

    def required(self, name: str) -> str:
        """Return a parameter that must be given."""
        value = self.params.get(name)
        if value is None:
            raise MissingParameterError(name)
        return value

    def flag(self, name: str) -> bool:
        """Return whether a parameter is true; SDKs send True, true and "true"."""
        return self.params.get(name, "").lower() == "true"

    def number(self, name: str) -> int | None:
        """Return a whole number, or None when it is absent or empty."""
        value = self.params.get(name, "")
        if not value:
            return None
        if not value.isdecimal() or len(value) > MOST_DIGITS:
            raise RefusedError("parameter", name=name)
        return int(value)

    def application(self) -> Application:
        """Return the application that AppId names."""
        return self.world.application(self.required("AppId"))

    def page(self, things: list[Json]) -> list[Json]:
        """Return the page that CurrentPage and PageSize ask for."""
        current = self.number("CurrentPage") or 1
        page = page_of(things, current, self.number("PageSize"))
        if not page and current > 1 and self.world.switches.text("page_behind_last") == "refused":
            raise RefusedError("parameter", name="CurrentPage")
        return page

    # ---- change orders ----

    def scale_out_application(self) -> Json:
        application_id, group_id = self.required("AppId"), self.required("DeployGroup")
        self.required("EcuInfo")
        ecu_ids = ids_in(self.params, "EcuInfo")
        order = operations.scale_out(self.world, application_id, group_id, ecu_ids, self.now)
        return {"ChangeOrderId": order.id}

    def scale_in_application(self) -> Json:
        application_id, force = self.required("AppId"), self.flag("ForceStatus")
        ecc_ids = ids_in(self.params, "EccInfo")
        order = operations.scale_in(self.world, application_id, ecc_ids, self.now, force=force)
        return {} if order is None else {"ChangeOrderId": order.id}

    def get_change_order_info(self) -> Json:
        order = self.world.order(self.required("ChangeOrderId"))
        order.reads += 1
        if order.reads <= self.world.switches.number("order_unknown_at_first"):
            raise NotFoundError("ChangeOrder", order.id)
        progress.poll(self.world, order, self.now)
        return {"changeOrderInfo": order_shapes.order_shape(self.world, order, self.now)}

    def list_recent_change_order(self) -> Json:
        application = self.application()
        # A caller that follows an order by this list alone must see it end too.
        for order in self.world.active_orders(application.id):
            if order.started:
                progress.poll(self.world, order, self.now)
        listed = operations.recent_orders(self.world, application.id, self.now)
        return {
            "ChangeOrderList": {
                "ChangeOrder": [
                    order_shapes.listed_order_shape(self.world, order, self.now) for order in listed
                ]
            }
        }

    def abort_change_order(self) -> Json:
        order = operations.abort(self.world, self.required("ChangeOrderId"), self.now)
        trace = order.id.replace("-", "")[:30]
        return {"ErrorCode": "success", "TraceId": trace, "Data": {"ChangeOrderId": order.id}}

    def continue_pipeline(self) -> Json:
        pipeline_id, confirm = self.required("PipelineId"), self.flag("Confirm")
        operations.continue_pipeline(self.world, pipeline_id, self.now, confirm=confirm)
        return {}

    # ---- machines ----

    def list_scale_out_ecu(self) -> Json:
        cluster_id = self.application().cluster_id if "AppId" in self.params else self.required("ClusterId")
        cpu, memory = self.number("Cpu") or 0, self.number("Mem") or 0
        free = operations.free_ecus(self.world, cluster_id, self.now)
        ecus = [ecu for ecu in free if ecu.cpu >= cpu and ecu.memory_mb >= memory]
        ecus = ecus[: self.number("InstanceNum")]
        return {
            "EcuInfoList": {
                "EcuInfo": [shapes.ecu_shape(self.world, ecu, self.now, free=True) for ecu in ecus]
            }
        }

    def list_cluster_members(self) -> Json:
        cluster = self.world.cluster(self.required("ClusterId"))
        wanted = set(ids_in(self.params, "EcsList"))
        members = [
            shapes.cluster_member_shape(ecu, self.now)
            for ecu in cluster.ecus.values()
            if not wanted or ecu.instance_id in wanted
        ]
        size = self.number("PageSize") or len(members)
        pages = math.ceil(len(members) / size) if size else 0
        return {
            "ClusterMemberPage": {
                "CurrentPage": self.number("CurrentPage") or 1,
                "PageSize": size,
                "TotalSize": pages if self.world.switches.text("total_size") == "pages" else len(members),
                "ClusterMemberList": {"ClusterMember": self.page(members)},
            }
        }

    def list_cluster(self) -> Json:
        clusters = [
            {**shapes.cluster_shape(self.world, cluster), "ResourceGroupId": shapes.RESOURCE_GROUP}
            for cluster in self.world.clusters.values()
        ]
        return {"ClusterList": {"Cluster": clusters}}

    def get_cluster(self) -> Json:
        cluster = self.world.cluster(self.required("ClusterId"))
        shape = shapes.cluster_shape(self.world, cluster)
        return {"Cluster": {**shape, "ClusterImportStatus": 1, "SubClusterType": ""}}

    # ---- applications ----

    def query_application_status(self) -> Json:
        return {"AppInfo": shapes.application_status_shape(self.world, self.application(), self.now)}

    def list_application(self) -> Json:
        listed = []
        for application in self.world.applications.values():
            figures = operations.listed_figures(self.world, application, self.now)
            if figures is not None and self.asks_for(application):
                listed.append(shapes.application_shape(self.world, application, figures))
        return {"ApplicationList": {"Application": self.page(listed)}}

    def asks_for(self, application: Application) -> bool:
        """Return whether the filters of ListApplication let an application pass."""
        text, params = self.params.get("AppIds", ""), self.params
        try:  # a JSON array is documented; a comma-separated list is understood too
            parts = parse_json(text) if text.startswith("[") else text.split(",")
        except ValueError:
            raise RefusedError("parameter", name="AppIds") from None
        ids = {str(part).strip() for part in parts} - {""}
        return (
            application.listed
            and params.get("AppName", "") in application.name  # a keyword, not the whole name
            and (not ids or application.id in ids)
            and params.get("ClusterId", "") in ("", application.cluster_id)
            and application.namespace.startswith(params.get("LogicalRegionId", ""))
            and params.get("LogicalRegionIdFilter", "") in ("", application.namespace)
        )

    def get_application(self) -> Json:
        return {"Application": shapes.one_application_shape(self.world, self.application(), self.now)}

    def list_deploy_group(self) -> Json:
        application = self.application()
        groups = [
            shapes.deploy_group_shape(self.world, application, group) for group in application.groups.values()
        ]
        return {"DeployGroupList": {"DeployGroup": groups}}


OPERATIONS: Mapping[str, Callable[[Responses], Json]] = {
    "ScaleOutApplication": Responses.scale_out_application,
    "ScaleInApplication": Responses.scale_in_application,
    "QueryApplicationStatus": Responses.query_application_status,
    "GetChangeOrderInfo": Responses.get_change_order_info,
    "ListRecentChangeOrder": Responses.list_recent_change_order,
    "AbortChangeOrder": Responses.abort_change_order,
    "ContinuePipeline": Responses.continue_pipeline,
    "ListScaleOutEcu": Responses.list_scale_out_ecu,
    "ListClusterMembers": Responses.list_cluster_members,
    "ListApplication": Responses.list_application,
    "GetApplication": Responses.get_application,
    "ListDeployGroup": Responses.list_deploy_group,
    "ListCluster": Responses.list_cluster,
    "GetCluster": Responses.get_cluster,
}
