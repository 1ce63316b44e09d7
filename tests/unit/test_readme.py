"""The documents say what the code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_tables_of_the_documents_are_those_of_the_code() -> None:
    """Inputs, outputs, settings, statuses and measurements are made from the code and the result, and up to date."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    schema = json.loads((ROOT / "schema.json").read_text("utf-8"))
    texts = [(ROOT / name).read_text("utf-8") for name in tables.DOCUMENTS]
    for table in tables.TABLES:
        assert any(f"<!-- {table} -->" in text for text in texts)
    for text in texts:
        assert tables.fill(text, schema) == text
