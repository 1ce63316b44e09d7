"""The doctor's look at this machine: versions, the plugin, and the host of dynamic providers.

This file's law: it starts Pulumi's own programs, each with a time-out, and asks no cloud.
"""

from __future__ import annotations

import base64
import pickle
import platform
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.cli.findings import Finding, State
from pulumi_edas_scale.cli.host_probe import ADDRESS, FAIL, MESSAGE, URN, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MINIMUM: Final = (3, 216)
"""The first Pulumi whose dynamic providers may answer a read with inputs, which is how a refresh shows drift."""

PLUGIN: Final = "pulumi-resource-edas-scale"

PROGRAM_SECONDS: Final = 20.0
HOST_SECONDS: Final = 30.0
"""Time-outs: a cold start on a busy machine takes some seconds."""

TRICKS: Final = {
    "call": "the resource's name, its customTimeouts and saved progress after a failure",
    "failure": "saved progress after a failure, and errors of one line",
    "address": "live status lines, and the end of an orphaned process",
    "pool": "more than four memberships at the same time",
    "interrupt": "a clean end at a second Ctrl-C",
}
"""What is lost when a reach into the host does not work."""


def check_tools(environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything the provider needs on this machine, and at what it can do there.

    Args:
        environ: the environment of the process; its PATH is searched.
    """
    names = ("pulumi-edas-scale", "alibabacloud-edas20170801", "alibabacloud-credentials")
    parts = [f"{name} {_version(name)}" for name in names]
    versions = f"{', '.join(parts)}, Python {platform.python_version()}."
    return [
        Finding("versions", State.OK, versions),
        _sdk(),
        _command_line(environ),
        _plugin(environ),
        _host(environ),
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text)[:2])


def _sdk() -> Finding:
    found = _version("pulumi")
    wanted = ".".join(map(str, MINIMUM))
    if _numbers(found) >= MINIMUM:
        return Finding("Pulumi SDK", State.OK, f"pulumi {found} for Python.")
    return Finding(
        "Pulumi SDK",
        State.RED,
        f"pulumi {found} for Python is too old: {wanted} is needed.",
        "pip install --upgrade pulumi",
    )


def _command_line(environ: Mapping[str, str]) -> Finding:
    wanted = ".".join(map(str, MINIMUM))
    fix = f"Install Pulumi {wanted} or later: https://www.pulumi.com/docs/install/"
    program = shutil.which("pulumi", path=environ.get("PATH"))
    if program is None:
        return Finding("Pulumi CLI", State.RED, "There is no 'pulumi' on PATH.", fix)
    try:
        done = subprocess.run(  # noqa: S603 - Pulumi itself
            [program, "version"],
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=True,
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "1"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("Pulumi CLI", State.RED, f"'{program} version' failed: {type(error).__name__}.", fix)
    found = done.stdout.strip()
    if _numbers(found) < MINIMUM:
        return Finding("Pulumi CLI", State.RED, f"Pulumi {found} at {program} is too old.", fix)
    return Finding("Pulumi CLI", State.OK, f"Pulumi {found} at {program}.")


def _plugin(environ: Mapping[str, str]) -> Finding:
    program = shutil.which(PLUGIN, path=environ.get("PATH"))
    home = environ.get("PULUMI_HOME") or str(Path(environ.get("HOME", "~"), ".pulumi").expanduser())
    installed = sorted(Path(home, "plugins").glob("resource-edas-scale-v*[0-9]"))
    # PATH first, as the engine looks: what is installed beside it is not what will run.
    if program is not None:
        return Finding("plugin", State.OK, f"{PLUGIN} on PATH, at {program}.")
    if installed:
        return Finding("plugin", State.OK, f"{installed[-1].name} in {installed[-1].parent}.")
    return Finding(
        "plugin",
        State.WARNING,
        f"{PLUGIN} is neither on PATH nor in {home}/plugins: programs in Python work by the dynamic provider; "
        "'pulumi import' and other languages do not.",
        f"Put the directory of this environment's programs on PATH: {Path(sys.executable).parent}",
    )


def _host(environ: Mapping[str, str]) -> Finding:
    name = "dynamic host"
    try:
        found = probe_host(environ)
    except Exception as error:  # noqa: BLE001 - whatever keeps the host from answering is the finding
        return Finding(
            name,
            State.RED,
            f"Pulumi's host of dynamic providers does not work with {sys.executable}: {type(error).__name__}.",
            "pip install --force-reinstall pulumi pulumi-edas-scale",
        )
    lost = [what for trick, what in TRICKS.items() if not found.get(trick)]
    if not found.get("front_end"):
        return Finding(
            name, State.RED, "The host cannot load the provider.", "pip install --upgrade pulumi-edas-scale"
        )
    if lost:
        return Finding(
            name,
            State.WARNING,
            f"The host of pulumi {_version('pulumi')} is unlike those this version knows. It works, without: "
            f"{'; '.join(lost)}.",
            "pip install --upgrade pulumi-edas-scale, or use the plugin (pulumi_edas_scale.native).",
        )
    return Finding(name, State.OK, f"All {len(TRICKS)} host integrations work.")


def probe_host(environ: Mapping[str, str]) -> dict[str, bool]:
    """Start the host as the engine does, and return which of ``TRICKS`` work in it, with ``front end``.

    Args:
        environ: the environment of the host.

    Raises:
        Exception: the host does not start or does not answer.
    """
    import grpc  # noqa: PLC0415 - only the doctor needs it

    from pulumi_edas_scale.hosts.protocol import (  # noqa: PLC0415 - as above
        provider_pb2,
        provider_pb2_grpc,
    )

    with _started_host(environ) as port:
        target, options = f"127.0.0.1:{port}", (("grpc.enable_http_proxy", 0),)
        with grpc.insecure_channel(target, options=options) as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            stub.Configure(provider_pb2.ConfigureRequest(), timeout=HOST_SECONDS)
            answer = stub.Check(_request(provider_pb2), timeout=HOST_SECONDS)
            found = {name: answer.inputs.fields[name].bool_value for name in ("front_end", *TRICKS)}
            try:
                stub.Check(_request(provider_pb2, **{FAIL: True}), timeout=HOST_SECONDS)
            except grpc.RpcError as error:
                metadata = error.trailing_metadata() or ()
                details = [each.value for each in metadata if each.key == "grpc-status-details-bin"]
                found["failure"] = any(MESSAGE.encode() in each for each in details)
    return found


def _request(protocol: Any, **inputs: object) -> Any:  # noqa: ANN401 - generated classes
    """Return a check of the probe, which is named by reference as a provider in a state is."""
    request = protocol.CheckRequest(urn=URN)
    reference = base64.b64encode(pickle.dumps(Probe())).decode()
    request.olds.update({})
    request.news.update({"__provider": reference, **inputs})
    return request


@contextmanager
def _started_host(environ: Mapping[str, str]) -> Iterator[int]:
    """Yield the port of a host that ends with the block."""
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-u", "-m", "pulumi.dynamic", ADDRESS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        env=dict(environ),
    ) as host:
        # The host may start and say nothing; a read of its port knows no time-out.
        watchdog = threading.Timer(HOST_SECONDS, host.kill)
        watchdog.start()
        try:
            yield int(host.stdout.readline() if host.stdout else "")
        finally:
            watchdog.cancel()
            host.kill()
