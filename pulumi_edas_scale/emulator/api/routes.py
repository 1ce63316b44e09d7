"""Which method and path is which operation of the EDAS API 2017-08-01.

The law of this file: a table of the operations that the provider calls, and of a few to look around with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = "2017-08-01"

ROUTES: Mapping[tuple[str, str], str] = {
    ("POST", "/pop/v5/changeorder/co_scale_out"): "ScaleOutApplication",
    ("POST", "/pop/v5/changeorder/co_scale_in"): "ScaleInApplication",
    ("POST", "/pop/v5/changeorder/change_order_info"): "GetChangeOrderInfo",
    ("POST", "/pop/v5/changeorder/change_order_list"): "ListRecentChangeOrder",
    ("PUT", "/pop/v5/changeorder/change_order_abort"): "AbortChangeOrder",
    ("GET", "/pop/v5/changeorder/pipeline_batch_confirm"): "ContinuePipeline",
    ("GET", "/pop/v5/app/app_status"): "QueryApplicationStatus",
    ("POST", "/pop/v5/app/app_list"): "ListApplication",
    ("POST", "/pop/v5/app/app_info"): "GetApplication",
    ("POST", "/pop/v5/app/deploy_group_list"): "ListDeployGroup",
    ("POST", "/pop/v5/resource/scale_out_ecu_list"): "ListScaleOutEcu",
    ("GET", "/pop/v5/resource/cluster_member_list"): "ListClusterMembers",
    ("POST", "/pop/v5/resource/cluster_list"): "ListCluster",
    ("GET", "/pop/v5/resource/cluster"): "GetCluster",
}


def operation_of(method: str, path: str) -> str | None:
    """Return the operation of a method and path, or None when the API has none there."""
    return ROUTES.get((method, path))
