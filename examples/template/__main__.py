import pulumi

from pulumi_edas_scale import DeployGroupMembership, get_application, get_deploy_group

config = pulumi.Config()
application = get_application(config.require("application"))
group = get_deploy_group(application.app_id, group_name=config.require("deployGroup"))

members = DeployGroupMembership(
    "members",
    app_id=application.app_id,
    group_id=group.group_id,
    instance_ids=[each.strip() for each in config.require("instanceIds").split(",") if each.strip()],
)

pulumi.export("running", members.running_count)
