import pulumi

from pulumi_edas_scale import (
    DeployGroupMembership,
    get_application,
    get_deploy_group,
    get_scale_out_candidates,
)

config = pulumi.Config()
size = config.require_int("size")

application = get_application(config.require("application"))
group = get_deploy_group(application.app_id, group_name=config.get("deployGroup") or "_DEFAULT_GROUP")

# Who is a member stays one; only what is missing comes from the free machines, spread over the zones.
members = sorted(member.instance_id for member in group.members)[:size]
missing = size - len(members)
if missing > 0:
    free = get_scale_out_candidates(application.app_id, group_id=group.group_id, count=missing)
    members += free.instance_ids

web = DeployGroupMembership(
    "web",
    app_id=application.app_id,
    group_id=group.group_id,
    instance_ids=members,
)

pulumi.export("instanceIds", web.instance_ids)
pulumi.export("running", web.running_count)
