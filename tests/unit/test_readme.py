"""The documents say what the code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_tables_of_the_documents_are_those_of_the_code() -> None:
    """Inputs, outputs, settings and statuses in the README are made from the code, and up to date."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
    for name in tables.DOCUMENTS:
        text = (ROOT / name).read_text("utf-8")
        assert all(f"<!-- {table} -->" in text for table in tables.TABLES)
        assert tables.fill(text, schema) == text
