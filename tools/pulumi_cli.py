"""Get a Pulumi CLI for the end-to-end tests, the demo and the benchmarks.

The law of this file: the last line on stdout is a directory to put first on PATH, or the exit code is not
zero.  Everything else goes to stderr.  Three sources are tried, the cheapest first:

1. ``pulumi`` on PATH, when it is new enough and its language hosts are complete;
2. Pulumi's release archive of the pinned version, when the download host answers within seconds and the archive
   has the SHA-256 sum that Pulumi publishes for it;
3. a build from Go modules of pinned versions, which needs nothing but Go (five to ten minutes on two cores).

What 2 and 3 made is kept in the user's cache directory, so a second run answers at once.  Every file appears
there by a rename, and a lock makes two runs at the same time do the work once; a run that was killed is just
started again.

Only the standard library is used: this script runs before there is a virtual environment.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

try:
    import fcntl
except (
    ImportError
):  # Windows has no flock: two runs at once would both do the work, which is wasteful, not wrong
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLI_VERSION = "3.259.0"  # the newest version whose CLI module and SDK module are both served as Go modules
MINIMUM_VERSION = (3, 216)  # the first release whose dynamic providers may answer a read with inputs

# Until these versions the language hosts were part of the SDK's Go module, which can be had by its version;
# later they are modules of their own without tags.  The CLI above drives these older hosts.
PYTHON_HOST_VERSION = "v3.79.0"
NODEJS_HOST_VERSION = "v3.68.0"
YAML_HOST_VERSION = "v1.38.3"
GO_HOST_VERSION = "v3.66.0"

# The fork that the CLI's own go.mod replaces the clipboard package with; a replacement is not inherited.
CLIPBOARD_FORK = "github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e"

DOWNLOAD_HOST = "get.pulumi.com"
RELEASES = f"https://{DOWNLOAD_HOST}/releases/sdk"
CONNECT_TIMEOUT_SECONDS = 4.0  # an offline machine must fall through to the build without a noticeable wait
CHECKSUMS_LIMIT = 64 * 1024  # bytes; the list has a dozen lines
DOWNLOAD_STALL_SECONDS = 30.0  # no byte for so long: the download has failed
PROGRESS_INTERVAL_SECONDS = 20.0
LOCK_POLL_SECONDS = 1.0
LOG_TAIL_LINES = 15

LANGUAGES = ("python", "yaml", "nodejs", "go")
PROGRAMS = {
    "python": ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python"),
    "yaml": ("pulumi-language-yaml",),
    "nodejs": ("pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"),
    "go": ("pulumi-language-go",),
}

STARTED = time.monotonic()


class GetError(Exception):
    """Report why there is no CLI, in one line that names the way out."""


@dataclass(frozen=True)
class GoProgram:
    """Describe one program that ``go build`` makes, in a module of its own.

    Args:
        name: file name of the program.
        package: import path of its main package.
        versions: arguments of ``go get`` that pin the modules.
        go_version: the ``go`` line of the module; the old hosts break with a newer one.
        replace: a ``replace`` line, or empty.
        ldflags: linker flags beside ``-s -w``.
        tags: build tags, comma-separated, or empty.
        sources: files of this repository that are the package, in place of one from the modules.
    """

    name: str
    package: str
    versions: tuple[str, ...]
    go_version: str
    replace: str = ""
    ldflags: str = ""
    tags: str = ""
    sources: tuple[Path, ...] = ()


SDK = "github.com/pulumi/pulumi/sdk/v3"
CLI_MODULE = "github.com/pulumi/pulumi/pkg/v3"

CLI = GoProgram(
    name="pulumi",
    package=f"{CLI_MODULE}/cmd/pulumi",
    versions=tuple(f"{path}@v{CLI_VERSION}" for path in (SDK, CLI_MODULE, f"{CLI_MODULE}/cmd/pulumi")),
    go_version="1.25",
    replace=f"github.com/atotto/clipboard => {CLIPBOARD_FORK}",
    ldflags=f"-X {SDK}/go/common/version.Version=v{CLI_VERSION}",
    tags="osusergo,grpcnotrace",
)
HOSTS = {
    "python": GoProgram(
        name="pulumi-language-python",
        package=f"{SDK}/python/cmd/pulumi-language-python",
        versions=(f"{SDK}/python/cmd/pulumi-language-python@{PYTHON_HOST_VERSION}",),
        go_version="1.20",
    ),
    "yaml": GoProgram(
        name="pulumi-language-yaml",
        package="github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
        versions=(f"github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml@{YAML_HOST_VERSION}",),
        go_version="1.25",
    ),
    "nodejs": GoProgram(
        name="pulumi-language-nodejs",
        package=f"{SDK}/nodejs/cmd/pulumi-language-nodejs",
        versions=(f"{SDK}/nodejs/cmd/pulumi-language-nodejs@{NODEJS_HOST_VERSION}",),
        go_version="1.20",
    ),
    "go": GoProgram(
        name="pulumi-language-go",
        package=f"{SDK}/go/pulumi-language-go",
        versions=(f"{SDK}/go/pulumi-language-go@{GO_HOST_VERSION}",),
        go_version="1.20",
    ),
}
# Shell scripts of the SDK module that the hosts start their programs and dynamic providers with.
SCRIPTS = {
    "python": ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"),
    "yaml": (),
    "nodejs": ("nodejs/dist/pulumi-resource-pulumi-nodejs",),
    "go": (),
}


def say(text: str) -> None:
    """Print a progress line with the elapsed time to stderr."""
    print(f"pulumi-cli [{time.monotonic() - STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


def programs_for(languages: Sequence[str]) -> tuple[str, ...]:
    """List the file names that a complete CLI with these languages consists of."""
    return ("pulumi", *(name for language in languages for name in PROGRAMS[language]))


def cache_root() -> Path:
    """Return the directory that holds every CLI this script ever made."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is invalid and must be ignored.
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    return base / "pulumi-edas-scale"


def cached_bin_dir() -> Path:
    """Return the directory of the pinned version, whether it is there or not."""
    return cache_root() / f"pulumi-{CLI_VERSION}" / "bin"


def missing_programs(bin_dir: Path, languages: Sequence[str]) -> list[str]:
    """Name the programs that the directory lacks."""
    return [name for name in programs_for(languages) if not os.access(bin_dir / name, os.X_OK)]


def version_of(pulumi: str) -> tuple[int, ...] | None:
    """Ask a CLI for its version; None when it does not answer with one."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        answer = subprocess.run(
            [pulumi, "version"], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"v?(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(int(part) for part in found.groups()) if answer.returncode == 0 and found else None


def bin_dir_on_path(languages: Sequence[str]) -> Path | None:
    """Return the directory of a usable CLI on PATH; None, with the reason on stderr, when there is none."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        return None
    version = version_of(pulumi)
    if version is None or version < MINIMUM_VERSION:
        found = ".".join(map(str, version)) if version else "unknown"
        wanted = ".".join(map(str, MINIMUM_VERSION))
        say(f"{pulumi} is version {found}, older than {wanted}: not used")
        return None
    # Hosts may lie beside the program, beside the file that its link points to, or anywhere on PATH.
    full_names = [str(Path(pulumi).parent), str(Path(pulumi).resolve().parent), os.environ.get("PATH", "")]
    absent = [
        name for name in programs_for(languages) if not shutil.which(name, path=os.pathsep.join(full_names))
    ]
    if absent:
        say(f"{pulumi} has no {', '.join(absent)}: not used")
        return None
    return Path(pulumi).parent


def existing_bin_dir(languages: Sequence[str]) -> Path | None:
    """Return a directory with a complete CLI without getting anything; None when there is none."""
    on_path = bin_dir_on_path(languages)
    if on_path is not None:
        return on_path
    cached = cached_bin_dir()
    return None if missing_programs(cached, languages) else cached


@contextlib.contextmanager
def sole_run(lock_file: Path) -> Iterator[None]:
    """Hold the lock of the cache; wait for another run that holds it.

    The system frees the lock of a process that was killed, so a stale lock does not exist.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("wb") as handle:
        if fcntl is not None:
            wait_for_lock(handle)
        yield


def wait_for_lock(handle: BinaryIO) -> None:
    """Take the lock, and say now and then that another run has it."""
    next_word = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= next_word:
                say("another run is getting the CLI; waiting for it")
                next_word = time.monotonic() + PROGRESS_INTERVAL_SECONDS
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return


def put_program(source: Path, target: Path) -> None:
    """Copy a file to its place as a program; the place has the whole file or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    shutil.copyfile(source, unfinished)
    unfinished.chmod(0o755)
    unfinished.replace(target)


def archive_name() -> str | None:
    """Name Pulumi's release archive for this machine; None when there is none."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    return f"pulumi-v{CLI_VERSION}-{system}-{machine}.tar.gz" if system and machine else None


def download_host_answers() -> bool:
    """Tell within seconds whether the download host can be connected to.

    The look-up of the name has no timeout of its own, so it runs in a thread that is given up.
    """
    answered = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError):
            address = (DOWNLOAD_HOST, 443)
            socket.create_connection(address, timeout=CONNECT_TIMEOUT_SECONDS).close()
            answered.set()

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(CONNECT_TIMEOUT_SECONDS)
    return answered.is_set()


def published_sum(name: str, releases: str) -> str:
    """Return the SHA-256 sum that Pulumi publishes for a release archive.

    Raises:
        OSError: the list of sums cannot be had, or does not name the archive.
    """
    url = f"{releases}/pulumi-{CLI_VERSION}-checksums.txt"
    with urllib.request.urlopen(url, timeout=DOWNLOAD_STALL_SECONDS) as answer:
        lines = answer.read(CHECKSUMS_LIMIT).decode("ascii", "replace").splitlines()
    sums = {words[1].lstrip("*"): words[0].lower() for words in map(str.split, lines) if len(words) == 2}  # noqa: PLR2004
    if name not in sums:
        raise OSError(f"no checksum of {name} is published")
    return sums[name]


def download(bin_dir: Path, releases: str = RELEASES) -> None:
    """Put the programs of Pulumi's release archive into the directory.

    Args:
        bin_dir: where the programs go.
        releases: the address of the directory that holds the archives and their checksums.

    Raises:
        OSError: the archive cannot be had, is not the published one, or is damaged; nothing but whole programs of
            the published archive was put.
    """
    name = archive_name()
    if name is None:
        raise OSError(f"no release for {platform.system()} {platform.machine()}")
    expected = published_sum(name, releases)
    say(f"downloading {name}")
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory) / name
        with (
            urllib.request.urlopen(f"{releases}/{name}", timeout=DOWNLOAD_STALL_SECONDS) as answer,
            archive.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
        with archive.open("rb") as file:
            found = hashlib.sha256()
            while chunk := file.read(1 << 20):
                found.update(chunk)
        # Before a byte of it is unpacked: these programs are run with the user's credentials.
        if found.hexdigest() != expected:
            raise OSError(f"{name} has the SHA-256 sum {found.hexdigest()}, but {expected} is published")
        try:
            unpack(archive, Path(directory), bin_dir)
        except tarfile.TarError as error:
            raise OSError(f"{name} is damaged: {error}") from error


def unpack(archive: Path, scratch: Path, bin_dir: Path) -> None:
    """Put every program of a release archive into the directory, the CLI itself last."""
    with tarfile.open(archive) as content:
        programs = [
            entry for entry in content if entry.isfile() and Path(entry.name).name.startswith("pulumi")
        ]
        for entry in sorted(programs, key=lambda entry: Path(entry.name).name == "pulumi"):
            source = content.extractfile(entry)
            if source is not None:
                unpacked = scratch / "program"
                with source, unpacked.open("wb") as file:
                    shutil.copyfileobj(source, file)
                put_program(unpacked, bin_dir / Path(entry.name).name)


def go_environment() -> dict[str, str]:
    """Return the environment for Go: the user's, freed from what would change what is built."""
    flags = f"{os.environ.get('GOFLAGS', '')} -mod=mod".strip()
    return {**os.environ, "GOFLAGS": flags, "GOWORK": "off", "GO111MODULE": "on", "CGO_ENABLED": "0"}


def run_go(arguments: Sequence[str], directory: Path, doing: str) -> str:
    """Run Go in a directory, with a progress line now and then, and return its stdout.

    Raises:
        GetError: Go failed; the end of its output is in the message.
    """
    log = directory / "go.log"
    began = time.monotonic()
    say(doing)
    with log.open("w", encoding="utf-8") as log_file:
        process = subprocess.Popen(
            ["go", *arguments],
            cwd=directory,
            env=go_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
        )
        while True:
            try:
                output, _ = process.communicate(timeout=PROGRESS_INTERVAL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"{doing}: {time.monotonic() - began:.0f} s so far")
            except BaseException:  # Ctrl-C: Go must not go on with both cores when nobody waits for it
                process.terminate()
                process.wait()
                raise
    if process.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])
        raise GetError(f"{doing}: 'go {arguments[0]}' ended with {process.returncode}:\n{tail}")
    return output


def prepare_module(module: str, go_version: str, replace: str, versions: Sequence[str]) -> Path:
    """Make a Go module of its own with the pinned versions, and return its directory."""
    directory = cache_root() / "build" / module
    directory.mkdir(parents=True, exist_ok=True)
    lines = [f"module edas.invalid/{module}", "", f"go {go_version}"]
    lines += ["", f"replace {replace}"] if replace else []
    (directory / "go.mod").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run_go(["get", *versions], directory, f"getting the modules of {module}")
    return directory


def build_program(program: GoProgram, bin_dir: Path) -> None:
    """Build one program and put it into the directory."""
    directory = prepare_module(program.name, program.go_version, program.replace, program.versions)
    for source in program.sources:
        shutil.copy(source, directory)
    built = directory / f"{program.name}.built"
    tags = ["-tags", program.tags] if program.tags else []
    flags = f"-s -w {program.ldflags}".strip()
    run_go(
        ["build", "-trimpath", *tags, "-ldflags", flags, "-o", str(built), program.package],
        directory,
        f"building {program.name}",
    )
    put_program(built, bin_dir / program.name)
    built.unlink()


def put_scripts(language: str, bin_dir: Path) -> None:
    """Put the shell scripts of a language, from the SDK's module, into the directory."""
    missing = [path for path in SCRIPTS[language] if not (bin_dir / Path(path).name).exists()]
    if not missing:
        return
    directory = prepare_module("scripts", "1.25", "", (f"{SDK}@v{CLI_VERSION}",))
    sdk = run_go(["list", "-m", "-f", "{{.Dir}}", SDK], directory, "finding the SDK's scripts").strip()
    for path in missing:
        put_program(Path(sdk) / path, bin_dir / Path(path).name)


def check_go() -> None:
    """Refuse early, in one line, when Go cannot build the CLI."""
    if shutil.which("go") is None:
        minimum = ".".join(map(str, MINIMUM_VERSION))
        raise GetError(
            f"no usable Pulumi CLI and no Go to build one: put Pulumi {minimum} or later, or Go, on PATH"
        )
    answer = subprocess.run(
        ["go", "env", "GOVERSION", "GOTOOLCHAIN"], capture_output=True, text=True, check=False
    )
    version, _, toolchain = answer.stdout.strip().partition("\n")
    found = re.match(r"go(\d+)\.(\d+)", version)
    wanted = tuple(int(part) for part in CLI.go_version.split("."))
    # Since 1.21 Go gets a newer toolchain by itself, unless it is told to stay local.
    able = (1, 21) if toolchain.strip() != "local" else wanted
    if found is None or tuple(int(part) for part in found.groups()) < able:
        raise GetError(
            f"{version or 'Go'} is too old to build the Pulumi CLI: install Go {CLI.go_version} or later"
        )


def build(bin_dir: Path, languages: Sequence[str]) -> None:
    """Build what the directory lacks, from Go modules.

    Raises:
        GetError: Go is absent, too old, or failed.
    """
    check_go()
    programs = [CLI, *(HOSTS[language] for language in languages)]
    absent = [program for program in programs if not (bin_dir / program.name).exists()]
    if absent:
        names = ", ".join(program.name for program in absent)
        say(f"building from Go modules into {bin_dir}: {names} (minutes, most of them for the CLI)")
    for language in languages:
        put_scripts(language, bin_dir)
    for program in absent:
        build_program(program, bin_dir)


def find_cli(languages: Sequence[str]) -> Path:
    """Return a directory with a complete CLI that is there already.

    Raises:
        GetError: there is none.
    """
    existing = existing_bin_dir(languages)
    if existing is None:
        raise GetError("no complete Pulumi CLI here yet; run this script without --bin-dir")
    return existing


def get_cli(languages: Sequence[str], *, offline: bool) -> Path:
    """Return a directory with a complete CLI; download or build what is missing.

    Args:
        languages: of LANGUAGES; their hosts are part of "complete".
        offline: build without asking the download host.

    Raises:
        GetError: nothing worked; the message says what to install.
    """
    existing = existing_bin_dir(languages)
    if existing is not None:
        return existing
    bin_dir = cached_bin_dir()
    with sole_run(cache_root() / f"pulumi-{CLI_VERSION}.lock"):
        missing = missing_programs(bin_dir, languages)  # another run may have got them while this one waited
        # A download over a half-built directory would mix programs of two origins.
        if "pulumi" in missing and not offline:
            try:
                if not download_host_answers():
                    raise OSError(f"{DOWNLOAD_HOST} does not answer")  # noqa: TRY301
                download(bin_dir)
            except OSError as error:
                say(f"no download ({error}); building instead")
        if missing_programs(bin_dir, languages):
            build(bin_dir, languages)
    missing = missing_programs(bin_dir, languages)
    if missing:
        raise GetError(f"{bin_dir} still lacks {', '.join(missing)}")
    return bin_dir


def parse_languages(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list of languages; Python is always one of them."""
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(wanted.difference(LANGUAGES))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(LANGUAGES)}")
    return tuple(language for language in LANGUAGES if language in wanted or language == "python")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Get a Pulumi CLI and print the directory that holds it.")
    parser.add_argument(
        "--languages",
        type=parse_languages,
        default=("python",),
        metavar="LIST",
        help=f"needed language hosts, comma-separated, of {', '.join(LANGUAGES)} (python is always one)",
    )
    parser.add_argument(
        "--bin-dir", action="store_true", help="print the directory if there is one; get nothing"
    )
    parser.add_argument("--offline", action="store_true", help="do not try the download, build at once")
    arguments = parser.parse_args()
    get = find_cli if arguments.bin_dir else partial(get_cli, offline=arguments.offline)
    try:
        bin_dir = get(arguments.languages)
    except GetError as error:
        print(f"pulumi-cli: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pulumi-cli: interrupted; run it again to go on from here", file=sys.stderr)
        return 130
    print(bin_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
