"""The example that makes everything from nothing, under Pulumi's mocks, with its membership made for real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CONFIG = {"shop:imageId": "aliyun_3_x64", "shop:instanceType": "ecs.g7.large", "shop:instances": "3"}


def run_example() -> dict[str, Any]:
    """Run the program in a process of its own: Pulumi's mocks are set for a whole process."""
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).parent / "mocked_run.py",
            ROOT / "examples" / "with-alicloud" / "__main__.py",
            json.dumps(CONFIG),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_from_nothing_to_a_deploy_group_with_members() -> None:
    """The instances are made, imported one by one, and join the group in one order, once they are in the cluster."""
    result = run_example()

    made = Counter(each["type"].rpartition(":")[2] for each in result["registered"])
    assert made == {
        "Network": 1,
        "Switch": 2,
        "SecurityGroup": 1,
        "Cluster": 1,
        "Application": 1,
        "DeployGroup": 1,
        "Instance": 3,
        "InstanceClusterAttachment": 3,
        "DeployGroupMembership": 1,
    }
    names = [each["name"] for each in result["registered"]]
    assert names[-1] == "web"
    assert result["members"] == ["i-web0", "i-web1", "i-web2"]
    assert result["orders"] == [["scale_out", 3]]
