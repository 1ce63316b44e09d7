"""Whether the engine can start the provider that a program is about to ask for, found out in the program.

The engine looks for a plugin on its own PATH and starts dynamic providers with a Python of its own choice. In a
project whose environment is not activated neither need be where this package is installed, and the engine's words
for that (a failed download, a traceback of ``import``) do not say what to do.

This file's law: what can be put right without a person is put right; else the program fails with one sentence.
What cannot be known is left to the engine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import pulumi
import yaml
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from pulumi_edas_scale.version import __version__

PLUGIN: Final = "pulumi-resource-edas-scale"

_DISTRIBUTION: Final = "pulumi-edas-scale"

_IMPORT_TIMEOUT: Final = 20.0
"""Seconds that another Python may take to find two packages; one that takes longer is left to the engine."""


def ensure_plugin() -> None:
    """Make the engine find the plugin of this package.

    Where the engine's PATH does not have it, a launcher is put where ``pulumi plugin install`` would put it.

    Raises:
        pulumi.RunError: that place cannot be written to.
    """
    if _engine_is_there():
        _ensure_plugin()


def ensure_host_python() -> None:
    """Check that the Python which Pulumi starts dynamic providers with has this package.

    Raises:
        pulumi.RunError: it does not.
    """
    if _engine_is_there():
        _ensure_host_python()


def refuse_import(opts: pulumi.ResourceOptions | None) -> None:
    """Refuse to import a dynamic resource, which Pulumi ends with a traceback of its host.

    Raises:
        pulumi.RunError: the options name an id to import.
    """
    if opts is not None and opts.import_:
        raise pulumi.RunError(
            "A dynamic resource cannot be imported. Remove import_: the create adopts listed instances that are "
            "members already, without a change order. Or use pulumi_edas_scale.native, which can be imported."
        )


def _engine_is_there() -> bool:
    # A test of a program with mocks must leave no launcher behind, and start no Python.
    monitor = get_monitor()
    return monitor is not None and not isinstance(monitor, MockMonitor)


@cache
def _ensure_plugin() -> None:
    attached = os.environ.get("PULUMI_DEBUG_PROVIDERS", "").split(",")
    if any(each.partition(":")[0].strip() == "edas-scale" for each in attached):
        return
    # The first entry says nothing: the language host puts the environment's programs there for the program alone.
    first, _, inherited = os.environ.get("PATH", "").partition(os.pathsep)
    ambient = os.environ.get("PULUMI_IGNORE_AMBIENT_PLUGINS", "").lower() not in {"1", "true"}
    if ambient and shutil.which(PLUGIN, path=inherited or os.defpath):
        return
    launcher = plugin_home() / f"resource-edas-scale-v{__version__}" / PLUGIN
    text = _launcher()
    try:
        if launcher.is_file():
            there = launcher.read_bytes()
            # Without the mark it is a plugin that ``pulumi plugin install`` put there, and no launcher of ours.
            if _MARK.encode() not in there[:200] or there == text.encode():
                return
        launcher.parent.mkdir(parents=True, exist_ok=True)
        # By a rename: another program may be starting the plugin of the same place now.
        unfinished = launcher.with_name(f".{PLUGIN}.{os.getpid()}")
        unfinished.write_text(text, "utf-8")
        unfinished.chmod(0o755)
        unfinished.replace(launcher)
    except OSError as error:
        raise pulumi.RunError(
            f"Pulumi does not find the plugin {PLUGIN}, and it cannot be put into {launcher.parent} ({error}): "
            f"put {Path(sys.executable).parent} on PATH, for instance by activating the environment."
        ) from None
    if not (ambient and shutil.which(PLUGIN, path=first)):
        pulumi.log.info(
            f"The plugin {PLUGIN} is not on PATH, so a launcher for it was put into {launcher.parent}. For a stack "
            f"that exists, a machine where its program never ran needs it first: activate the environment, or run "
            f"'pulumi plugin install resource edas-scale {__version__} --file {Path(sys.executable).parent / PLUGIN}'."
        )


def plugin_home() -> Path:
    """Return the directory that Pulumi keeps installed plugins in."""
    home = os.environ.get("PULUMI_HOME")
    return (Path(home) if home else Path.home() / ".pulumi") / "plugins"


_MARK: Final = "# Written by pulumi_edas_scale.native"


def _launcher() -> str:
    # Two projects may share the place, so the environment of the project that Pulumi works on comes first; the engine
    # gives its name to plugins as it gives it to the script that starts dynamic providers.
    python = shlex.quote(sys.executable)
    return (
        f"#!/bin/sh\n{_MARK}: starts the plugin of the project's environment, or of the one a program ran in last.\n"
        f'project="${{PULUMI_RUNTIME_VIRTUALENV:-.venv}}/bin/{PLUGIN}"\n'
        f'if [ -x "$project" ]; then exec "$project" "$@"; fi\n'
        f'if [ -x {python} ]; then exec {python} -m pulumi_edas_scale "$@"; fi\n'
        f'echo "{PLUGIN}: "{python}" is gone. Activate an environment with {_DISTRIBUTION}, or run '
        f"'pulumi plugin rm resource edas-scale {__version__}' and the program again.\" >&2\n"
        "exit 1\n"
    )


@cache
def _ensure_host_python() -> None:
    python = host_python(Path.cwd(), os.environ)
    if python is None:
        return
    # Not the file itself: python and python3 of one environment are two links, and the link is what makes it one.
    there, here = Path(python), Path(sys.executable)
    if there.parent.resolve() == here.parent.resolve() and there.resolve() == here.resolve():
        return
    code = "import importlib.util as u, sys; sys.exit(any(not u.find_spec(n) for n in ('pulumi', 'pulumi_edas_scale')))"
    try:
        done = subprocess.run(  # noqa: S603  # what Pulumi would start next
            [python, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_IMPORT_TIMEOUT,
            check=False,
        )
        able = done.returncode == 0
    except subprocess.TimeoutExpired:
        return
    except OSError:
        able = False
    if not able:
        raise pulumi.RunError(
            f"Pulumi starts dynamic providers with {python}, where {_DISTRIBUTION} is not installed: install it there "
            f"({python} -m pip install {_DISTRIBUTION}), or set runtime.options.virtualenv of Pulumi.yaml to "
            f"{sys.prefix}, which this program runs in."
        )


def host_python(directory: Path, environment: Any) -> str | None:  # noqa: ANN401  # a mapping, or os.environ
    """Return the Python that Pulumi starts dynamic providers with; None when that cannot be known.

    The rules are those of ``pulumi-resource-pulumi-python``, a script of the Pulumi CLI.

    Args:
        directory: where the program runs.
        environment: its variables.
    """
    options = _runtime_options(directory)
    virtualenv = options.get("virtualenv") or environment.get("PULUMI_RUNTIME_VIRTUALENV")
    toolchain = options.get("toolchain") or environment.get("PULUMI_RUNTIME_TOOLCHAIN")
    if not virtualenv and toolchain == "uv":
        virtualenv = ".venv"
    if virtualenv:
        return str(directory / str(virtualenv) / "bin" / "python")
    if toolchain == "poetry":  # which only poetry knows
        return None
    return shutil.which(environment.get("PULUMI_PYTHON_CMD") or "python3", path=environment.get("PATH"))


def _runtime_options(directory: Path) -> dict[str, Any]:
    """Return ``runtime.options`` of the project that a directory belongs to."""
    for each in (directory, *directory.parents):
        for name in ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json"):
            try:
                project = yaml.safe_load((each / name).read_text("utf-8"))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, yaml.YAMLError):
                return {}
            runtime = project.get("runtime") if isinstance(project, dict) else None
            options = runtime.get("options") if isinstance(runtime, dict) else None
            return options if isinstance(options, dict) else {}
    return {}
