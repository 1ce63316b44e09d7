import * as pulumi from "@pulumi/pulumi";
import * as edas from "@pulumi-edas/edas-scale";

const config = new pulumi.Config();

const app = edas.getApplicationOutput({ name: config.require("application") });
const group = edas.getDeployGroupOutput({
    appId: app.appId,
    groupName: config.get("deployGroup") ?? "_DEFAULT_GROUP",
});

const web = new edas.DeployGroupMembership(
    "web",
    {
        appId: app.appId,
        groupId: group.groupId,
        instanceIds: config.requireObject<string[]>("instanceIds"),
        minRunning: 1,
        waitFor: "running",
    },
    { customTimeouts: { create: "20m", update: "20m" } },
);

export const members = web.members.apply((all) => all.map((member) => `${member.instanceId} ${member.state}`));
export const foreignMembers = web.foreignMembers.apply((all) => all.map((member) => member.instanceId));
export const running = web.runningCount;
