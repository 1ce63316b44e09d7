"""The EDAS that the scenarios play in: one ECS cluster, applications, groups, and who is where."""

from __future__ import annotations

from typing import Any

REGION = "cn-hangzhou"
ACCESS_KEY = "LTAI5tE2eAccessKeyId"
SECRET = "e2e-Access-Key-Secret-0123456789"

SHOP = "3616cdca-4f92-4413-b02f-000000000001"
DEFAULT = "8123db90-880f-486f-b1c2-000000000001"
BETA = "4f1fb6f5-6769-4bd6-9a00-000000000001"
GAMMA = "4f1fb6f5-6769-4bd6-9a00-000000000002"
NEW = "3616cdca-4f92-4413-b02f-000000000002"
NEW_DEFAULT = "8123db90-880f-486f-b1c2-000000000002"
KUBERNETES = "3616cdca-4f92-4413-b02f-000000000003"
KUBERNETES_DEFAULT = "8123db90-880f-486f-b1c2-000000000003"
OTHER = "3616cdca-4f92-4413-b02f-000000000004"
OTHER_DEFAULT = "8123db90-880f-486f-b1c2-000000000004"

INSTANCES = tuple(f"i-{letter}" for letter in "abcdefghijkl")
"""What is in the cluster. The last one is in the application ``other``; all others are free."""
FOREIGN_CLUSTER_INSTANCE = "i-elsewhere"
NOT_IMPORTED = "i-notimported"


def machine(instance_id: str) -> dict[str, Any]:
    """Return a machine of the cluster, with ids that tell which instance it is."""
    name = instance_id.removeprefix("i-")
    number = sum(map(ord, name)) % 250
    zone = "hij"[number % 3]
    return {
        "instanceId": instance_id,
        "ecuId": f"ecu-{name}",
        "ip": f"10.0.0.{number}",
        "zone": f"{REGION}-{zone}",
    }


def scenario_world() -> dict[str, Any]:
    """Return a world file."""
    return {
        "region": REGION,
        "accessKeys": [{"id": ACCESS_KEY, "secret": SECRET}],
        "clusters": [
            {"id": "cluster-ecs", "name": "ecs", "type": 2, "ecus": [machine(each) for each in INSTANCES]},
            {"id": "cluster-k8s", "name": "kubernetes", "type": 5},
            {"id": "cluster-far", "name": "far", "type": 2, "ecus": [machine(FOREIGN_CLUSTER_INSTANCE)]},
        ],
        "applications": [
            {
                "id": SHOP,
                "name": "shop",
                "cluster": "ecs",
                "groups": [
                    {"id": DEFAULT, "name": "_DEFAULT_GROUP"},
                    {"id": BETA, "name": "beta"},
                    {"id": GAMMA, "name": "gamma"},
                ],
            },
            {
                "id": NEW,
                "name": "new",
                "cluster": "ecs",
                "deployed": False,
                "groups": [{"id": NEW_DEFAULT, "name": "_DEFAULT_GROUP"}],
            },
            {
                "id": KUBERNETES,
                "name": "pods",
                "cluster": "kubernetes",
                "groups": [{"id": KUBERNETES_DEFAULT, "name": "_DEFAULT_GROUP"}],
            },
            {
                "id": OTHER,
                "name": "other",
                "cluster": "ecs",
                "groups": [{"id": OTHER_DEFAULT, "name": "_DEFAULT_GROUP", "members": [INSTANCES[-1]]}],
            },
        ],
        "switches": {"order_duration": "seconds:0.3"},
    }
