"""The site of `make docs` as a person sees it, in a real headless Chromium on a desk and on a phone.

The name keeps this file out of `make test`, as that of ``browser.py`` does.
"""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.page.webdriver import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = Path(__file__).parents[3] / "site"

TOO_WIDE = """
const width = document.documentElement.clientWidth;
const scrolls = (e) =>
  e.tagName !== 'ARTICLE' && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
return [...document.querySelectorAll('article *')]
  .filter((e) => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
  .map((e) => `${e.tagName} ${(e.textContent || '').slice(0, 60)}`)
  .concat(document.documentElement.scrollWidth > width ? ['the page itself'] : []);
"""
"""What sticks out of the screen without a box of its own that scrolls."""

BROKEN = """
const broken = [];
const texts = document.createTreeWalker(document.querySelector('article'), NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const text = texts.currentNode;
  if (text.parentElement.closest('pre, svg, script, style, :not(td, th) > code')) continue;
  for (const word of text.data.matchAll(/[\\w.-]*\\w/g)) {
    if (word[0].includes('-')) continue; // a line may end behind a hyphen
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) broken.push(word[0]);
  }
}
return broken;
"""
"""Words that go on in another line, but for names of code in prose: some are longer than a line of a phone."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_its_screen(address: str, width: int) -> None:
    """Nothing sticks out, no word is broken, and nothing is asked for that is not there or elsewhere."""
    pages = sorted(SITE.glob("*.html"))
    assert len(pages) > 15
    with Browser(1280, 900) as browser:
        if width < 1000:
            browser.show_as_phone(width, 844)
        for page in pages:
            if page.name == "404.html":  # made for the address of the public site
                continue
            browser.open(f"{address}/{page.name}")
            assert browser.script(TOO_WIDE) == [], page.name
            assert browser.script(BROKEN) == [], page.name
            assert browser.console() == [], page.name
