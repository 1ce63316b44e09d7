"""When a failure of a reading is believed (law 15)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.domain.errors import BusinessError, EdasError, NotUnderstoodError, UnavailableError
from pulumi_edas_scale.edas.doubts import AGREED, FORGOTTEN_SECONDS, Trouble

REFUSED = BusinessError("QueryApplicationStatus", "601", "not exist")
ODD = NotUnderstoodError("QueryApplicationStatus", "500", "?")
LOST = UnavailableError("QueryApplicationStatus", message="connection reset")


def trouble(*failures: tuple[EdasError, float]) -> Trouble:
    """Return the trouble after failures at their moments."""
    (error, now), *rest = failures
    found = Trouble.beginning(error, now)
    for error, now in rest:
        found = found.after(error, now)
    return found


def believed(*failures: tuple[EdasError, float]) -> bool:
    """Return whether the last failure is believed at its moment."""
    doubt = trouble(*failures).doubt
    return doubt is not None and doubt.believed(AGREED, failures[-1][1])


def test_three_looks_over_fifteen_seconds() -> None:
    """A refusal is believed after three looks that span fifteen seconds, and no earlier."""
    assert not believed((REFUSED, 0), (REFUSED, 15))
    assert not believed((REFUSED, 0), (REFUSED, 1), (REFUSED, 14.9))
    assert believed((REFUSED, 0), (REFUSED, 1), (REFUSED, 15))


def test_an_outage_between_two_refusals() -> None:
    """What is unavailable says nothing: it is never believed, and takes no refusal back."""
    assert believed((REFUSED, 0), (LOST, 5), (REFUSED, 10), (REFUSED, 15))
    assert not believed((LOST, 0), (LOST, 10), (LOST, 20))


def test_two_kinds_do_not_agree() -> None:
    """A refusal and an answer that is not understood are two different things to believe."""
    assert not believed((REFUSED, 0), (ODD, 8), (REFUSED, 15))
    assert believed((ODD, 0), (REFUSED, 5), (ODD, 8), (ODD, 15))


def test_an_old_failure_is_forgotten() -> None:
    """A failure of more than a minute ago is no witness."""
    late = FORGOTTEN_SECONDS + 1
    found = trouble((REFUSED, 0), (REFUSED, 15), (REFUSED, 15 + late))
    assert (found.since, found.tries) == (15 + late, 1)
    found = trouble((REFUSED, 0), (REFUSED, 15), (REFUSED, 15 + FORGOTTEN_SECONDS))
    assert (found.since, found.tries) == (0, 3)


@given(st.lists(st.tuples(st.sampled_from([REFUSED, ODD, LOST]), st.floats(0, 50)), min_size=1, max_size=12))
def test_what_is_believed_was_seen_often_enough(failures: list[tuple[EdasError, float]]) -> None:
    """Whatever fails in whatever order: the believed kind was seen three times, over fifteen seconds."""
    history, now = [], 0.0
    for error, pause in failures:
        now += pause
        history.append((error, now))
    if believed(*history):
        same = [at for error, at in history if error is history[-1][0]]
        assert len(same) >= 3
        assert same[-1] - same[0] >= 15
