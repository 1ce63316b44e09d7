"""The regions of Alibaba Cloud, to find a misspelt one.

This file's law: a region that is not in the list may be newer than the list, so only what is a letter or two away
from a region that exists counts as misspelt. Pure.

Source: the endpoint map of the EDAS SDK, and "Regions and zones" of Alibaba Cloud (2026-11).
"""

from __future__ import annotations

import difflib
from typing import Final

REGIONS: Final = frozenset(
    {
        *("cn-beijing", "cn-chengdu", "cn-fuzhou", "cn-guangzhou", "cn-hangzhou", "cn-heyuan", "cn-hongkong"),
        *(
            "cn-huhehaote",
            "cn-nanjing",
            "cn-qingdao",
            "cn-shanghai",
            "cn-shenzhen",
            "cn-wuhan",
            "cn-wuhan-lr",
        ),
        *("cn-wulanchabu", "cn-zhangjiakou", "cn-zhongwei", "cn-zhengzhou-jva", "cn-fujian", "cn-edge-1"),
        *("cn-beijing-finance-1", "cn-beijing-gov-1", "cn-hangzhou-finance", "cn-shanghai-finance-1"),
        *("cn-shenzhen-finance-1", "cn-north-2-gov-1", "cn-heyuan-acdr-1"),
        *("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ap-southeast-3", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
        *("eu-central-1", "eu-west-1", "me-central-1", "me-east-1", "na-south-1", "us-east-1", "us-west-1"),
        *("us-southeast-1",),
    }
)

SLIP: Final = 0.84
"""How alike two names must be, as difflib counts: 'cn-hangzou' and 'cn-hangzhou' are (0.95)."""


def meant_region(region_id: str) -> str | None:
    """Return the region that a misspelt one probably means; None for a region, and for what is like none."""
    if region_id in REGIONS:
        return None
    close = difflib.get_close_matches(region_id, sorted(REGIONS), n=1, cutoff=SLIP)
    # Numbers are how new regions are named: ap-southeast-8 is not misspelt, and neither is a part added to a name.
    if not close or _letters(close[0]) == _letters(region_id) or region_id.startswith(f"{close[0]}-"):
        return None
    return close[0]


def _letters(region_id: str) -> str:
    return region_id.rstrip("0123456789")
