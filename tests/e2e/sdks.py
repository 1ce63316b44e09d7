"""Projects of other languages that use the generated SDKs, ready to run.

This file's law: what is built here is what a user builds, by the tools of the language and with pinned versions. A
project is kept in the user's cache under what went into it, appears there by a rename, and is made by one test run
at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.fetching import fetching, network_variables
from tools import sdks
from tools.pulumi_cli import CLI_VERSION, SDK, cache_root, go_environment, sole_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = ROOT / "examples" / "typescript"
GO_EXAMPLE: Final = ROOT / "examples" / "go"

NPM_VERSIONS: Final = {"@pulumi/pulumi": "3.248.0", "@types/node": "20.19.43", "typescript": "5.9.3"}
"""Of the ranges in the package.json of the example, so that a new release cannot fail a test run."""

PYTHON_PACKAGES: Final = ("parver==0.5", "arpeggio==2.0.3")
"""What the Python SDK needs beside pulumi: it compares versions."""

GO_MODULE: Final = "github.com/pulumi-edas/pulumi-edas-scale/sdk/go"
"""What ``pulumi package add`` makes of the import path that schema.json names: its parent."""

BUILD_TIMEOUT: Final = 1200.0
"""Seconds for one command; the slowest downloads what a registry has not been asked for before."""


def typescript_project() -> Path:
    """Return examples/typescript beside its compiled SDK, with everything that npm installs."""

    def build(sources: Path, project: Path) -> None:
        sdk = project / "sdks" / "edas-scale"
        shutil.copytree(sources, sdk)
        for name in ("package.json", "tsconfig.json"):
            shutil.copy(EXAMPLE / name, project)
        npm = needed("npm")
        pinned = [f"{name}@{version}" for name, version in NPM_VERSIONS.items()]
        run([npm, "install", "--no-audit", "--no-fund", "--save-exact", *pinned], project)
        compiler = project / "node_modules" / ".bin" / "tsc"
        run([str(compiler), "--project", str(sdk)], project)
        shutil.copy(sdk / "package.json", sdk / "bin")  # the compiled SDK reads its version from there

    return kept("nodejs", [*map(str, NPM_VERSIONS.items()), *texts(EXAMPLE, "*.json")], build)


def go_project() -> Path:
    """Return examples/go beside its SDK, both as modules whose dependencies are known."""

    def build(sources: Path, project: Path) -> None:
        go = needed("go")
        sdk = project / "sdks" / "edas-scale"
        shutil.copytree(sources / "edasscale", sdk / "edasscale")
        run([go, "mod", "init", GO_MODULE], sdk, go_environment())
        for name in ("go.mod", "main.go"):
            shutil.copy(GO_EXAMPLE / name, project)
        for module in (sdk, project):
            run([go, "get", f"{SDK}@v{CLI_VERSION}"], module, go_environment())
            run([go, "mod", "tidy"], module, go_environment())

    return kept("go", [CLI_VERSION, *texts(GO_EXAMPLE, "*")], build)


def python_sdk() -> Path:
    """Return the directory that holds the package of the Python SDK and what it needs beside pulumi."""

    def build(sources: Path, directory: Path) -> None:
        source = directory / "source"  # setuptools leaves its work beside what it installs
        shutil.copytree(sources, source)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--target", str(directory), "--no-deps", str(source), *PYTHON_PACKAGES], directory)

    return kept("python", PYTHON_PACKAGES, build)


def kept(language: str, ingredients: Sequence[str], build: Callable[[Path, Path], None]) -> Path:
    """Return the directory that was built of an SDK and these ingredients, now or by an earlier run."""
    sources = sdks.REPOSITORY / "build" / "sdks" / language
    home = cache_root() / "sdk-projects"
    with sole_run(home / "lock"), fetching():
        sdks.generate(language, sources.parent)
        digest = hashlib.sha256("\0".join([*texts(sources, "**/*"), *ingredients]).encode()).hexdigest()
        found = home / f"{language}-{digest[:16]}"
        if not found.exists():
            unfinished = home / f"{language}-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            build(sources, unfinished)
            unfinished.rename(found)
    return found


def texts(directory: Path, pattern: str) -> list[str]:
    """Return the files below a directory, each as its name and its text."""
    files = sorted(path for path in directory.glob(pattern) if path.is_file())
    return [f"{path.relative_to(directory)}\n{path.read_text('utf-8')}" for path in files]


def needed(tool: str) -> str:
    """Return where a tool of a language is; without it the test cannot be run on this machine."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not on PATH")
    return found


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command of a build.

    Raises:
        AssertionError: it failed; with all it printed.
    """
    done = subprocess.run(
        command,
        cwd=directory,
        env={**(os.environ if environment is None else environment), **network_variables()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} -> {done.returncode}\n{done.stdout}"


def imported_program(language: str, export: str, directory: Path) -> str:
    """Return the program that ``pulumi import`` prints, from the generator it asks where the host is new enough.

    Args:
        language: of the program.
        export: what ``pulumi stack export`` printed after the import.
        directory: for the files of the generator.
    """
    file = directory / "export.json"
    file.write_text(export)
    with fetching():
        generator = sdks.generator()
    command = [str(generator), "program", str(sdks.SCHEMA), language, str(file)]
    return subprocess.check_output(command, text=True, timeout=BUILD_TIMEOUT)


def go_variables() -> dict[str, str]:
    """Return what Go needs to build in a home directory of a test: its caches, and no look at the network."""
    names = ("GOCACHE", "GOMODCACHE", "GOTOOLCHAIN")
    values = subprocess.check_output(
        [needed("go"), "env", *names], text=True, env=go_environment()
    ).splitlines()
    kept = {name: value for name, value in go_environment().items() if name.startswith(("GO", "CGO_"))}
    return {**kept, **dict(zip(names, values, strict=True)), "GOPROXY": "off"}


def link_go_project(project: Path, program: Path) -> None:
    """Make a directory the Go example, with the SDK of the project that was built."""
    for file in ("main.go", "go.mod", "go.sum"):
        shutil.copy(project / file, program)
    (program / "sdks").symlink_to(project / "sdks")
    write_runtime(program, "go")


def write_runtime(program: Path, runtime: str) -> None:
    """Set the language of a project."""
    file = program / "Pulumi.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), "runtime": runtime}))


def link_typescript_project(project: Path, program: Path) -> None:
    """Make a directory the TypeScript example, with the packages of the project that was built."""
    for file in ("index.ts", "package.json", "tsconfig.json"):
        shutil.copy((EXAMPLE if file == "index.ts" else project) / file, program)
    for directory in ("node_modules", "sdks"):
        (program / directory).symlink_to(project / directory)
    write_runtime(program, "nodejs")
