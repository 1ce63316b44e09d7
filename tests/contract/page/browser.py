"""The emulator's page as a person sees it, in a real headless Chromium.

The name keeps this file out of `make test`, which must pass where there is no Chromium. It also makes the picture
of the documentation, docs/emulator.png.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.emulator import Emulator
from tests.contract.emulator.clients import sdk_call, sdk_client
from tests.contract.page.webdriver import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = Path(__file__).parents[3] / "docs" / "emulator.png"
WORLD = {
    "region": "cn-hangzhou",
    "accessKeys": [{"id": "LTAI5tPage", "secret": "page-secret"}],
    "clusters": [
        {
            "id": "cluster-1",
            "name": "ecs",
            "type": 2,
            "ecus": [
                {
                    "instanceId": f"i-bp10{n}",
                    "ecuId": f"ecu-{n}",
                    "ip": f"10.0.0.{n}",
                    "zone": f"cn-hangzhou-{zone}",
                }
                for n, zone in enumerate("hijhij", 1)
            ],
        }
    ],
    "applications": [
        {
            "id": "app-shop",
            "name": "shop",
            "cluster": "ecs",
            "groups": [
                {"id": "group-web", "name": "web", "members": ["i-bp101", "i-bp102", "i-bp103"]},
                {"id": "group-canary", "name": "canary", "members": ["i-bp104"]},
            ],
        }
    ],
    "switches": {"order_duration": "immediate"},
}


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """An EDAS with two groups and two free machines."""
    with Emulator(WORLD) as emulator:
        yield emulator


@pytest.fixture
def browser(edas: Emulator) -> Iterator[Browser]:
    """A browser that shows its page."""
    with Browser(1180, 1000) as browser:
        browser.open(edas.url)
        browser.wait("that it is live", lambda: browser.text("#link") == "live")
        yield browser


def scale_out(edas: Emulator, ecu: str, group: str = "group-web") -> None:
    """Ask for a scale out, as a program would."""
    sdk_call(sdk_client(edas), "ScaleOutApplication", app_id="app-shop", deploy_group=group, ecu_info=ecu)


def test_groups_members_orders_and_requests_are_there_and_live(edas: Emulator, browser: Browser) -> None:
    """The page shows the groups with who runs, and an order that somebody starts appears without a reload."""
    assert "shop / web" in browser.text("#groups")
    assert "3 of 3 running" in browser.text("#groups")
    assert "i-bp105" in browser.text("#free")
    assert browser.text("#orders") == ""

    scale_out(edas, "ecu-5")

    browser.wait("the order", lambda: "scale out: shop / web" in browser.text("#orders"))
    browser.wait("the member", lambda: "4 of 4 running" in browser.text("#groups"))
    assert "i-bp105" in browser.text("#orders")
    assert "ScaleOutApplication" in browser.text("#log")
    assert browser.console() == []


def test_the_buttons_break_things_and_mend_them(edas: Emulator, browser: Browser) -> None:
    """An agent stops and starts, a member is removed, and an order fails, each by a button."""
    browser.click("Stop agent: i-bp102")
    browser.wait("the dead agent", lambda: "agent off" in browser.text("#groups"))
    assert [each["online"] for each in edas.members("web", "shop")] == [True, False, True]
    browser.click("Start agent: i-bp102")
    browser.wait("that it is back", lambda: "agent off" not in browser.text("#groups"))
    browser.click("Remove: i-bp103")
    browser.wait("that it left", lambda: "2 of 2 running" in browser.text("#groups"))
    browser.click("Fail the next order")
    browser.wait("the rule", edas.rules)

    scale_out(edas, "ecu-6")

    browser.wait("the failed order", lambda: "failed (3)" in browser.text("#orders"))
    browser.wait("that the rule is spent", lambda: "spent" in browser.text("#rules"))
    browser.click("Delete all rules")
    browser.wait("no rule", lambda: not edas.rules())
    assert browser.console() == []


def test_a_held_order_is_confirmed_with_a_button(edas: Emulator, browser: Browser) -> None:
    """A button holds the next order, one on the order confirms it."""
    browser.click("Hold the next order")
    browser.wait("the rule", edas.rules)
    scale_out(edas, "ecu-5", "group-canary")
    browser.wait("the held order", lambda: "held (8)" in browser.text("#orders"))
    [order] = edas.orders("shop")

    browser.click(f"Confirm: {order['id']}")

    browser.wait("its success", lambda: "success (2)" in browser.text("#orders"))


def test_the_page_fits_a_phone(edas: Emulator) -> None:
    """Nothing is wider than the screen of a phone, and the buttons are large enough for a thumb."""
    with Browser(500, 900) as browser:
        browser.show_as_phone(390, 844)
        browser.open(edas.url)
        browser.wait("that it is live", lambda: browser.text("#link") == "live")
        width = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.script(width) <= 0
        lowest = "return Math.min(...[...document.querySelectorAll('button')].map((b) => b.offsetHeight))"
        assert browser.script(lowest) >= 40
        assert browser.console() == []


def test_the_picture_of_the_documentation(edas: Emulator) -> None:
    """A member that lost its agent, an order that failed with its cause and one that is held, in one picture."""
    edas.rule(effect="order", instance="i-bp105", error="EDAS-10001")
    scale_out(edas, "ecu-5")
    edas.rule(effect="order", held=True)
    scale_out(edas, "ecu-6", "group-canary")
    edas.action("offline", instance="i-bp102")

    with Browser(1180, 1500) as browser:
        browser.open(edas.url)
        browser.wait("all of it", lambda: "held (8)" in browser.text("#orders"))
        browser.wait("the dead agent", lambda: "agent off" in browser.text("#groups"))
        browser.wait("the cause", lambda: "EDAS-10001" in browser.text("#orders"))
        browser.screenshot(PICTURE)

    assert PICTURE.read_bytes().startswith(b"\x89PNG")
