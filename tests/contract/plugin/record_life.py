"""Record what the real engine says to the plugin in one life of a membership: writes life.json beside this file.

Run it with a Pulumi CLI on PATH (``make pulumi-cli`` prints where one is) and look at what changed before you
commit it: every change is one of Pulumi's engine or of the plugin's answers.

    PATH="$(python tools/pulumi_cli.py):.venv/bin:$PATH" python -m tests.contract.plugin.record_life
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

LIFE: Final = Path(__file__).with_name("life.json")

PROGRAM: Final = """
name: life
runtime: yaml
config:
  instanceIds: {type: array, items: {type: string}}
variables:
  app: {"fn::invoke": {function: edas-scale:getApplication, arguments: {name: shop}}}
  group:
    fn::invoke:
      function: edas-scale:getDeployGroup
      arguments: {appId: "${app.appId}", groupName: beta}
resources:
  web:
    type: edas-scale:DeployGroupMembership
    properties: {appId: "${app.appId}", groupId: "${group.groupId}", instanceIds: "${instanceIds}"}
    options: {customTimeouts: {create: 3m}}
"""

STEPS: Final[list[dict[str, Any]]] = [
    {"instanceIds": ["i-bp101", "i-bp102"], "command": ["up", "--yes"]},
    {"command": ["up", "--yes", "--skip-preview"]},
    {"action": {"name": "leave", "instance": "i-bp102"}, "command": ["preview"]},
    {"command": ["up", "--yes", "--skip-preview"]},
    {"instanceIds": ["i-bp103", "i-bp102"], "command": ["up", "--yes", "--skip-preview"]},
    {"action": {"name": "join", "group": "beta", "instance": "i-bp104"}, "command": ["refresh", "--yes"]},
    {"command": ["destroy", "--yes", "--skip-preview"]},
]
"""What happens: the ids of the program change, something happens in EDAS, and a command is run."""

OF_THE_MACHINE: Final = ("randomSeed", "resourceStatusAddress", "resourceStatusToken")
ABOUT_THE_PROCESS: Final = ("Handshake", "GetPluginInfo", "GetSchema", "GetMapping", "GetMappings")


def main() -> None:
    """Live a life and write it down."""
    with tempfile.TemporaryDirectory() as name, Emulator(order_duration="immediate") as edas:
        directory = Path(name)
        environ = {
            **os.environ,
            **edas.environment(),
            "PULUMI_HOME": f"{name}/home",
            "PULUMI_BACKEND_URL": f"file://{name}",
            "PULUMI_CONFIG_PASSPHRASE": "life",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        }
        (directory / "Pulumi.yaml").write_text(PROGRAM)
        _pulumi(directory, environ, "stack", "init", "dev")
        life = [_live(step, directory, environ, edas) for step in STEPS]
    LIFE.write_text(json.dumps(life, indent=1) + "\n")


def _live(step: dict[str, Any], directory: Path, environ: dict[str, str], edas: Emulator) -> dict[str, Any]:
    for index, instance in enumerate(step.get("instanceIds", ())):
        _pulumi(directory, environ, "config", "set", "--path", f"instanceIds[{index}]", instance)
    if "action" in step:
        edas.action(**step["action"])
    log = directory / "grpc.json"
    log.unlink(missing_ok=True)
    edas.clear_log()
    _pulumi(directory, {**environ, "PULUMI_DEBUG_GRPC": str(log)}, *step["command"])
    orders = [
        [entry["operation"], entry["params"].get("EcuInfo") or entry["params"].get("EccInfo")]
        for entry in edas.log()
        if entry["operation"] in {"ScaleOutApplication", "ScaleInApplication"}
    ]
    return {**step, "orders": orders, "calls": list(_calls(log))}


def _calls(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        service, _, method = entry["method"].rpartition("/")
        if service != "/pulumirpc.ResourceProvider" or entry.get("metadata", {}).get("name") != "edas-scale":
            continue
        if "response" not in entry or method in ABOUT_THE_PROCESS:
            continue  # an entry without a response announces the call
        request = {key: value for key, value in entry["request"].items() if key not in OF_THE_MACHINE}
        if method == "Configure":
            request.pop("id")  # random
        yield {"method": method, "request": request, "response": entry["response"]}


def _pulumi(directory: Path, environ: dict[str, str], *arguments: str) -> None:
    command = ["pulumi", "--non-interactive", *arguments]
    subprocess.run(command, cwd=directory, env=environ, check=True)


if __name__ == "__main__":
    main()
