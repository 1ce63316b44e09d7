module edas-scale-go

go 1.25

require (
	github.com/pulumi-edas/pulumi-edas-scale/sdk/go v0.1.0
	github.com/pulumi/pulumi/sdk/v3 v3.259.0
)

replace github.com/pulumi-edas/pulumi-edas-scale/sdk/go => ./sdks/edas-scale
