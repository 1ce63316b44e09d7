"""What the declarations cost in the program, without an engine.

The law of this file: processor time of the program alone, against Pulumi's own mocks. A resource costs Pulumi's SDK
something for each of its properties, so that there are several floors: resources without properties, and resources with
as many, dynamic ones that do nothing and those of a real provider.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tools.benchmarks.estates import NOTHING_MODULE
from tools.benchmarks.results import SECONDS, Figure, ratio
from tools.benchmarks.worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.benchmarks.sizes import Sizes

EMPTY: Final = "resources that do nothing"
AS_MANY_PROPERTIES: Final = "resources that do nothing, with as many properties"

REAL_PROVIDER: Final = "alicloud.slb.ApplicationLoadBalancer"
"""A resource of a real provider with about as many properties, 21, from an SDK that Pulumi's own tools generated."""

_MEMBERSHIP: Final = (
    'DeployGroupMembership(f"group-{each:05d}", app_id=f"app-{each % 100:05d}", group_id=f"group-{each:05d}", '
    'instance_ids=[f"i-{each:05d}"])'
)

_BARE: Final = (
    'Nothing(f"group-{each:05d}", **{**dict.fromkeys(TO_CAMEL.values()), "appId": f"app-{each % 100:05d}", '
    '"groupId": f"group-{each:05d}", "instanceIds": [f"i-{each:05d}"]})'
)

DECLARATIONS: Final = {
    EMPTY: ("", 'Nothing(f"group-{each:05d}")'),
    AS_MANY_PROPERTIES: (
        "from pulumi_edas_scale.surface import TO_CAMEL",
        _BARE,
    ),
    "dynamic": ("from pulumi_edas_scale import DeployGroupMembership", _MEMBERSHIP),
    "native": ("from pulumi_edas_scale.native import DeployGroupMembership", _MEMBERSHIP),
    REAL_PROVIDER: (
        "from pulumi_alicloud.slb import ApplicationLoadBalancer",
        'ApplicationLoadBalancer(f"group-{each:05d}", load_balancer_name=f"group-{each:05d}")',
    ),
}

FLOORS: Final = (EMPTY, AS_MANY_PROPERTIES, REAL_PROVIDER)

_PROGRAM: Final = """
import asyncio, time
import pulumi
from pulumi.runtime.stack import wait_for_rpcs

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return args.name, args.inputs

    def call(self, args):
        return {{}}

{nothing}
{imports}

async def declare():
    pulumi.runtime.set_mocks(Mocks())
    for each in range({count}):
        {declaration}
    await wait_for_rpcs()

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
began = time.process_time()
loop.run_until_complete(declare())
print(time.process_time() - began)
"""

RETRY_TIMEOUT_SECONDS: Final = 300.0


def measure_program(sizes: Sizes) -> Iterator[Figure]:
    """Declare as many resources as the largest estate has, of each kind in turns."""
    count = sizes.largest[0]
    seconds: dict[str, list[float]] = {name: [] for name in DECLARATIONS}
    for _ in range(sizes.runs):
        for name, (imports, declaration) in DECLARATIONS.items():
            seconds[name].append(_declare(imports, declaration, count))
    for name, values in seconds.items():
        case = f"{count} {name}" if name in FLOORS else f"{count} memberships, {name}"
        yield Figure("program", case, "processor time", SECONDS, tuple(values))
        for floor in FLOORS:
            if name not in FLOORS or (floor == EMPTY and name != EMPTY):
                yield ratio("program", case, f"over {floor}", (values, seconds[floor]))


def _declare(imports: str, declaration: str, count: int) -> float:
    # The module's own name would be __main__, and a class of that is pickled by value, which costs far more.
    nothing = (
        "import sys, types\n"
        "module = sys.modules['nothing'] = types.ModuleType('nothing')\n"
        f"exec({NOTHING_MODULE!r}, module.__dict__)\n"
        "from nothing import Nothing"
    )
    code = _PROGRAM.format(nothing=nothing, imports=imports, count=count, declaration=declaration)
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=RETRY_TIMEOUT_SECONDS,
    )
    return float(done.stdout)
