"""Make everything of a release but its upload, into dist/.

The law of this file: what is in dist/ at the end was built from a clean tree, checked, installed into an empty
environment and run. ``--rehearse`` leaves out what only a real release needs: a clean tree and an entry in
CHANGELOG.md.

Made are the wheel and the sdist, the plugin archive for this system and this Python, the bill of materials
(CycloneDX) and the SHA-256 sums of all of them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # run as a script, Python looks beside it only

from tools.build_version import RELEASE_VARIABLE  # noqa: E402

DIST = ROOT / "dist"
PROGRAM = "pulumi-resource-edas-scale"
PLUGIN_START_SECONDS = 60  # a plugin that has not told its port by then has a fault; it takes one or two
ARCHIVE_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

LAUNCHER = f"""\
#!/bin/sh
# Runs the package beside this file with the first Python {ARCHIVE_PYTHON} there is: its compiled parts fit no other.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for python in "$EDAS_SCALE_PYTHON" python{ARCHIVE_PYTHON} python3 python; do
  command -v "$python" >/dev/null 2>&1 || continue
  [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = {ARCHIVE_PYTHON} ] || continue
  exec "$python" -I "$here/start.py" "$@"
done
echo "{PROGRAM} needs Python {ARCHIVE_PYTHON} on PATH, or its path in EDAS_SCALE_PYTHON." >&2
exit 1
"""
START = f"""\
\"\"\"Start the plugin with what lies in lib/, and nothing that happens to be installed.\"\"\"

import sys
from pathlib import Path

sys.argv[0] = "{PROGRAM}"
sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))

from pulumi_edas_scale.plugin import main

main()
"""
EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class ReleaseError(Exception):
    """Report what keeps the release from being made, in one line."""


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"release: {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, directory: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed.

    Raises:
        ReleaseError: it failed; the end of its output is in the message.
    """
    done = subprocess.run(
        list(map(str, command)),
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(f"'{Path(command[0]).name} {command[1]}' failed:\n{done.stdout[-3000:]}")
    return done.stdout


def version() -> str:
    """Return the version, from the one place that states it."""
    text = (ROOT / "pulumi_edas_scale" / "version.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ReleaseError("version.py states no version")
    return found[1]


def check_tree(release: str) -> None:
    """Refuse a tree that is no release.

    Raises:
        ReleaseError: something is not committed, or CHANGELOG.md does not know the version.
    """
    if run("git", "status", "--porcelain"):
        raise ReleaseError("the tree has changes that are not committed; --rehearse does not mind")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## \[{re.escape(release)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no entry '## [{release}] - YYYY-MM-DD'")


def make_environment(directory: Path, lock: str) -> Path:
    """Make an environment with what a lock file names, and return the directory of its programs.

    The lock file has the hashes of each package, so nothing is installed that was not there when it was written.
    """
    venv.create(directory, with_pip=True)
    programs = directory / "bin"
    install(programs, "--require-hashes", "--requirement", ROOT / "locks" / lock)
    return programs


def install(programs: Path, *arguments: str | Path) -> None:
    """Run the pip of an environment."""
    run(programs / "python", "-m", "pip", "install", "--quiet", *arguments)


def build_packages(programs: Path, *, rehearse: bool) -> tuple[Path, Path]:
    """Build and check wheel and sdist; return them. A rehearsal's have the version of a commit."""
    say("building wheel and sdist")
    environment = {**os.environ, **({} if rehearse else {RELEASE_VARIABLE: version()})}
    run(programs / "python", "-m", "build", "--no-isolation", "--outdir", DIST, environment=environment)
    [wheel], [sdist] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    run(programs / "twine", "check", "--strict", wheel, sdist)
    run(programs / "check-wheel-contents", wheel)
    return wheel, sdist


def try_plugin(command: Path) -> None:
    """Start the plugin and see that it tells its version and a port.

    Raises:
        ReleaseError: it does not.
    """
    reported = run(command, "--version").strip()
    if reported != version():
        raise ReleaseError(f"{command} says version {reported}, not {version()}")
    with subprocess.Popen([command], stdout=subprocess.PIPE, text=True, start_new_session=True) as plugin:
        try:
            port = plugin.stdout.readline().strip() if plugin.stdout is not None else ""
        finally:
            plugin.terminate()
            plugin.wait(PLUGIN_START_SECONDS)
    if not port.isdigit():
        raise ReleaseError(f"{command} did not tell a port, but {port!r}")


def system() -> str:
    """Return the system and machine as Pulumi writes them in names of archives."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}-{machine}"


def build_archive(installed: Path, release: str) -> Path:
    """Pack the plugin with all it needs; return the archive.

    Args:
        installed: a directory that the wheel and what it needs were installed into.
        release: the version.
    """
    archive = DIST / f"{PROGRAM}-v{release}-{system()}.tar.gz"
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct"))
    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", mtime=moment, fileobj=file) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as content,
    ):
        add(content, PROGRAM, LAUNCHER.encode(), moment, executable=True)
        add(content, "start.py", START.encode(), moment)
        for path in files_of(installed):
            name = f"lib/{path.relative_to(installed).as_posix()}"
            add(content, name, path.read_bytes(), moment, executable=bool(path.stat().st_mode & EXECUTABLE))
    return archive


def files_of(directory: Path) -> Iterable[Path]:
    """Return the files below a directory that a plugin needs, in one order on every machine."""
    needless = {"bin", "__pycache__"}
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and not needless.intersection(path.relative_to(directory).parts)
    )


def add(content: tarfile.TarFile, name: str, data: bytes, moment: int, *, executable: bool = False) -> None:
    """Put a file into an archive, by nobody and at a given moment, so that the same input gives the same bytes."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), moment, 0o755 if executable else 0o644
    content.addfile(entry, io.BytesIO(data))


def try_archive(archive: Path, scratch: Path) -> None:
    """Have a real Pulumi install the archive, and run the plugin from where Pulumi put it.

    Raises:
        ReleaseError: Pulumi does not take it, or the plugin does not start.
    """
    full_names = run(sys.executable, ROOT / "tools" / "pulumi_cli.py").splitlines()
    home = scratch / "pulumi-home"
    environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "1"}
    pulumi = Path(full_names[-1]) / "pulumi"
    install = ("plugin", "install", "resource", "edas-scale", version(), "--file", archive)
    run(pulumi, *install, environment=environment)
    try_plugin(home / "plugins" / f"resource-edas-scale-v{version()}" / PROGRAM)


def write_sums(files: Iterable[Path]) -> None:
    """Write the SHA-256 sums, in the form that sha256sum checks."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(files)]
    (DIST / "SHA256SUMS").write_text("".join(lines), "utf-8")


def make_release(scratch: Path, *, rehearse: bool) -> None:
    """Make it."""
    release = version()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    say("getting the tools")
    tools = make_environment(scratch / "tools", "release.txt")
    wheel, _ = build_packages(tools, rehearse=rehearse)
    say("installing the wheel into an empty environment")
    programs = make_environment(scratch / "empty", "runtime.txt")
    install(programs, "--no-deps", wheel)
    run(programs / "python", "-m", "pip", "check")
    try_plugin(programs / PROGRAM)
    run(programs / "edas-scale", "--version")
    say("packing the plugin archive")
    installed = scratch / "lib"
    into = ("--no-compile", "--target", installed)
    install(programs, *into, "--require-hashes", "--requirement", ROOT / "locks" / "runtime.txt")
    install(programs, *into, "--no-deps", wheel)
    try_archive(build_archive(installed, release), scratch)
    say("writing the bill of materials and the sums")
    run(programs / "python", "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    bill = DIST / f"pulumi-edas-scale-{release}.cdx.json"
    run(
        tools / "cyclonedx-py",
        "environment",
        "--output-reproducible",
        "--output-file",
        bill,
        programs / "python",
    )
    write_sums(path for path in DIST.iterdir())


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Make everything of a release but its upload.")
    parser.add_argument(
        "--rehearse", action="store_true", help="from any tree, without a line in CHANGELOG.md"
    )
    rehearse = parser.parse_args().rehearse
    try:
        if not rehearse:
            check_tree(version())
        with tempfile.TemporaryDirectory(prefix="release-") as scratch:
            make_release(Path(scratch), rehearse=rehearse)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
