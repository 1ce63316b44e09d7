"""Membership of ECS instances in EDAS deploy groups, as Pulumi resources."""

from __future__ import annotations

from pulumi_edas_scale.version import __version__

__all__ = ["__version__"]
