import pulumi
import pulumi_alicloud as alicloud

from pulumi_edas_scale import DeployGroupMembership

config = pulumi.Config()
name = f"shop-{pulumi.get_stack()}"

zones = alicloud.get_zones(
    available_resource_creation="VSwitch", available_instance_type=config.require("instanceType")
)
network = alicloud.vpc.Network("network", vpc_name=name, cidr_block="10.0.0.0/16")
switches = [
    alicloud.vpc.Switch(
        f"switch-{number}", vpc_id=network.id, zone_id=zone.id, cidr_block=f"10.0.{number}.0/24"
    )
    for number, zone in enumerate(zones.zones[:2])
]
firewall = alicloud.ecs.SecurityGroup("firewall", security_group_name=name, vpc_id=network.id)

cluster = alicloud.edas.Cluster(
    "cluster",
    cluster_name=name,
    cluster_type=2,  # ECS
    network_mode=2,  # VPC
    vpc_id=network.id,
)
application = alicloud.edas.Application(
    "application", application_name=name, cluster_id=cluster.id, package_type="JAR"
)
group = alicloud.edas.DeployGroup("group", app_id=application.id, group_name="web")

instances = []
imports = []
for number in range(config.get_int("instances") or 2):
    instance = alicloud.ecs.Instance(
        f"web-{number}",
        instance_name=f"{name}-web-{number}",
        instance_type=config.require("instanceType"),
        image_id=config.require("imageId"),
        vswitch_id=switches[number % len(switches)].id,
        security_groups=[firewall.id],
    )
    instances.append(instance)
    # One attachment for each instance: another list would replace a common one, and with it take out everybody.
    imports.append(
        alicloud.edas.InstanceClusterAttachment(
            f"import-{number}", cluster_id=cluster.id, instance_ids=[instance.id]
        )
    )

web = DeployGroupMembership(
    "web",
    # After the imports; and at the end of a run, or in a destroy, the instance leaves the group first.
    pulumi.ResourceOptions(depends_on=imports),
    app_id=application.id,
    # The id of pulumi_alicloud's deploy group is application:name:id.
    group_id=group.id.apply(lambda id_: id_.rsplit(":", 1)[-1]),
    instance_ids=[instance.id for instance in instances],
    min_running=1,
    max_removals=1,
)

pulumi.export("members", web.members)
pulumi.export("running", web.running_count)
