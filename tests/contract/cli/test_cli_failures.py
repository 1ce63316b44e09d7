from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.cli.batches import parse_order_body
from pulumi_edas_scale.cli.main import COMMANDS
from tests.contract.cli.terminal import SHOP, Terminal, assert_golden

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator

PROGRAM = Path(sys.executable).parent / "edas-scale"

CALLS = {
    "status": ("status", "shop"),
    "orders": ("orders", "shop"),
    "order": ("order", "c0de0000-0000-4000-8000-000000000001"),
    "plan": ("plan", "shop", "beta", "--members", "i-bp1d"),
    "adopt": ("adopt", "shop"),
    "from-account": ("emulator", "--from-account", "shop"),
}
"""Every command that asks EDAS and is not the doctor."""

by_call = pytest.mark.parametrize("call", CALLS)


def assert_one_line(terminal: Terminal, arguments: tuple[str, ...], exit_code: int, *pieces: str) -> None:
    """Run a command that must fail, and hold what it says."""
    result = terminal.run(*arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    *waiting, error = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert all("Trying again" in line for line in waiting)
    for piece in pieces:
        assert piece in error


@by_call
def test_without_credentials(terminal: Terminal, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sources that were looked at are named."""
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        del terminal.environ[name]
    assert_one_line(terminal, CALLS[call], 1, "no credentials were found", "ALICLOUD_ACCESS_KEY")


@by_call
def test_edas_is_down(terminal: Terminal, call: str) -> None:
    """After some seconds of trying, the address that refused is named."""
    terminal.environ["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://127.0.0.1:9"
    assert_one_line(terminal, CALLS[call], 1, "the connection was refused", "127.0.0.1:9")
    assert terminal.time.time < 60


def test_what_a_command_waits_for_is_said(terminal: Terminal) -> None:
    """Nobody looks at a command that says nothing for ten seconds (law 14); stdout stays for the answer."""
    terminal.environ["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://127.0.0.1:9"
    result = terminal.run("status", "shop")
    assert "the connection was refused" in result.stderr.splitlines()[0]
    assert "Trying again" in result.stderr.splitlines()[0]


@by_call
def test_an_outage_is_not_believed_to_be_an_empty_account(
    terminal: Terminal, edas: Emulator, call: str
) -> None:
    """Answers of the wrong shape are a failure."""
    edas.rule(effect="body", body="<html>502</html>", content_type="text/html", status=502, times=None)
    assert_one_line(terminal, CALLS[call], 1)


@by_call
def test_a_missing_permission_names_its_action(terminal: Terminal, edas: Emulator, call: str) -> None:
    """The RAM action to grant is in the message."""
    edas.rule(effect="error", status=403, code="Forbidden.RAM", message="no", times=None)
    assert_one_line(terminal, CALLS[call], 1, "edas:ReadApplication")


@by_call
def test_a_profile_that_is_not_there(
    terminal: Terminal, call: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The option wins over keys of the environment, and what it names must exist."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert_one_line(terminal, (*CALLS[call], "--profile", "nobody"), 1, "profile 'nobody'")


@by_call
def test_no_region(terminal: Terminal, call: str) -> None:
    """Option and variable that would tell the region are named."""
    del terminal.environ["ALIBABA_CLOUD_REGION_ID"]
    assert_one_line(terminal, CALLS[call], 2, "--region", "ALIBABA_CLOUD_REGION_ID")


@by_call
def test_options_win_over_the_environment(terminal: Terminal, edas: Emulator, call: str) -> None:
    """An endpoint in the environment that nobody serves is not asked when an option names another."""
    endpoint = terminal.environ.pop("ALIBABA_CLOUD_ENDPOINT_EDAS")
    terminal.environ["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://127.0.0.1:9"
    edas.action("start_order", group="beta", application="shop", duration="immediate")
    result = terminal.run(*CALLS[call], "--endpoint", endpoint, "--region", "cn-hangzhou")
    assert result.exit_code == 0
    assert result.stdout


@pytest.mark.parametrize(
    ("option", "value"), [("--endpoint", "nonsense"), ("--region", "no region"), ("--profile", "x\ny")]
)
def test_wrong_options_name_the_option(terminal: Terminal, option: str, value: str) -> None:
    """A value that cannot be right is refused before anything is asked."""
    assert_one_line(terminal, (*CALLS["status"], option, value), 2, f"the option {option}")


@pytest.mark.parametrize("call", [call for call in CALLS if call != "order"])
@pytest.mark.parametrize("wanted", ["shopp", SHOP.replace("1", "9")])
def test_an_unknown_application(terminal: Terminal, call: str, wanted: str) -> None:
    """The applications that there are are named, whether an id or a name was wrong."""
    arguments = tuple(wanted if each == "shop" else each for each in CALLS[call])
    assert_one_line(terminal, arguments, 1, f"There is no application '{wanted}'", "shop (3616cdca-")


@pytest.mark.parametrize("form", ["body_601", "body_404", "http_404", "http_500", "http_600"])
def test_an_unknown_order(terminal: Terminal, edas: Emulator, form: str) -> None:
    """However EDAS says that it does not exist."""
    edas.switches(not_found=form)
    assert_one_line(terminal, ("order", "no-such-order"), 1, "There is no change order 'no-such-order'")


def test_a_name_that_two_applications_have(terminal: Terminal, edas: Emulator) -> None:
    """A name is not guessed at: the ids are named."""
    edas.action("create_application", application={"name": "shop", "cluster": "ecs"})
    assert_one_line(terminal, CALLS["status"], 1, "2 applications", SHOP, "Use an id.")


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("status", "a", "b"), ("status", "a", "--frob"), ("frob",), ("order", "--interval", "x")],
)
def test_wrong_use_is_one_line_with_the_way_to_help(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """Exit code 2, as scripts expect."""
    assert_one_line(terminal, arguments, 2, "--help")


def test_foreign_text_reaches_the_terminal_printable(terminal: Terminal, edas: Emulator) -> None:
    """A name with escape sequences cannot paint on the user's screen."""
    application = {
        "name": "\x1b[31mred\x07",
        "cluster": "ecs",
        "groups": [{"name": "\x1b]0;x", "members": ["i-bp1e"]}],
    }
    app_id = edas.action("create_application", application=application)["id"]
    edas.action("start_order", group="\x1b]0;x", application=app_id, duration="polls:9")
    for call in (
        ("status", app_id),
        ("orders", app_id),
        ("status", "nobody"),
        ("plan", app_id, "x", "--members", ""),
    ):
        result = terminal.run(*call)
        assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(terminal: Terminal, command: str) -> None:
    """Every command explains itself."""
    name = f"help-{command}" if command else "help"
    result = terminal.golden(f"{name}.text", *([command] if command else []), "--help")
    assert result.exit_code == 0


def test_help_and_completion_import_neither_pulumi_nor_the_sdk() -> None:
    """Both are wanted at once, and importing those takes most of a second."""
    code = (
        "import sys\nfrom pulumi_edas_scale.cli.main import cli\n"
        "try: cli(['--help'])\nexcept SystemExit: pass\n"
        "cli.get_command(None, 'status')\n"
        "slow = {'pulumi', 'grpc', 'alibabacloud_edas20170801', 'aiohttp', 'rich'}\n"
        "sys.exit(', '.join(sorted(slow & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_switched_on(shell: str) -> None:
    """The line that help names prints a script of that shell."""
    environ = {**os.environ, "_EDAS_SCALE_COMPLETE": f"{shell}_source"}
    done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=60, check=False, env=environ)
    if shell == "bash" and "Bash" in done.stderr:
        pytest.skip("completion needs Bash 4.4")
    assert "edas_scale" in done.stdout


def test_commands_are_completed() -> None:
    """What the shell asks for while somebody types."""
    environ = {
        **os.environ,
        "_EDAS_SCALE_COMPLETE": "bash_complete",
        "COMP_WORDS": "edas-scale st",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert done.stdout == "plain,status\n"


def test_the_installed_program_ends_with_the_exit_code(edas: Emulator) -> None:
    """The entry point, as a shell calls it."""
    environ = {**os.environ, **edas.environment()}
    done = subprocess.run(
        [PROGRAM, "status", "nobody"], capture_output=True, text=True, timeout=60, check=False, env=environ
    )
    assert done.returncode == 1
    printed = (done.stdout + done.stderr).splitlines(keepends=True)
    # On a busy machine it also says what it waits for.
    assert_golden(
        "entry-point.text", "".join(line for line in printed if not line.startswith("waiting for "))
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "changeOrderInfo",
                    "PipelineInfoList",
                    "PipelineInfo",
                    "PipelineName",
                    "PipelineStatus",
                    "StageList",
                    "StageInfoDTO",
                    "StageResultDTO",
                    "InstanceDTOList",
                    "InstanceDTO",
                    "InstanceIp",
                    "InstanceName",
                    "Status",
                    "InstanceStageDTOList",
                    "InstanceStageDTO",
                    "StageName",
                    "StageMessage",
                    "Desc",
                )
            ),
            inner,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_body_of_an_order_can_be_explained(body: object) -> None:
    """What is inside an order only explains: nothing in it is an error."""
    parse_order_body(body)
    parse_order_body({"changeOrderInfo": {"PipelineInfoList": {"PipelineInfo": [body, {"StageList": body}]}}})
