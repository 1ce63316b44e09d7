from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "pulumi_edas_scale.emulator"]


def test_the_command_prints_the_url_and_the_exports_and_ends_when_interrupted(tmp_path: Path) -> None:
    """The URL is the first line, so that a script can read it; an interrupt ends it with 0."""
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"region": "cn-test", "accessKeys": [{"id": "key", "secret": "secret"}]}))
    command = [
        *COMMAND,
        "--world",
        str(world),
        "--switch",
        "order_duration=polls:1",
        "--switch",
        "code_type=text",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    url = lines[0]
    assert url.startswith("http://127.0.0.1:")
    assert lines[1:] == [
        f"export ALIBABA_CLOUD_ENDPOINT_EDAS={url}",
        "export ALIBABA_CLOUD_REGION_ID=cn-test",
        "export ALIBABA_CLOUD_ACCESS_KEY_ID=key",
        "export ALIBABA_CLOUD_ACCESS_KEY_SECRET=secret",
    ]
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ('{"region": 1}', [], "$.region: must be a string that is not empty, got 1\n"),
        ("{", [], ": Expecting property name enclosed in double quotes"),
        (None, [], "No such file or directory"),
        ('{"region": "r"}', ["--switch", "nothing=1"], "switches.nothing: no such switch"),
        ('{"region": "r"}', ["--host", "203.0.113.1"], "cannot serve at 203.0.113.1:0"),
    ],
)
def test_a_wrong_world_or_switch_ends_the_command(
    tmp_path: Path, content: str | None, arguments: list[str], message: str
) -> None:
    """With exit code 2 and one line that says why."""
    world = tmp_path / "world.json"
    if content is not None:
        world.write_text(content)
    done = subprocess.run(
        [*COMMAND, "--world", str(world), *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
