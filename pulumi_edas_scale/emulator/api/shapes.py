"""The wire shapes: the world as EDAS spells it, key by key and type by type.

The law of this file: it renders and decides nothing. The type traps are those of the API: moments are epoch
milliseconds, China time or ISO 8601 depending on the field, and ClusterType is a number or a string depending
on the operation. Change orders have a file of their own, `order_shapes.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from pulumi_edas_scale.emulator.world.entities import (
    OWNER,
    Application,
    Cluster,
    Ecu,
    Figures,
    Group,
    Member,
    OrderStatus,
)
from pulumi_edas_scale.emulator.world.identifiers import part_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pulumi_edas_scale.emulator.world.state import World

Json: TypeAlias = dict[str, Any]

_CHINA_TIME = timezone(timedelta(hours=8))
ACCOUNT = "1172000000006608"
RESOURCE_GROUP = "rg-emulator"
_PORT = 8080


def milliseconds(moment: float) -> int:
    """Return a moment as EDAS counts: whole milliseconds since the epoch."""
    return int(moment * 1000)


def china_time(moment: float | None) -> str:
    """Return a moment as `YYYY-MM-DD HH:MM:SS` in China time; empty for None."""
    return "" if moment is None else datetime.fromtimestamp(moment, _CHINA_TIME).strftime("%Y-%m-%d %H:%M:%S")


def utc_time(moment: float | None) -> str:
    """Return a moment in ISO 8601 with `Z`; empty for None."""
    return (
        "" if moment is None else datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    )


# ---- machines ----


def ecu_shape(world: World, ecu: Ecu, now: float, *, free: bool = False) -> Json:
    """Return the part that all ECU listings share; only a free ECU shows its capacity."""
    return {
        "VpcId": _vpc(ecu.cluster_id),
        "UpdateTime": milliseconds(ecu.created_at),
        "IpAddr": ecu.ip,
        "AvailableCpu": ecu.cpu if free else 0,
        "CreateTime": milliseconds(ecu.created_at),
        "UserId": ACCOUNT,
        "InstanceId": ecu.instance_id,
        "RegionId": world.region,
        "EcuId": ecu.ecu_id,
        "DockerEnv": False,
        "Online": ecu.online,
        "AvailableMem": ecu.memory_mb if free else 0,
        "ZoneId": ecu.zone,
        "Name": ecu.name,
        "HeartbeatTime": milliseconds(now if ecu.online else ecu.created_at),
    }


def cluster_member_shape(ecu: Ecu, now: float) -> Json:
    """Return an entry of ListClusterMembers; a machine under conversion has no ECU id yet."""
    ready = ecu.is_ready(now)
    return {
        "ClusterId": ecu.cluster_id,
        "ClusterMemberId": part_of(ecu.ecu_id, "3e3b", 0),
        "CreateTime": milliseconds(ecu.created_at),
        "EcsId": ecu.instance_id,
        "EcuId": ecu.ecu_id if ready else "",
        "PrivateIp": ecu.ip,
        "Status": (1 if ecu.online else -2) if ready else 0,
        "UpdateTime": milliseconds(ecu.created_at),
    }


def cluster_shape(world: World, cluster: Cluster) -> Json:
    """Return a cluster as ListCluster shows it."""
    return {
        "ClusterId": cluster.id,
        "ClusterName": cluster.name,
        "ClusterType": cluster.type,
        "Cpu": sum(ecu.cpu for ecu in cluster.ecus.values()),
        "CpuUsed": 0,
        "CreateTime": milliseconds(cluster.created_at),
        "CsClusterId": "",
        "Description": "",
        "IaasProvider": "ALIYUN",
        "Mem": sum(ecu.memory_mb for ecu in cluster.ecus.values()),
        "MemUsed": 0,
        "NetworkMode": 2,
        "NodeNum": len(cluster.ecus),
        "OversoldFactor": 1,
        "RegionId": world.region,
        "UpdateTime": milliseconds(cluster.created_at),
        "VpcId": _vpc(cluster.id),
    }


# ---- applications ----


def application_status_shape(world: World, application: Application, now: float) -> Json:
    """Return the AppInfo of QueryApplicationStatus: every group, ECU and ECC of an application."""
    listing = application.listing(now)
    members = listing[: int(world.switches.number("cut_list")) or None]
    return {
        "Application": _application_of_status(world, application, listing),
        "EcuList": {"Ecu": [_ecu_of_member(world, application, member, now) for member in members]},
        "EccList": {"Ecc": [_ecc_shape(world, application, member) for member in members]},
        "GroupList": {
            "Group": [_group_of_status(application, group) for group in application.groups.values()]
        },
        "DeployRecordList": {
            "DeployRecord": [
                {
                    "CreateTime": milliseconds(member.created_at),
                    "DeployRecordId": part_of(member.ecc_id, "4ec0", 0),
                    "EccId": member.ecc_id,
                    "EcuId": member.ecu_id,
                    "PackageMd5": "d0db5bcb442e492104d0f00e10a03dd9",
                    "PackageVersionId": application.groups[member.group_id].package_version_id,
                }
                for member in members
                if member.group_id in application.groups and application.groups[member.group_id].deployed
            ]
        },
    }


def _ecu_of_member(world: World, application: Application, member: Member, now: float) -> Json:
    shape = ecu_shape(world, world.machine_of(member, application), now)
    seconds = world.switches.seconds("blank_instance_id")
    if world.switches.text("blank_instance_id") == "always" or 0 <= now - member.created_at < (seconds or 0):
        shape["InstanceId"] = ""
    return {**shape, "GroupId": member.group_id}


def _application_of_status(world: World, application: Application, members: list[Member]) -> Json:
    return {
        "ApplicationId": application.id,
        "BuildPackageId": 59,
        "ClusterId": application.cluster_id,
        "Cpu": 0,
        "CreateTime": milliseconds(application.created_at),
        "Dockerize": False,
        "Email": "",
        "HealthCheckUrl": "",
        "InstanceCount": len(members),
        "LaunchTime": 0,
        "Memory": 0,
        "Name": application.name,
        "Owner": OWNER,
        "Phone": "",
        "Port": _PORT,
        "RegionId": application.namespace,
        "RunningInstanceCount": _running_count(world, application, members),
        "UserId": OWNER,
    }


def _ecc_shape(world: World, application: Application, member: Member) -> Json:
    return {
        "VpcId": _vpc(application.cluster_id),
        "UpdateTime": milliseconds(member.updated_at),
        "EcuId": member.ecu_id,
        "EccId": member.ecc_id,
        "GroupId": member.group_id,
        "AppState": int(world.app_state(member, application)),
        "TaskState": int(member.task_state),
        "CreateTime": milliseconds(member.created_at),
        "AppId": application.id,
        "ContainerStatus": "",
        "Ip": world.machine_of(member, application).ip,
    }


def _group_of_status(application: Application, group: Group) -> Json:
    return {
        "UpdateTime": milliseconds(group.created_at),
        "GroupName": group.name,
        "GroupId": group.id,
        "CreateTime": milliseconds(group.created_at),
        "AppVersionId": group.app_version_id,
        "AppId": application.id,
        "PackageVersionId": group.package_version_id,
        "GroupType": group.type,
        "ClusterId": application.cluster_id,
    }


def application_shape(world: World, application: Application, figures: Figures) -> Json:
    """Return an entry of ListApplication with the figures it shows."""
    return {
        "AppId": application.id,
        "ApplicationType": application.type,
        "BuildPackageId": 58,
        "ClusterId": application.cluster_id,
        "ClusterType": world.clusters[application.cluster_id].type,
        "CreateTime": milliseconds(application.created_at),
        "Instances": figures.instances,
        "Name": application.name,
        "NamespaceId": application.namespace,
        "Port": _PORT,
        "RegionId": application.namespace,
        "RunningInstanceCount": figures.running,
        "State": figures.state,
        "ResourceGroupId": RESOURCE_GROUP,
    }


def one_application_shape(world: World, application: Application, now: float) -> Json:
    """Return the application of GetApplication; ClusterType is a string here."""
    members = application.listing(now)
    return {
        "AppId": application.id,
        "ApplicationType": application.type,
        "BuildPackageId": 58,
        "ClusterId": application.cluster_id,
        "ClusterType": str(world.clusters[application.cluster_id].type),
        "Cpu": 0,
        "CreateTime": milliseconds(application.created_at),
        "Description": "",
        "Dockerize": False,
        "Email": "",
        "EnablePortCheck": False,
        "EnableUrlCheck": False,
        "HaveManageAccess": "true",
        "HealthCheckUrl": "",
        "InstanceCount": len(members),
        "Memory": 0,
        "Name": application.name,
        "NameSpace": "",
        "Owner": OWNER,
        "Port": _PORT,
        "RegionId": application.namespace,
        "ResourceGroupId": RESOURCE_GROUP,
        "RunningInstanceCount": _running_count(world, application, members),
        "UserId": OWNER,
        "WorkloadType": "",
    }


def deploy_group_shape(world: World, application: Application, group: Group) -> Json:
    """Return an entry of ListDeployGroup; its Status is a string."""
    return {
        "AppId": application.id,
        "GroupId": group.id,
        "GroupName": group.name,
        "GroupType": group.type,
        "ClusterId": application.cluster_id,
        "ClusterName": world.clusters[application.cluster_id].name,
        "AppVersionId": group.app_version_id,
        "PackageVersionId": group.package_version_id,
        "CreateTime": milliseconds(group.created_at),
        "UpdateTime": milliseconds(group.created_at),
        "Status": _group_status(world, application, group),
    }


def _group_status(world: World, application: Application, group: Group) -> str:
    """Return the status of the group's last order; the documented values have no 7, 8 and 9."""
    last = next(
        (order for order in reversed(world.orders_of(application.id)) if order.group_id == group.id), None
    )
    if last is None:
        return str(int(OrderStatus.SUCCESS))
    if last.active:
        return str(int(OrderStatus.RUNNING if last.started else OrderStatus.READY))
    return str(int(OrderStatus.FAILED if last.status == OrderStatus.PARTIAL else last.status))


def _running_count(world: World, application: Application, members: Iterable[Member]) -> int:
    return sum(world.is_running(member, application) for member in members)


def _vpc(cluster_id: str) -> str:
    return f"vpc-{cluster_id.replace('-', '')[-12:]}"


def page_of(things: list[Json], current: int, size: int | None) -> list[Json]:
    """Return one page; without a size everything is on the first one."""
    if size is None:
        return things if current == 1 else []
    return things[(current - 1) * size : current * size]
