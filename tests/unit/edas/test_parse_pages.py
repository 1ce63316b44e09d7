"""What is read from EDAS's answers, and what is said of broken ones, each as one text.

The law of this file: a text changes only together with its golden page, so that whoever changes how an answer is read,
or a word about one that is not understood, sees every place that changes with it.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.errors import NotUnderstoodError
from pulumi_edas_scale.edas import parse as answers
from tests.golden import golden
from tests.unit.edas.test_parse import PARSERS, places_of, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOLDEN: Final = Path(__file__).parent / "golden" / "parsed.txt"
SAMPLES: Final = Path(__file__).parents[2] / "contract" / "samples"
READERS: Final[dict[str, Callable[[object], object]]] = {
    "GetChangeOrderInfo.failed": lambda body: answers.parse_order_report(body, _first(body, "ChangeOrderId")),
    "GetChangeOrderInfo.success": lambda body: answers.parse_order_report(
        body, _first(body, "ChangeOrderId")
    ),
    "ListApplication": answers.parse_applications,
    "ListClusterMembers": answers.parse_cluster_members,
    "ListRecentChangeOrder": answers.parse_change_orders,
    "ListScaleOutEcu": answers.parse_machines,
    "QueryApplicationStatus": lambda body: answers.parse_application(
        body, _first(body, "ApplicationId", "AppId")
    ),
    "QueryApplicationStatus.empty": lambda body: answers.parse_application(
        body, _first(body, "ApplicationId", "AppId")
    ),
    "ScaleInApplication": lambda body: answers.parse_order_id("ScaleInApplication", body),
    "ScaleOutApplication": lambda body: answers.parse_order_id("ScaleOutApplication", body),
}


def _first(body: object, *keys: str) -> str:
    """Return the first value under one of the keys, however deep."""
    if isinstance(body, dict):
        for key in keys:
            if isinstance(body.get(key), str):
                return str(body[key])
    inner = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return next((found for each in inner if (found := _first(each, *keys))), "")


def shown(value: object) -> str:
    """Return a value of the domain as JSON, whose sets are lists in order."""

    def plain(inner: Any) -> object:  # noqa: ANN401 - what JSON does not know
        return asdict(inner) if is_dataclass(inner) and not isinstance(inner, type) else sorted(inner)

    return json.dumps(value, default=plain, indent=1, ensure_ascii=False)


def removed(value: Any, path: tuple[object, ...]) -> object:  # noqa: ANN401 - any JSON
    """Return a copy of a JSON value without one place."""
    result = copy.copy(value)
    if len(path) == 1:
        del result[path[0]]
    else:
        result[path[0]] = removed(value[path[0]], path[1:])
    return result


def sections() -> Iterator[str]:
    """Yield what is read from each sample, and of each broken answer what is said."""
    for name, read in READERS.items():
        body = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
        yield f"== {name}\n{shown(read(body))}\n"
    for name, (read, body) in PARSERS.items():
        usual = read(body)
        yield f"== {name}, as the tests have it\n{shown(usual)}\n"
        lines = [f"== {name}, broken"]
        for path in places_of(body):
            wrong: list[tuple[str, object]] = [
                ("7", replaced(body, path, 7)),
                ("[7]", replaced(body, path, [7])),
                ("''", replaced(body, path, "")),
                ("null", replaced(body, path, None)),
                ("'odd, id'", replaced(body, path, "odd, id")),
            ]
            if path:
                wrong.append(("nothing", removed(body, path)))
            place = ".".join(str(each) for each in path) or "the body"
            for what, broken in wrong:
                try:
                    found = read(broken)
                    said = "as before" if found == usual else "read otherwise"
                except NotUnderstoodError as error:
                    words = str(error).partition(". The shape of this answer")[0]
                    said = f"{type(error).__name__}: {words}"
                lines.append(f"{place} is {what}: {said}")
        yield "\n".join([*lines, ""])


def test_every_answer_is_read_as_its_page_shows() -> None:
    """UPDATE_GOLDEN=1 writes the page."""
    page = "\n".join(sections())
    assert page == golden(GOLDEN, page)
