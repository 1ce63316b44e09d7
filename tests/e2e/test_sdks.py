"""The generated SDKs by themselves: they compile, and take what the resource takes."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

import pytest

from pulumi_edas_scale import native
from tests.e2e import sdks
from tools.pulumi_cli import go_environment

SIGNATURE = """
import inspect, json
from pulumi_edas_scale_sdk import DeployGroupMembership
print(json.dumps(list(inspect.signature(DeployGroupMembership._internal_init).parameters)))
"""


@pytest.mark.timeout(1800)  # the first build compiles Pulumi's SDK, beside other tests
def test_the_go_sdk_and_its_example_compile() -> None:
    """The generated Go SDK and examples/go build, and ``go vet`` has nothing to say against them."""
    project = sdks.go_project()
    for command in ("build", "vet"):
        sdks.run([sdks.needed("go"), command, ".", f"{sdks.GO_MODULE}/..."], project, go_environment())


def test_the_python_sdk_is_the_native_module() -> None:
    """The generated Python SDK takes the arguments of ``pulumi_edas_scale.native``, which stands for it."""
    generated_sdk = sdks.python_sdk()
    done = subprocess.run(
        [sys.executable, "-c", SIGNATURE],
        cwd=generated_sdk,  # Python looks here first, and the module of that name is at the top of this repository
        env={**os.environ, "PYTHONPATH": str(generated_sdk)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=sdks.BUILD_TIMEOUT,
        check=True,
    )
    generated = set(json.loads(done.stdout)) - {"__self__", "resource_name", "opts", "__props__"}
    ours = set(inspect.signature(native.DeployGroupMembership.__init__).parameters) - {
        "self",
        "resource_name",
        "opts",
    }
    assert generated == ours
