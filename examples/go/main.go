package main

import (
	"fmt"

	"github.com/pulumi-edas/pulumi-edas-scale/sdk/go/edasscale"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		conf := config.New(ctx, "")
		var instanceIds []string
		conf.RequireObject("instanceIds", &instanceIds)
		groupName := conf.Get("deployGroup")
		if groupName == "" {
			groupName = "_DEFAULT_GROUP"
		}

		app := edasscale.GetApplicationOutput(ctx, edasscale.GetApplicationOutputArgs{
			Name: pulumi.String(conf.Require("application")),
		})
		group := edasscale.GetDeployGroupOutput(ctx, edasscale.GetDeployGroupOutputArgs{
			AppId:     app.AppId(),
			GroupName: pulumi.String(groupName),
		})

		web, err := edasscale.NewDeployGroupMembership(ctx, "web", &edasscale.DeployGroupMembershipArgs{
			AppId:       app.AppId(),
			GroupId:     group.GroupId(),
			InstanceIds: pulumi.ToStringArray(instanceIds),
			MinRunning:  pulumi.Int(1),
			WaitFor:     edasscale.WaitForRunning,
		}, pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "20m", Update: "20m"}))
		if err != nil {
			return err
		}

		ctx.Export("members", web.Members.ApplyT(func(all []edasscale.Member) []string {
			members := make([]string, 0, len(all))
			for _, member := range all {
				members = append(members, fmt.Sprintf("%s %s", member.InstanceId, member.State))
			}
			return members
		}))
		ctx.Export("foreignMembers", web.ForeignMembers.ApplyT(func(all []edasscale.Member) []string {
			members := make([]string, 0, len(all))
			for _, member := range all {
				members = append(members, member.InstanceId)
			}
			return members
		}))
		ctx.Export("running", web.RunningCount)
		return nil
	})
}
