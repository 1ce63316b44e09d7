"""Estates of many groups: the world of the emulator, the program that declares them, and their state.

The law of this file: everything has a number in its name, so that the state of a thousand groups is the state of one,
written a thousand times.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

REGION: Final = "cn-hangzhou"
ACCESS_KEY: Final = {"id": "LTAI5tBenchAccessKey", "secret": "bench-Access-Key-Secret-0123456789"}

NOTHING_MODULE: Final = '''\
"""A dynamic resource that costs nothing but itself: the floor that memberships are measured against."""

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult


class Provider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("nothing", props)

    def diff(self, _id, _olds, _news):
        return DiffResult(changes=_olds.get("generation") != _news.get("generation"))

    def update(self, _id, _olds, _news):
        return UpdateResult(_news)


class Nothing(Resource, module="bench", name="Nothing"):
    def __init__(self, name, **props):
        super().__init__(Provider(), name, props)
'''
"""In a module, so that it is pickled as a reference: by value each resource would cost a millisecond more."""

COST_OF_PROGRAM: Final = """\
def _tell_cost():
    import json, os, resource
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open(os.environ["BENCH_PROGRAM_COST"], "w") as file:
        json.dump({"seconds": used.ru_utime + used.ru_stime}, file)

import atexit
atexit.register(_tell_cost)
"""


@dataclass(frozen=True)
class Estate:
    """Groups spread evenly over applications, each with one member.

    Attributes:
        groups: how many.
        applications: how many.
        joined: whether the members are there already; otherwise the machines are free.
        group_size: instances of each group.
    """

    groups: int
    applications: int
    joined: bool = True
    group_size: int = 1

    def __str__(self) -> str:
        groups = f"{self.groups} group{'s' * (self.groups > 1)}"
        return f"{groups} in {self.applications} application{'s' * (self.applications > 1)}"

    def application_of(self, group: int) -> str:
        """Return the id of the application that a group is in."""
        return f"app-{group % self.applications:05d}"

    def instances_of(self, group: int) -> list[str]:
        """Return the ECS ids of a group."""
        return [f"i-{number:05d}" for number in range(group * self.group_size, (group + 1) * self.group_size)]

    def world(self, spare: int = 0, **switches: object) -> dict[str, Any]:
        """Return the world file.

        Args:
            spare: instances beyond those of the groups, all free.
            switches: of the emulator.
        """
        count = self.groups * self.group_size
        return {
            "region": REGION,
            "accessKeys": [ACCESS_KEY],
            "clusters": [
                {
                    "id": "cluster-ecs",
                    "name": "ecs",
                    "type": 2,
                    "ecus": list(map(_machine, range(count + spare))),
                }
            ],
            "applications": [self._application(number) for number in range(self.applications)],
            "switches": switches,
        }

    def _application(self, number: int) -> dict[str, Any]:
        groups = [
            {"id": f"group-{group:05d}", "name": f"group-{group:05d}", "members": self._members(group)}
            for group in range(number, self.groups, self.applications)
        ]
        return {"id": f"app-{number:05d}", "name": f"app-{number:05d}", "cluster": "ecs", "groups": groups}

    def _members(self, group: int) -> list[dict[str, str]]:
        ids = self.instances_of(group) if self.joined else []
        return [{"instanceId": each, "eccId": f"ecc-{each.removeprefix('i-')}"} for each in ids]

    def program(self) -> str:
        """Return the statements that declare the memberships."""
        return (
            f"{COST_OF_PROGRAM}\n"
            f"for group in range({self.groups}):\n"
            f"    first = group * {self.group_size}\n"
            "    DeployGroupMembership(\n"
            '        f"group-{group:05d}",\n'
            f'        app_id=f"app-{{group % {self.applications}:05d}}",\n'
            '        group_id=f"group-{group:05d}",\n'
            f'        instance_ids=[f"i-{{each:05d}}" for each in range(first, first + {self.group_size})],\n'
            "    )"
        )

    def state(self, one: dict[str, Any]) -> dict[str, Any]:
        """Return the state of this estate, made of the state of an estate of one group."""

        def renumber(text: str, group: int) -> str:
            text = text.replace("app-00000", self.application_of(group))
            for prefix in ("group-", "ecu-", "ecc-", "i-"):
                text = text.replace(f"{prefix}00000", f"{prefix}{group:05d}")
            return text.replace(_address(0), _address(group))

        return multiply(one, "DeployGroupMembership", self.groups, renumber)


def nothing_program(count: int, generation: int = 0) -> str:
    """Return the statements that declare as many resources that do nothing; another generation updates them."""
    return (
        f"{COST_OF_PROGRAM}\n"
        "from nothing import Nothing\n"
        f"for number in range({count}):\n"
        f'    Nothing(f"nothing-{{number:05d}}"{f", generation={generation}" if generation else ""})'
    )


def nothing_state(one: dict[str, Any], count: int) -> dict[str, Any]:
    """Return the state of that many, made of the state of one."""
    return multiply(
        one, "Nothing", count, lambda text, number: text.replace("nothing-00000", f"nothing-{number:05d}")
    )


def multiply(
    checkpoint: dict[str, Any], kind: str, count: int, renumber: Callable[[str, int], str]
) -> dict[str, Any]:
    """Return a checkpoint in which the one resource of a kind stands many times."""
    copied: dict[str, Any] = json.loads(json.dumps(checkpoint))
    latest = copied["checkpoint"]["latest"]
    [one] = [each for each in latest["resources"] if each["type"].endswith(kind)]
    others = [each for each in latest["resources"] if each is not one]
    text = json.dumps(one)
    latest["resources"] = [*others, *(json.loads(renumber(text, number)) for number in range(count))]
    return copied


def _machine(number: int) -> dict[str, Any]:
    return {
        "instanceId": f"i-{number:05d}",
        "ecuId": f"ecu-{number:05d}",
        "ip": _address(number),
        "zone": f"{REGION}-{'hij'[number % 3]}",
    }


def _address(number: int) -> str:
    return f"10.1.{number // 200}.{number % 200 + 10}"
