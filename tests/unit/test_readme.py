"""The documents say what the code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_tables_of_the_documents_are_those_of_the_code() -> None:
    """What stands between two markers is made from the code and the result, and up to date.

    But for the table of scenarios: each new test changes it, so it is made anew before a release.
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
