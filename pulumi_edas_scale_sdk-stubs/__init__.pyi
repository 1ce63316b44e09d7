from pulumi_edas_scale.native import *
