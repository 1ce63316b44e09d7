"""The look-up functions of a Python program, against the emulator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi.runtime import rpc, set_all_config

import pulumi_edas_scale as edas_scale
from pulumi_edas_scale import functions
from pulumi_edas_scale.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = "3616cdca-4f92-4413-a1b2-000000000001"
BETA = "4f1fb6f5-6769-4bd6-9a00-000000000001"
ECS = "0d247b93-8d62-4e34-8a00-000000000001"


@pytest.fixture
def edas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Return an emulated EDAS that the environment of the program points at."""
    with Emulator() as emulator:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        yield emulator
    functions._operations.cache_clear()


def test_an_application_is_found_by_name(edas: Emulator) -> None:
    """A program finds the id of an application by its name, in the region of the environment."""
    shop = edas_scale.get_application("shop")
    assert (shop.app_id, shop.name, shop.cluster_id) == (SHOP, "shop", ECS)
    assert (shop.cluster_type, type(shop.cluster_type), shop.region_id) == (2, int, "cn-hangzhou")
    assert edas.log("ListApplication")


def test_groups_come_with_their_members(edas: Emulator) -> None:
    """The groups of an application are listed with members, whose fields are attributes."""
    groups = edas_scale.get_deploy_groups(SHOP)
    default = next(group for group in groups.groups if group.name == "_DEFAULT_GROUP")
    assert [(member.instance_id, member.state) for member in default.members] == [("i-bp111", "running")]
    assert (default.running_count, default.deployed, groups.cluster_id) == (1, True, ECS)
    assert len(edas.log("QueryApplicationStatus")) == 1


@pytest.mark.parametrize("named", [{"group_id": BETA}, {"group_name": "beta"}])
def test_a_group_is_read_by_id_or_name(edas: Emulator, named: dict[str, str]) -> None:
    """A group is found by its id and by its name."""
    edas.action("join", group="beta", application="shop", instance="i-bp101")
    beta = edas_scale.get_deploy_group(SHOP, **named)
    assert (beta.group_id, beta.name, [member.ip for member in beta.members]) == (BETA, "beta", ["10.0.0.1"])


@pytest.mark.usefixtures("edas")
def test_candidates_are_spread_and_stable() -> None:
    """As many machines as are asked for are listed, from different zones, the same in every run."""
    first = edas_scale.get_scale_out_candidates(SHOP, group_id=BETA, count=3)
    assert len({candidate.zone for candidate in first.candidates}) == 3
    assert first.instance_ids == [candidate.instance_id for candidate in first.candidates]
    assert edas_scale.get_scale_out_candidates(SHOP, group_id=BETA, count=3) == first


@pytest.mark.usefixtures("edas")
def test_a_failure_is_a_sentence() -> None:
    """What cannot be found fails the program with a sentence and without a traceback."""
    with pytest.raises(pulumi.RunError, match="nothing-such"):
        edas_scale.get_application("nothing-such")


@pytest.mark.usefixtures("edas")
def test_settings_come_from_the_stack() -> None:
    """A wrong setting of the stack is named, as the resource does."""
    set_all_config({"edas-scale:endpoint": "nonsense"})
    try:
        with pytest.raises(pulumi.RunError, match="edas-scale:endpoint"):
            edas_scale.get_application("shop")
    finally:
        set_all_config({})


@pytest.mark.usefixtures("edas")
def test_results_can_be_exported() -> None:
    """A result is plain data for Pulumi, so that a program may export it."""
    beta = edas_scale.get_deploy_group(SHOP, group_name="beta")
    exported = asyncio.run(rpc.serialize_property(beta, [], "beta"))
    assert (exported["group_id"], exported["members"]) == (BETA, [])


@pytest.mark.usefixtures("edas")
def test_outputs_are_lifted() -> None:
    """The variants with outputs wait for their arguments and answer with an output."""

    async def program() -> list[Any]:
        name = pulumi.Output.from_input("shop")
        app_id = edas_scale.get_application_output(name).app_id
        outputs: list[pulumi.Output[Any]] = [
            app_id,
            edas_scale.get_deploy_groups_output(app_id).apply(lambda found: found.cluster_id),
            edas_scale.get_deploy_group_output(app_id, group_name="beta").apply(lambda found: found.group_id),
            edas_scale.get_scale_out_candidates_output(app_id, count=2).apply(
                lambda found: len(found.instance_ids)
            ),
        ]
        return [await output.future() for output in outputs]

    assert asyncio.run(program()) == [SHOP, ECS, BETA, 2]
