from __future__ import annotations

import pytest

from pulumi_edas_scale.domain.orders import (
    AGREEING_LOOKS,
    AGREEING_SECONDS,
    STATUSES,
    Confirmation,
    OrderType,
    Phase,
    describe_status,
    is_active,
    phase_of,
    type_of,
)

BAD_ENDS = sorted(number for number in STATUSES if phase_of(number) is Phase.ENDED_BADLY)
GOING_ON = sorted(number for number in STATUSES if is_active(number))


def test_the_documented_numbers() -> None:
    """Every documented status has its word and asks the one who waits for the right thing."""
    assert {number: (describe_status(number), phase_of(number)) for number in STATUSES} == {
        0: ("ready (0)", Phase.ACTIVE),
        1: ("running (1)", Phase.ACTIVE),
        2: ("success (2)", Phase.SUCCEEDED),
        3: ("failed (3)", Phase.ENDED_BADLY),
        6: ("aborted (6)", Phase.ENDED_BADLY),
        7: ("partial (7)", Phase.ENDED_BADLY),
        8: ("held (8)", Phase.HELD),
        9: ("batch wait (9)", Phase.ACTIVE),
        10: ("system failure (10)", Phase.ENDED_BADLY),
    }


def test_what_occupies_an_application() -> None:
    """Orders that are ready, running, held or between batches occupy their application; no others do."""
    assert GOING_ON == [0, 1, 8, 9]


@pytest.mark.parametrize("status", [-1, 4, 5, 11, 99])
def test_an_unknown_number_is_never_guessed(status: int) -> None:
    """A number that is not documented is neither active nor an end, and its description says so."""
    assert phase_of(status) is Phase.UNKNOWN
    assert not is_active(status)
    assert describe_status(status) == f"of unknown state ({status})"


@pytest.mark.parametrize("status", BAD_ENDS)
def test_a_bad_end_is_believed_after_three_looks_over_fifteen_seconds(status: int) -> None:
    """A bad end is believed once three looks agree and the first of them is fifteen seconds old."""
    confirmation = Confirmation().after(status, 100.0).after(status, 107.5)
    assert not confirmation.confirmed(115.0)
    confirmation = confirmation.after(status, 115.0)
    assert not confirmation.confirmed(114.9)
    assert confirmation.confirmed(115.0)


def test_many_quick_looks_are_not_enough() -> None:
    """Any number of looks within fifteen seconds sees the same moment and settles nothing."""
    confirmation = Confirmation()
    for tenth in range(100):
        confirmation = confirmation.after(3, tenth / 10)
    assert not confirmation.confirmed(9.9)


def test_time_alone_is_not_enough() -> None:
    """Two looks an hour apart settle nothing."""
    assert not Confirmation().after(3, 0.0).after(3, 3600.0).confirmed(3600.0)


def test_nothing_is_believed_without_a_look() -> None:
    """Before any look nothing is sure, and the next one may come at once."""
    assert not Confirmation().confirmed(1000.0)
    assert Confirmation().next_poll(1000.0) == 1000.0


@pytest.mark.parametrize("status", [*GOING_ON, 2, 99])
def test_a_retry_of_edas_takes_the_doubt_away(status: int) -> None:
    """When the order is seen going on, or well, the count of agreeing looks begins again."""
    assert Confirmation().after(3, 0.0).after(3, 8.0).after(status, 15.0) == Confirmation()


def test_different_bad_ends_agree() -> None:
    """A bad end that changes its number is still a bad end."""
    assert Confirmation().after(3, 0.0).after(10, 8.0).after(7, 15.0).confirmed(15.0)


def test_looks_are_spread_over_the_time_of_doubt() -> None:
    """The looks that are missing are spread evenly over what is left of the fifteen seconds."""
    confirmation = Confirmation().after(3, 100.0)
    assert confirmation.next_poll(100.0) == 107.5
    confirmation = confirmation.after(3, 107.5)
    assert confirmation.next_poll(107.5) == 115.0
    assert confirmation.after(3, 115.0).next_poll(116.0) == 116.0


def test_following_the_proposed_looks_settles_it() -> None:
    """Who always looks when proposed is sure with the fewest looks and in the shortest time that can convince."""
    now, looks, confirmation = 50.0, 0, Confirmation()
    while not confirmation.confirmed(now):
        now = confirmation.next_poll(now)
        confirmation, looks = confirmation.after(6, now), looks + 1
    assert (now, looks) == (50.0 + AGREEING_SECONDS, AGREEING_LOOKS)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Application Scale Out", OrderType.SCALE_OUT),
        ("SCALE-IN", OrderType.SCALE_IN),
        ("scale_out", OrderType.SCALE_OUT),
        ("Roll-Back", OrderType.OTHER),
        ("\u5e94\u7528\u6269\u5bb9", OrderType.SCALE_OUT),
        ("something new", OrderType.UNKNOWN),
        ("", OrderType.UNKNOWN),
    ],
)
def test_the_type_of_an_order_is_read_in_every_spelling(text: str, kind: OrderType) -> None:
    """What is not understood is not known, and proves nothing."""
    assert type_of(text) is kind
