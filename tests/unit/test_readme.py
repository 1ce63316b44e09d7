"""The documents say what the code says."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_tables_of_the_documents_are_those_of_the_code() -> None:
    """What stands between two markers is made from the code and the result, and up to date.

    But for the table of scenarios: each new test changes it, so it is made again before a release.
    """
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
    texts = [(ROOT / name).read_text("utf-8") for name in tables.DOCUMENTS]
    for table in tables.TABLES:
        assert any(f"<!-- {table} -->" in text for text in texts)
    for name, text in zip(tables.DOCUMENTS, texts, strict=True):
        if name == "docs/conformance.md":
            continue
        assert tables.fill(text, schema) == text


def test_links_of_the_readme_work_where_it_is_shown() -> None:
    """Package indexes show the README too, so its links are absolute; what they name in this repository is there."""
    readme = (ROOT / "README.md").read_text("utf-8")
    headings = {
        re.sub(r"\W+", "-", each.lower()).strip("-") for each in re.findall(r"^#+ (.*)", readme, re.MULTILINE)
    }
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings, link
            continue
        assert link.startswith("https://"), link
        own = re.search(r"/pulumi-edas-scale/(?:blob/)?main/([^#]+)", link)
        if own is not None:
            assert (ROOT / own[1]).exists(), link
