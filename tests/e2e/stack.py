"""One Pulumi stack of its own for a test: project, program, home, backend, and the commands of the CLI.

This file's law: hermetic. A command sees nothing of the person who runs the tests but the language environment and
the CLI, and what it starts is found and ended afterwards.
"""

from __future__ import annotations

import enum
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e import processes
from tests.e2e.world import BETA, SHOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pulumi_edas_scale.emulator import Emulator

COMMAND_TIMEOUT = 150.0
"""Seconds for one command; the slowest here waits a minute for EDAS."""

PROJECT = "shop"
STACK = "dev"


class FrontEnd(enum.Enum):
    """How a program reaches the provider; the value is the module it imports from."""

    DYNAMIC = "pulumi_edas_scale"
    NATIVE = "pulumi_edas_scale.native"

    @property
    def type_token(self) -> str:
        """The type of the resource in state."""
        if self is FrontEnd.DYNAMIC:
            return "pulumi-python:dynamic/edas-scale:DeployGroupMembership"
        return "edas-scale:index:DeployGroupMembership"

    @property
    def process_words(self) -> tuple[str, ...]:
        """What the command line of the provider's process holds."""
        return ("-m", "pulumi.dynamic") if self is FrontEnd.DYNAMIC else ("pulumi-resource-edas-scale",)


class Code(str):
    """Python source in place of a literal."""

    __slots__ = ()


def membership(name: str = "web", *, opts: str | None = None, **inputs: Any) -> str:  # noqa: ANN401
    """Return the statement that declares a membership; by default of the group ``beta``.

    Args:
        name: of the resource; also of the variable.
        opts: arguments of ``pulumi.ResourceOptions``, as source.
        inputs: literals, or ``Code``.
    """
    given = {"app_id": SHOP, "group_id": BETA, **inputs}
    arguments = [repr(name)]
    if opts is not None:
        arguments.append(f"pulumi.ResourceOptions({opts})")
    arguments += [
        f"{key}={value if isinstance(value, Code) else repr(value)}" for key, value in given.items()
    ]
    return f"{name.replace('-', '_')} = DeployGroupMembership(\n    " + ",\n    ".join(arguments) + ",\n)"


MACHINE = """
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class MachineProvider(ResourceProvider):
    def act(self, url, action, instance):
        import json
        import urllib.request

        number = sum(map(ord, instance)) % 250
        body = {"action": action, "instance": instance, "cluster": "ecs", "ip": f"10.2.0.{number}"}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url + "/_emulator/actions", json.dumps(body).encode(), headers)
        urllib.request.urlopen(request).read()

    def create(self, props):
        self.act(props["url"], "import", props["instance"])
        return CreateResult(props["instance"], dict(props))

    def diff(self, id, olds, news):
        changed = olds["instance"] != news["instance"]
        return DiffResult(changes=changed, replaces=["instance"] if changed else [])

    def delete(self, id, props):
        self.act(props["url"], "remove_instance", props["instance"])


class Machine(Resource):
    instance: pulumi.Output[str]

    def __init__(self, name, instance, url, opts=None):
        super().__init__(MachineProvider(), name, {"instance": instance, "url": url}, opts)
"""
"""An instance of the cluster as a resource of the program: created when imported, as alicloud's would be."""


def machine(name: str, instance_id: str, edas: Emulator, *, opts: str = "") -> str:
    """Return the statement that declares an instance which this stack creates."""
    return f"{name} = Machine({name!r}, {instance_id!r}, {edas.url!r}, pulumi.ResourceOptions({opts}))"


_RAISED = re.compile(r"(\w*(?:Error|Exception|Exit|Interrupt|Sign))(?=: |\\n|\{|$)", re.MULTILINE)
"""The last line of a traceback, whatever the CLI or its log puts around a line."""


@dataclass(frozen=True)
class Result:
    """What a command left behind.

    Attributes:
        command: the words after ``pulumi``.
        exit_code: 0 when it succeeded; negative: the signal that ended it.
        output: stdout and stderr together, without colours.
    """

    command: tuple[str, ...]
    exit_code: int
    output: str

    def __str__(self) -> str:
        return f"pulumi {' '.join(self.command)} -> {self.exit_code}\n{self.output}"

    @property
    def words(self) -> str:
        """The output as one line: the CLI breaks lines where it likes."""
        return " ".join(self.output.split())

    def must_say(self, *phrases: str) -> None:
        """Check that the output holds each phrase.

        Raises:
            AssertionError: it does not; with all that was printed.
        """
        missing = [each for each in phrases if each not in self.words]
        assert not missing, f"missing: {missing}\n{self}"

    @property
    def tracebacks(self) -> list[str]:
        """How each Python traceback in the output ends, but for programs that were interrupted.

        A current language host interrupts the program when a resource has failed, and the program's
        own starter prints where it was.
        """
        parts = self.output.split("Traceback (most recent call last)")[1:]
        ends = [found[1] for part in parts if (found := _RAISED.search(part))]
        return [end for end in ends if end != "KeyboardInterrupt"]

    @property
    def diagnostics(self) -> str:
        """What is listed below the resources, as one line."""
        return " ".join(self.output.partition("\nDiagnostics:")[2].partition("\nResources:")[0].split())


class Running:
    """A command that runs; its end is awaited by ``result``."""

    def __init__(self, command: tuple[str, ...], process: subprocess.Popen[str]) -> None:
        self.command = command
        self.process = process

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the CLI without a chance to clean up."""
        self.process.kill()
        self.process.communicate()

    def result(self, timeout: float = COMMAND_TIMEOUT) -> Result:
        """Wait for the end."""
        output, _ = self.process.communicate(timeout=timeout)
        return Result(self.command, self.process.returncode, output)


@dataclass
class Stack:
    """A project directory with its program and its stack.

    Attributes:
        directory: everything of it is below.
        front end: how programs reach the provider.
        edas: what the provider talks to.
        mark: see ``processes``.
        path: directories before the system's, with the CLI and the language environment.
        config: the stack configuration, as the next command sees it.
        environment: variables on top of the hermetic ones.
    """

    directory: Path
    front_end: FrontEnd
    edas: Emulator
    mark: str
    path: tuple[Path, ...]
    config: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    _running: list[Running] = field(default_factory=list)

    # -- the program ---------------------------------------------------------------------------------------------

    def write(self, *statements: str, front_end: FrontEnd | None = None) -> None:
        """Write the program: the imports, and these statements."""
        front_end = front_end or self.front_end
        lines = ["import pulumi", f"from {front_end.value} import DeployGroupMembership"]
        if any(" = Machine(" in each for each in statements):
            lines.append(MACHINE)
        lines += [*statements, ""]
        (self.program / "__main__.py").write_text("\n".join(lines))

    def declare(self, instance_ids: Iterable[str] | None = None, **inputs: Any) -> None:  # noqa: ANN401
        """Write a program of one membership, ``web``."""
        if instance_ids is not None:
            inputs["instance_ids"] = list(instance_ids)
        self.write(membership(**inputs))

    @property
    def program(self) -> Path:
        """The directory of the program."""
        return self.directory / "program"

    def prepare(self) -> None:
        """Make the directories and the project file."""
        for each in (self.program, self.directory / "home", self.directory / "backend"):
            each.mkdir(parents=True, exist_ok=True)
        project: dict[str, Any] = {"name": PROJECT, "runtime": "python"}
        if self.front_end is FrontEnd.NATIVE:
            plugin = {"name": "edas-scale", "path": str(Path(sys.executable).parent)}
            project["plugins"] = {"providers": [plugin]}
        (self.program / "Pulumi.yaml").write_text(json.dumps(project))

    def copy(self, directory: Path, edas: Emulator, mark: str) -> Stack:
        """Return the same stack, with its state, in another directory and on another EDAS."""
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        copied = Stack(
            directory, self.front_end, edas, mark, self.path, dict(self.config), dict(self.environment)
        )
        copied.prepare()
        return copied

    # -- commands ------------------------------------------------------------------------------------------------

    def up(self, *words: str, preview: bool = False, fails: bool = False) -> Result:
        """Run ``pulumi up``; without its preview, unless that is the point."""
        skip = () if preview else ("--skip-preview",)
        return self.run("up", "--yes", *skip, *words, fails=fails)

    def preview(
        self, *words: str, refresh: bool = False, expect_no_changes: bool = False, fails: bool = False
    ) -> Result:
        """Run ``pulumi preview``."""
        more = [
            word for word, on in (("--refresh", refresh), ("--expect-no-changes", expect_no_changes)) if on
        ]
        return self.run("preview", *more, *words, fails=fails)

    def refresh(self, *words: str, fails: bool = False) -> Result:
        """Run ``pulumi refresh``."""
        return self.run("refresh", "--yes", "--skip-preview", *words, fails=fails)

    def destroy(self, *words: str, fails: bool = False) -> Result:
        """Run ``pulumi destroy``."""
        return self.run("destroy", "--yes", "--skip-preview", *words, fails=fails)

    def run(self, *command: str, fails: bool = False) -> Result:
        """Run a command and wait for its end.

        Raises:
            AssertionError: it did not end as expected; with all it printed.
        """
        result = self.start(*command).result()
        assert (result.exit_code != 0) is fails, str(result)
        assert not result.tracebacks, str(result)
        return result

    def start(self, *command: str) -> Running:
        """Start a command."""
        self._write_config()
        process = subprocess.Popen(
            ["pulumi", *command, "--non-interactive", "--color", "never"],
            cwd=self.program,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running = Running(command, process)
        self._running.append(running)
        return running

    def variables(self) -> dict[str, str]:
        """Return the whole environment of a command."""
        home = self.directory / "home"
        inherited = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        path = os.pathsep.join([*map(str, self.path), os.environ.get("PATH", os.defpath)])
        return {
            **inherited,
            "PATH": path,
            "HOME": str(home),
            "PULUMI_HOME": str(home / ".pulumi"),
            "PULUMI_BACKEND_URL": (self.directory / "backend").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "e2e",
            "PULUMI_STACK": STACK,
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            # A fifth of a command's processor time is the CLI collecting the garbage of its start.
            "GOGC": "off",
            "GOMEMLIMIT": "1GiB",
            processes.MARK: self.mark,
            **self.edas.environment(),
            **self.environment,
        }

    def _write_config(self) -> None:
        """Write the stack configuration beside the salt that the CLI keeps in the same file."""
        file = self.program / f"Pulumi.{STACK}.yaml"
        salt = [
            line
            for line in (file.read_text().splitlines() if file.exists() else [])
            if line.startswith("encryptionsalt:")
        ]
        config = [f"config: {json.dumps(self.config)}"] if self.config else []
        file.write_text("\n".join([*salt, *config, ""]))

    # -- what it left --------------------------------------------------------------------------------------------

    def export(self) -> dict[str, Any]:
        """Return the state, as ``pulumi stack export`` prints it."""
        deployment: dict[str, Any] = json.loads(self.run("stack", "export").output)["deployment"]
        return deployment

    def resources(self) -> list[dict[str, Any]]:
        """Return the memberships in state, from the file that ``pulumi stack export`` prints."""
        checkpoint = json.loads(self.state_file.read_text())["checkpoint"]
        found: Iterable[dict[str, Any]] = (checkpoint.get("latest") or {}).get("resources") or []
        return [each for each in found if each["type"].endswith("DeployGroupMembership")]

    @property
    def state_file(self) -> Path:
        """The state, in the backend."""
        return self.directory / "backend" / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json"

    def resource(self, name: str = "web") -> dict[str, Any]:
        """Return one membership in state."""
        [found] = [each for each in self.resources() if each["urn"].endswith(f"::{name}")]
        return found

    def outputs(self, name: str = "web") -> Mapping[str, Any]:
        """Return the outputs of a membership in state."""
        outputs: Mapping[str, Any] = self.resource(name)["outputs"]
        return outputs

    def members(self, name: str = "web") -> list[str]:
        """Return the ECS ids of the managed members in state."""
        return sorted(each["instanceId"] for each in self.outputs(name)["members"])

    def foreign_members(self, name: str = "web") -> list[str]:
        """Return the ECS ids of the foreign members in state."""
        return sorted(each["instanceId"] for each in self.outputs(name)["foreignMembers"])

    # -- the end -------------------------------------------------------------------------------------------------

    def provider_processes(self) -> list[int]:
        """Return the processes of the provider that live."""
        return processes.find(self.mark, *self.front_end.process_words)

    def kill_provider(self) -> list[int]:
        """End the provider without a chance to clean up."""
        return processes.kill(self.mark, *self.front_end.process_words)

    def await_provider_end(self, timeout: float = 20.0) -> None:
        """Wait until the provider has ended by itself.

        Raises:
            AssertionError: it lives on.
        """
        left = processes.await_end(self.mark, *self.front_end.process_words, timeout=timeout)
        assert not left, f"the provider lives on: {[processes.describe(each) for each in left]}"

    def kill_cli(self, running: Running) -> None:
        """End the CLI without a chance to clean up, and its language host, which would live on for ever."""
        running.kill()
        processes.kill(self.mark, "pulumi-language-python")

    def close(self, timeout: float = 10.0) -> list[str]:
        """End everything; return in words what had not ended by itself within ``timeout`` seconds."""
        for each in self._running:
            if each.process.poll() is None:
                each.kill()
            elif each.process.stdout is not None:
                each.process.stdout.close()
        left = [processes.describe(each) for each in processes.await_end(self.mark, timeout=timeout)]
        processes.kill(self.mark)
        return left
