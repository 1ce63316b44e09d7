"""``edas-scale apps``: the applications of a region, with their members and state."""

from __future__ import annotations

import click

from pulumi_edas_scale.cli.context import Cloud, with_cloud
from pulumi_edas_scale.cli.output import Form, say, say_table, say_value
from pulumi_edas_scale.domain.model import KUBERNETES_CLUSTER_TYPES


@click.command("apps")
@with_cloud
def apps(*, cloud: Cloud, form: Form) -> None:
    """List the applications of the region: name, id, state, running members, cluster.

    'edas-scale status APP' shows the deploy groups and members of one.
    """
    found = sorted(cloud.session.reads.applications(cloud.context), key=lambda each: (each.name, each.app_id))
    if form is not Form.TABLE:
        applications = [
            {
                "appId": each.app_id,
                "name": each.name,
                "state": each.state,
                "instances": each.instances,
                "running": each.running,
                "clusterId": each.cluster_id,
                "clusterType": each.cluster_type,
            }
            for each in found
        ]
        say_value({"regionId": cloud.region_id, "applications": applications}, form)
    elif found:
        rows = []
        for each in found:
            counted = each.running is not None and each.instances is not None
            running = f"{each.running} of {each.instances}" if counted else ""
            kind = "Kubernetes" if each.cluster_type in KUBERNETES_CLUSTER_TYPES else "ECS"
            kind = "" if each.cluster_type is None else kind
            rows.append((each.name, each.app_id, each.state.lower(), running, each.cluster_id, kind))
        say_table(("NAME", "ID", "STATE", "RUNNING", "CLUSTER", "KIND"), rows)
    else:
        say(f"Region {cloud.region_id} has no applications, or these credentials do not see any.")
