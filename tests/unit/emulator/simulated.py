"""An emulated EDAS without HTTP, and with a clock that a test turns by hand."""

from __future__ import annotations

from typing import Any

from pulumi_edas_scale.emulator import control, views
from pulumi_edas_scale.emulator.api.wire import Response, handle
from pulumi_edas_scale.emulator.world.world_file import build_world

SHOP = "app-shop"
OTHER = "app-other"
DEFAULT = "group-default"
BETA = "group-beta"
CLUSTER = "cluster-ecs"

SMALL_WORLD: dict[str, Any] = {
    "region": "cn-hangzhou",
    "accessKeys": [{"id": "key", "secret": "secret"}],
    "clusters": [
        {
            "id": CLUSTER,
            "name": "ecs",
            "type": 2,
            "ecus": [
                *({"instanceId": f"i-{letter}", "ecuId": f"ecu-{letter}"} for letter in "abcdefgh"),
                {"instanceId": "i-off", "ecuId": "ecu-off", "online": False},
            ],
            "instances": ["i-raw"],
        },
        {"id": "cluster-k8s", "name": "k8s", "type": 5},
    ],
    "applications": [
        {
            "id": SHOP,
            "name": "shop",
            "cluster": "ecs",
            "groups": [
                {"id": DEFAULT, "name": "_DEFAULT_GROUP", "members": ["i-a", "i-b"]},
                {"id": BETA, "name": "beta"},
            ],
        },
        {"id": OTHER, "name": "other", "cluster": "ecs", "groups": [{"name": "only", "members": ["i-h"]}]},
        {"id": "app-k8s", "name": "on-kubernetes", "cluster": "k8s"},
        {
            "id": "app-new",
            "name": "never-deployed",
            "cluster": "ecs",
            "deployed": False,
            "groups": [{"id": "group-new", "name": "_DEFAULT_GROUP"}],
        },
    ],
}


class Simulation:
    """One account, one clock."""

    def __init__(self, **switches: object) -> None:
        """Build the small world; orders take 10 seconds unless a switch says otherwise."""
        self.world = build_world(SMALL_WORLD, {"order_duration": "seconds:10", **switches})
        self.now = 1_000.0

    def respond(self, operation: str, **params: str) -> Response:
        """Call an operation now."""
        return handle(self.world, operation, params, self.now)

    def respond_from(self, region: str | None, operation: str, **params: str) -> Response:
        """Call an operation now with a region in the header, or without."""
        return handle(self.world, operation, params, self.now, region)

    def call(self, operation: str, **params: str) -> Any:  # noqa: ANN401 - any JSON
        """Call an operation now and return the parsed body."""
        return self.respond(operation, **params).json()

    def later(self, seconds: float) -> Simulation:
        """Let time pass."""
        self.now += seconds
        return self

    def act(self, name: str, **args: object) -> Any:  # noqa: ANN401 - any JSON
        """Do an action of the control API."""
        return control.act(self.world, name, args, self.now)

    def rule(self, **rule: object) -> str:
        """Add a rule and return its id."""
        return self.world.rules.add(rule).id

    def scale_out(self, *instances: str, group: str = BETA, application: str = SHOP) -> Any:  # noqa: ANN401
        """Scale instances out by their ECS ids."""
        ecus = ",".join(instance.replace("i-", "ecu-", 1) for instance in instances)
        return self.call("ScaleOutApplication", AppId=application, DeployGroup=group, EcuInfo=ecus)

    def scale_in(self, *instances: str, application: str = SHOP, **params: str) -> Any:  # noqa: ANN401
        """Scale instances in by their ECS ids."""
        eccs = ",".join(self.ecc(instance) for instance in instances)
        return self.call("ScaleInApplication", AppId=application, EccInfo=eccs, **params)

    def ecc(self, instance: str) -> str:
        """Return the ECC id of a member by its ECS id."""
        return str(self.true_member(instance)["eccId"])

    def true_member(self, instance: str) -> dict[str, Any]:
        """Return a member as it truly is, listed or not."""
        machine = control.find_machine(self.world, instance)
        owner = self.world.owner_of(machine.ecu_id)
        assert owner is not None, f"{instance} is no member"
        member = owner.member_on(machine.ecu_id)
        assert member is not None
        return views.member_json(self.world, owner, member, self.now)

    def listed(self, application: str = SHOP) -> dict[str, tuple[int, int]]:
        """Return what QueryApplicationStatus lists: ECU id to AppState and TaskState."""
        body = self.call("QueryApplicationStatus", AppId=application)
        return {
            ecc["EcuId"]: (ecc["AppState"], ecc["TaskState"]) for ecc in body["AppInfo"]["EccList"]["Ecc"]
        }

    def status(self, order_id: str) -> int:
        """Return the status of an order, by reading it."""
        body = self.call("GetChangeOrderInfo", ChangeOrderId=order_id)
        return int(body["changeOrderInfo"]["Status"])

    def finished(self, answer: dict[str, Any]) -> int:
        """Wait for the order of an accepted call and return how it ended."""
        self.later(1_000)
        return self.status(answer["ChangeOrderId"])
