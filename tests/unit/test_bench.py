"""The benchmark's judgement and its picture; what it measures is nobody's business here."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tools import bench
from tools.benchmarks.estates import Estate, nothing_state
from tools.benchmarks.plot import draw
from tools.benchmarks.results import (
    CALLS,
    RATIO,
    SECONDS,
    VIRTUAL_SECONDS,
    Figure,
    Result,
    compare,
    parse_result,
    ratio,
    render_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ABOUT = {
    "cores": 2,
    "memoryGiB": 24,
    "python": "3.11.0",
    "sections": {"provider": {"date": "2026-01-01"}, "start": {"date": "2026-01-02"}},
}


def figure(*values: float, unit: str = RATIO, case: str = "create", limit: float | None = None) -> Figure:
    """Return a figure of one section."""
    return Figure("provider", case, "time", unit, values, limit)


def result(*figures: Figure) -> Result:
    """Return a run."""
    return Result(dict(ABOUT), list(figures))


def test_worse_ratio_is_reported() -> None:
    """A ratio whose median rose by more than a quarter, with no run as good as before, became worse."""
    [worse] = compare(result(figure(1.6, 1.7, 1.8)), result(figure(1.0, 1.1, 1.2)))
    assert str(worse) == "provider, create, time: 1.70 (1.60 to 1.80), was 1.10 (1.00 to 1.20)"


def test_virtual_time_is_compared() -> None:
    """Seconds that were simulated are the same on every machine, so more of them is news; real seconds are not."""
    [worse] = compare(result(figure(2.0, unit=VIRTUAL_SECONDS)), result(figure(1.0, unit=VIRTUAL_SECONDS)))
    assert str(worse) == "provider, create, time: 2.00 virtual s (), was 1.00 virtual s ()"
    assert compare(result(figure(2.0, unit=SECONDS)), result(figure(1.0, unit=SECONDS))) == []


@pytest.mark.parametrize(
    "now",
    [
        pytest.param((1.2, 1.3, 1.35), id="within the tolerance"),
        pytest.param((1.1, 1.7, 1.8), id="one run was as good as before"),
        pytest.param((0.5, 0.5, 0.6), id="better"),
    ],
)
def test_noise_is_not_reported(now: tuple[float, ...]) -> None:
    """What one run differs from another is no change for the worse."""
    assert compare(result(figure(*now)), result(figure(1.0, 1.1, 1.2))) == []


def test_seconds_are_never_compared() -> None:
    """A slower machine does not make the package worse."""
    assert compare(result(figure(100, unit=SECONDS)), result(figure(1, unit=SECONDS))) == []


@pytest.mark.parametrize(
    ("before", "now", "worse"), [(1, 2, False), (1, 3, True), (100, 105, False), (100, 106, True)]
)
def test_calls_are_compared_closely(before: float, now: float, worse: bool) -> None:  # noqa: FBT001
    """One call more is the rhythm of the polls; more than that, and than a twentieth, is worse."""
    found = compare(result(figure(now, unit=CALLS)), result(figure(before, unit=CALLS)))
    assert bool(found) is worse


def test_unknown_figures_are_passed_over() -> None:
    """A figure that the earlier result does not have cannot have become worse."""
    assert compare(result(figure(9, case="new")), result(figure(1, case="old"))) == []


def test_ratio_divides_by_the_median() -> None:
    """One slow run of the other side does not make ours look good."""
    assert ratio("s", "c", "w", ([2.0, 4.0], [1.0, 2.0, 100.0])).values == (1.0, 2.0)


def test_result_survives_storing() -> None:
    """What is stored is what is read, as far as it is compared."""
    stored = json.loads(json.dumps(result(figure(1.0, 2.0, limit=3.0)).to_json()))
    assert parse_result(stored) == result(figure(1.0, 2.0, limit=3.0))


def test_a_section_is_replaced_as_a_whole() -> None:
    """What is measured again goes with all that was said of it, and nothing else does."""
    known = result(figure(1.0), figure(2.0, case="gone"), Figure("start", "plugin", "time", RATIO, (2.0,)))
    known.replace_section("provider", {"date": "2026-02-01"}, [figure(3.0)])
    assert [(each.section, each.median) for each in known.figures] == [("start", 2.0), ("provider", 3.0)]
    assert known.about["sections"] == {"provider": {"date": "2026-02-01"}, "start": {"date": "2026-01-02"}}


def interrupted(_sizes: object) -> Iterator[Figure]:
    """Measure one figure, and be broken off."""
    yield Figure("start", "plugin", "time", RATIO, (9.0,))
    raise KeyboardInterrupt


def broken(_sizes: object) -> Iterator[Figure]:
    """Measure one figure, and fail."""
    yield Figure("start", "plugin", "time", RATIO, (9.0,))
    raise OSError("no such thing")


def measured(path: Path) -> dict[str, float]:
    """Return the medians of a stored result by section."""
    return {each.section: each.median for each in parse_result(json.loads(path.read_text())).figures}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Give the file of a result of two sections."""
    path = tmp_path / "bench.json"
    known = result(figure(1.0), Figure("start", "plugin", "time", RATIO, (2.0,)))
    path.write_text(json.dumps(known.to_json()))
    return path


def test_a_run_that_is_broken_off_keeps_the_old_figures(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --keep, a section has its old figures until it is measured to its end; those before it have the new ones."""
    monkeypatch.setitem(bench.WITHOUT_ENGINE, "provider", lambda _: iter([figure(3.0)]))
    monkeypatch.setitem(bench.WITHOUT_ENGINE, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.main(["--keep", "--only", "provider,start", "--output", str(stored)])
    assert measured(stored) == {"provider": 3.0, "start": 2.0}


def test_a_section_that_fails_keeps_no_other_from_being_measured(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours of measurements are not lost with one that fails, which is named and keeps its old figures."""
    monkeypatch.setitem(bench.WITHOUT_ENGINE, "start", broken)
    monkeypatch.setitem(bench.WITHOUT_ENGINE, "provider", lambda _: iter([figure(3.0)]))
    assert bench.main(["--keep", "--only", "start,provider", "--output", str(stored)]) == 2
    assert measured(stored) == {"provider": 3.0, "start": 2.0}
    assert capsys.readouterr().err.endswith("bench: not measured: start\n")


def test_other_formats_are_refused() -> None:
    """A result of another version of the benchmark is not compared."""
    with pytest.raises(ValueError, match="format 0, not 1"):
        parse_result({"format": 0})


def test_figure_needs_a_value() -> None:
    """What was not measured is an error, never a zero."""
    with pytest.raises(ValueError, match="nothing was measured"):
        figure()


def test_table_says_what_was_missed() -> None:
    """The median is judged, and a missed limit cannot be overlooked."""
    table = render_table([figure(1.0, 9.0, 9.0, limit=2.0), figure(1.0, limit=2.0)])
    [missed, kept] = table.splitlines()[2:]
    assert "**missed**" in missed
    assert "kept" in kept


def test_plot_is_valid_and_escaped() -> None:
    """The picture is XML whatever a case is called, and shows only what has a limit."""
    picture = draw(result(figure(1.0, limit=2.0, case="a < b"), figure(1.0, case="free")))
    texts = [each.text or "" for each in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    assert any("a < b" in text for text in texts)
    assert not any("free" in text for text in texts)


def test_estate_state_is_that_of_its_world() -> None:
    """Each resource of a multiplied state names the ids of its own group, and no id stands twice."""
    one = {
        "type": "pulumi-python:dynamic/edas-scale:DeployGroupMembership",
        "urn": "urn::group-00000",
        "outputs": {"appId": "app-00000", "members": [{"ecuId": "ecu-00000", "ip": "10.1.0.10"}]},
    }
    checkpoint = {"checkpoint": {"latest": {"resources": [{"type": "pulumi:pulumi:Stack"}, one]}}}
    estate = Estate(3, 2)
    _, *many = estate.state(checkpoint)["checkpoint"]["latest"]["resources"]
    machines = estate.world()["clusters"][0]["ecus"]
    assert [each["outputs"]["appId"] for each in many] == ["app-00000", "app-00001", "app-00000"]
    assert [each["outputs"]["members"][0] for each in many] == [
        {"ecuId": each["ecuId"], "ip": each["ip"]} for each in machines
    ]
    assert len({each["urn"] for each in many}) == len(many)


def test_nothing_state_numbers_its_resources() -> None:
    """The resources to compare with are as many, each with a name of its own."""
    one = {"type": "pulumi-python:dynamic/bench:Nothing", "urn": "urn::nothing-00000"}
    checkpoint = {"checkpoint": {"latest": {"resources": [one]}}}
    made = nothing_state(checkpoint, 2)["checkpoint"]["latest"]["resources"]
    assert [each["urn"] for each in made] == ["urn::nothing-00000", "urn::nothing-00001"]
