"""What the tests of the examples share.

This file's law: no test is left out because something is not installed. Only below the versions of Pulumi that
pulumi_alicloud allows is the test left out that needs it (`make test-lowest`).
"""

from __future__ import annotations

from importlib.metadata import version

ALICLOUD_NEEDS = (3, 231)
"""The lowest Pulumi of the pinned pulumi_alicloud."""

_pulumi = tuple(int(part) for part in version("pulumi").split(".")[:2])
collect_ignore = ["test_with_alicloud.py"] if _pulumi < ALICLOUD_NEEDS else []
