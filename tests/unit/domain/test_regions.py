from __future__ import annotations

import pytest

from pulumi_edas_scale.domain.regions import REGIONS, meant_region


@pytest.mark.parametrize(
    ("region_id", "meant"),
    [
        ("cn-hangzou", "cn-hangzhou"),
        ("cn-hanghzou", "cn-hangzhou"),
        ("cn-bejing", "cn-beijing"),
        ("cn-shanghia", "cn-shanghai"),
        ("us-wst-1", "us-west-1"),
        ("ap-southeast-8", None),
        ("cn-hangzhou-internal-test-1", None),
        ("xx-nowhere-1", None),
    ],
)
def test_a_slip_is_told_from_a_new_region(region_id: str, meant: str | None) -> None:
    """A name a letter or two away is a slip; another number, another part or another name may be a new region."""
    assert meant_region(region_id) == meant


@pytest.mark.parametrize("region_id", sorted(REGIONS))
def test_a_region_is_no_slip(region_id: str) -> None:
    """No region is taken for a slip of another one."""
    assert meant_region(region_id) is None
