from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.hosts.late_imports import CLASSES
from pulumi_edas_scale.hosts.protocol import provider_pb2
from tests.contract.plugin.harness import URN, WAIT, struct
from tests.contract.plugin.processes import APP, GROUP, plugin

AFTER_THE_SDK = (
    "import sys\n"
    "from pulumi_edas_scale.hosts.late_imports import import_late\n"
    "import_late()\n"
    "from pulumi_edas_scale.edas.sdk import import_sdk\n"
    "import_sdk()\n"
)


def run(code: str, *arguments: str) -> str:
    """Run a few lines of Python after the SDK was imported with the late packages; return what they print."""
    command = [sys.executable, "-c", AFTER_THE_SDK + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="Linux shows which libraries a process has loaded"
)
def test_a_call_of_the_plugin_needs_no_asynchronous_client() -> None:
    """The plugin calls EDAS without the package for asynchronous calls, which is a third of the SDK's import."""
    with Emulator() as edas, plugin(environ=edas.environment()) as process:
        process.configure()
        id_ = f"cn-hangzhou/{APP}/{GROUP}"
        read = provider_pb2.ReadRequest(urn=URN, id=id_, properties=struct({}))
        assert process.stub.Read(read, timeout=WAIT).id == id_
        libraries = Path(f"/proc/{process.popen.pid}/maps").read_text()
    assert "cryptography" in libraries
    assert "aiohttp" not in libraries


def test_the_sdk_itself_uses_nothing_of_them() -> None:
    """What the SDK names in its modules is not imported: a version that uses more makes the first call slower."""
    parts = "{'aiohttp.client', 'apscheduler.schedulers.base'}"
    assert run(f"print(sorted(sys.modules.keys() & {parts}))") == "[]\n"


def test_an_asynchronous_call_of_the_sdk_still_works() -> None:
    """Whoever makes one gets the package, and the answer."""
    with Emulator() as edas:
        answer = run(
            "import asyncio, json\n"
            "from darabonba.core import DaraCore\n"
            "from darabonba.request import DaraRequest\n"
            "request = DaraRequest()\n"
            "request.protocol, request.pathname = 'http', '/pop/v5/app/app_list'\n"
            "request.headers = {'host': sys.argv[1].partition('//')[2]}\n"
            "answer = asyncio.run(DaraCore.async_do_action(request, {}))\n"
            "print(json.dumps([answer.status_code, type(answer.response).__module__]))",
            edas.url,
        )
    status, module = json.loads(answer)
    assert status >= 200
    assert module.startswith("aiohttp")


def test_the_ram_role_of_an_instance_is_still_renewed() -> None:
    """The provider of these credentials starts its scheduler as ever."""
    assert (
        run(
            "import threading\n"
            "from alibabacloud_credentials.provider import EcsRamRoleCredentialsProvider\n"
            "EcsRamRoleCredentialsProvider(role_name='shop')\n"
            "print(sorted(each.name for each in threading.enumerate()))"
        )
        == "['APScheduler', 'MainThread']\n"
    )


def test_what_is_imported_already_stays() -> None:
    """A process that has the packages goes on with them."""
    done = run(
        "from importlib import import_module\n"
        f"for name in {sorted(CLASSES)!r}:\n"
        "    sys.modules.pop(name)\n"
        "    real = import_module(name)\n"
        "    import_late()\n"
        "    assert sys.modules[name] is real\n"
    )
    assert done == ""
