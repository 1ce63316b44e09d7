"""Record the state that a version of the package leaves, for the tests of an upgrade.

    git archive REVISION | tar -x -C DIRECTORY
    PATH=.venv/bin:$(python tools/pulumi_cli.py):$PATH python -m tests.e2e.recorded.record DIRECTORY VERSION

The law of this file: the package of that version makes the state, with the real CLI, on today's emulator, whose ids are
the same in every run. Written are ``VERSION-dynamic.json`` and ``VERSION-native.json``, beside this file.
"""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from pathlib import Path

from pulumi_edas_scale.emulator import Emulator
from tests.e2e.stack import STACK, FrontEnd, Stack, membership
from tests.e2e.world import BETA, GAMMA, scenario_world

PROGRAM = (
    membership(
        "web",
        group_id=BETA,
        instance_ids=["i-a", "i-b", "i-c"],
        exclusive=False,
        min_running=2,
        max_removals=3,
        batch_size=20,
        batch_pause_seconds=0.5,
        wait_for="running",
        join_timeout_seconds=60,
        force_scale_in="never",
        confirm_batches=False,
        on_delete="scaleIn",
        timeout_seconds=600,
    ),
    membership("search", opts="depends_on=[web]", group_id=GAMMA, ecu_ids=["ecu-d", "ecu-e"]),
)
"""Every input of the first version once, and a membership that states none it need not; one after the other."""

CONFIG = {
    "edas-scale:regionId": "cn-hangzhou",
    "edas-scale:previewReads": "true",
    "edas-scale:strictPreview": "false",
    "edas-scale:onCancel": "detach",
}
"""The settings of the first version that do not depend on the machine."""


def record(package: Path, front_end: FrontEnd) -> str:
    """Run an update with the package in a directory, and return what ``pulumi stack export`` prints."""
    with tempfile.TemporaryDirectory() as directory, Emulator(scenario_world()) as edas:
        mark, path = uuid.uuid4().hex, (Path(sys.executable).parent,)
        stack = Stack(
            Path(directory), front_end, edas, mark, path, dict(CONFIG), {"PYTHONPATH": str(package)}
        )
        stack.prepare()
        try:
            stack.run("stack", "init", STACK)
            stack.write(*PROGRAM)
            stack.up()
            return stack.run("stack", "export").output
        finally:
            stack.close()


def main() -> None:
    """Record with both front ends."""
    package, version = sys.argv[1:]
    for front_end in FrontEnd:
        state = json.loads(record(Path(package).resolve(), front_end))
        for each in ("manifest", "secrets_providers"):  # when and with which CLI; no value is secret
            state["deployment"].pop(each, None)
        for resource in state["deployment"]["resources"]:
            for each in ("created", "modified", "sourcePosition", "stackTrace"):
                resource.pop(each, None)
        file = Path(__file__).with_name(f"{version}-{front_end.name.lower()}.json")
        file.write_text(json.dumps(state, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
