"""What is in every state that was ever written, and therefore never changes."""

from __future__ import annotations

import base64
import pickle

import pytest

import pulumi_edas_scale
from pulumi_edas_scale.dynamic import Provider
from tests.contract.dynamic.host_process import reference

RELEASED = {
    "0.1.0": "gASVLQAAAAAAAACMGXB1bHVtaV9lZGFzX3NjYWxlLmR5bmFtaWOUjAhQcm92aWRlcpSTlCmBlC4=",
}
"""What the releases wrote under ``__provider``. Entries are added, never changed."""


def test_the_provider_is_a_reference() -> None:
    """State holds the place of the class and nothing of its code: 56 bytes, and no secret."""
    blob = base64.b64decode(reference(Provider()))
    assert len(blob) <= 64
    assert b"pulumi_edas_scale.dynamic" in blob
    assert not Provider.serialize_as_secret_always


def test_the_reference_is_that_of_the_last_release() -> None:
    """A new release writes what the last one wrote, so that an upgrade changes no state."""
    assert reference(Provider()) == list(RELEASED.values())[-1]


@pytest.mark.parametrize("release", RELEASED)
def test_the_references_of_all_releases_lead_here(release: str) -> None:
    """The state of every release finds the installed provider."""
    provider = pickle.loads(base64.b64decode(RELEASED[release]))  # noqa: S301  # our own constant
    assert type(provider) is Provider


def test_the_type_token_is_fixed() -> None:
    """The token is part of the URN of every membership."""
    token = pulumi_edas_scale.DeployGroupMembership._resource_type_name
    assert f"pulumi-python:{token}" == "pulumi-python:dynamic/edas-scale:DeployGroupMembership"
