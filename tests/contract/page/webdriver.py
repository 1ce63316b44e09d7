"""A headless Chromium, driven by the W3C WebDriver protocol over plain HTTP.

This file's law: what six commands need, and no dependency. Chromium and its driver are those of the system
(Debian: chromium, chromium-driver); nothing is downloaded.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

ANSWER_TIMEOUT = 60.0
"""Seconds for one command; a Chromium that starts on a busy machine takes some."""

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which the protocol names an element."""


class Browser:
    """A browser with one window.

    Args:
        width: of the window, in CSS pixels.
        height: likewise.
    """

    def __init__(self, width: int, height: int) -> None:
        driver = shutil.which("chromedriver")
        if driver is None:
            raise FileNotFoundError("no chromedriver on PATH: apt-get install chromium chromium-driver")
        self._driver = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        self._port = self._read_port()
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}"]
        wanted = {
            "alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}},
        }
        self._session = "/session/" + self._call("POST", "/session", {"capabilities": wanted})["sessionId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.communicate()

    def show_as_phone(self, width: int, height: int) -> None:
        """Show pages as a phone of that size does; a headless Chromium has no window that narrow."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": screen}
        self._call("POST", f"{self._session}/goog/cdp/execute", command)

    def open(self, url: str) -> None:
        """Go to a page."""
        self._call("POST", f"{self._session}/url", {"url": url})

    def script(self, source: str, *arguments: object) -> Any:  # noqa: ANN401  # any JSON
        """Run a script in the page and return what it returns."""
        return self._call(
            "POST", f"{self._session}/execute/sync", {"script": source, "args": list(arguments)}
        )

    def text(self, selector: str) -> str:
        """Return the text that a person sees in an element."""
        return str(self._call("GET", f"{self._session}/element/{self._find('css selector', selector)}/text"))

    def click(self, label: str) -> None:
        """Click the button that a screen reader would read out as ``label``."""
        path = (
            f"//button[@aria-label={json.dumps(label)} or (not(@aria-label) and text()={json.dumps(label)})]"
        )
        self._call("POST", f"{self._session}/element/{self._find('xpath', path)}/click", {})

    def screenshot(self, file: Path) -> None:
        """Write what the window shows as a PNG."""
        file.write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def wait(self, what: str, condition: Callable[[], object], timeout: float = 20.0) -> None:
        """Wait until a condition holds.

        Raises:
            AssertionError: it did not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"the page never showed {what}"
            time.sleep(0.05)

    def console(self) -> list[str]:
        """Return what the page complained about."""
        found = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in found if entry["level"] == "SEVERE"]

    def _find(self, using: str, value: str) -> str:
        found = self._call("POST", f"{self._session}/element", {"using": using, "value": value})
        return str(found[ELEMENT])

    def _read_port(self) -> int:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            told = re.search(r"on port (\d+)\.", line)
            if told is not None:
                return int(told[1])
        raise RuntimeError("chromedriver ended before it said its port")

    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # any JSON
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_TIMEOUT)
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {"Content-Type": "application/json"},
            )
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value
