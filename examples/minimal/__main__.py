import pulumi

from pulumi_edas_scale import DeployGroupMembership

config = pulumi.Config()

web = DeployGroupMembership(
    "web",
    app_id=config.require("appId"),
    group_id=config.require("groupId"),
    instance_ids=config.require_object("instanceIds"),
)

pulumi.export("running", web.running_count)
pulumi.export("members", web.members)
