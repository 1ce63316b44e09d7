from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.operations.ownership import QUIET_SECONDS, Claim, Claims
from tests.unit.readings import SCOPE

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.model import Scope

GREEN = replace(SCOPE, group_id="group-2")
RED = replace(SCOPE, group_id="group-3")


def claim(urn: str, ids: str, was: str = "", scope: Scope = SCOPE) -> Claim:
    """Return a claim of the ids, which are words in a text, by a resource that listed others before."""
    return Claim(urn, scope, frozenset(ids.split()), frozenset(was.split()))


def recorded(*claims: Claim) -> Claims:
    """Return the claims of a process in which all of these were recorded."""
    found = Claims()
    for each in claims:
        found.record(each)
    return found


def test_what_a_claim_adds_and_gives_up() -> None:
    """A claim adds what is new in its list and gives up what is no longer in it."""
    changed = claim("one", "i-a i-b", was="i-b i-c")
    assert changed.joining == {"i-a"}
    assert changed.released == {"i-c"}


def test_an_incomplete_claim_gives_up_nothing() -> None:
    """While not every listed id is known, what seems missing may be listed after all."""
    assert replace(claim("one", "i-a", was="i-b"), complete=False).released == frozenset()


def test_it_is_quiet_when_nobody_asked() -> None:
    """Without any question of the engine nothing has to be waited for."""
    assert Claims().quiet_in(0.0) == 0.0


def test_questions_keep_it_from_being_quiet() -> None:
    """While the engine asks it is not quiet, however long; a short while after its last answer it is."""
    claims = Claims()
    claims.question_begins()
    claims.question_begins()
    claims.question_ends(1.0)
    assert claims.quiet_in(100.0) == QUIET_SECONDS
    claims.question_ends(100.0)
    assert claims.quiet_in(100.0) == QUIET_SECONDS
    assert claims.quiet_in(100.1) == pytest.approx(QUIET_SECONDS - 0.1)
    assert claims.quiet_in(101.0) == 0.0


def test_ids_of_a_group() -> None:
    """The ids claimed for a group are those of all its memberships, or of all besides one."""
    claims = recorded(claim("one", "i-a"), claim("two", "i-b ecu-c"), claim("three", "i-d", scope=GREEN))
    assert claims.ids(SCOPE, besides=None) == {"i-a", "i-b", "ecu-c"}
    assert claims.ids(SCOPE, besides="one") == {"i-b", "ecu-c"}
    assert claims.ids(RED, besides=None) == frozenset()


def test_a_later_check_takes_the_place_of_the_first() -> None:
    """Only the last claim of a resource counts."""
    claims = recorded(claim("one", "i-a"), claim("one", "i-b"))
    assert claims.ids(SCOPE, besides=None) == {"i-b"}


def test_another_run_begins_without_claims() -> None:
    """Forgetting drops every claim."""
    claims = recorded(claim("one", "i-a"))
    claims.clear()
    assert claims.ids(SCOPE, besides=None) == frozenset()


def test_one_id_in_two_memberships() -> None:
    """An id that two memberships of a group list is refused, and both are named."""
    claims = recorded(claim("one", "i-a i-b i-c"))
    assert claims.conflict(claim("two", "i-c i-b i-d")) == (
        "i-b, i-c of deploy group group-1 is also listed by one. A member belongs to one membership: remove it "
        "from one of the two."
    )


def test_no_conflict_with_itself() -> None:
    """A resource that is checked again does not stand in its own way, not even when it is exclusive."""
    mine = replace(claim("one", "i-a"), exclusive=True)
    assert recorded(mine).conflict(mine) is None


def test_neighbours_are_no_conflict() -> None:
    """Memberships that share a group and no id stand side by side, and groups do not concern each other."""
    claims = recorded(claim("one", "i-a"), claim("two", "i-b", scope=GREEN))
    assert claims.conflict(claim("three", "i-b")) is None


@pytest.mark.parametrize("first", [True, False], ids=["known", "new"])
def test_exclusive_beside_another(*, first: bool) -> None:
    """An exclusive membership beside another of its group is refused, whichever of the two is checked first."""
    greedy, modest = replace(claim("greedy", "i-a"), exclusive=True), claim("modest", "i-b")
    known, new = (greedy, modest) if first else (modest, greedy)
    assert recorded(known).conflict(new) == (
        "greedy is exclusive, so deploy group group-1 must hold exactly its list, but modest manages members of the "
        "same group. Set exclusive to false, or merge the two lists."
    )


def test_an_instance_may_move() -> None:
    """One membership may give up what another group's takes: it waits for it."""
    claims = recorded(claim("one", "i-a", was="i-a i-b"))
    assert claims.conflict(claim("two", "i-b i-c", was="i-c", scope=GREEN)) is None


def test_an_exchange_of_two() -> None:
    """Two memberships that exchange instances of one application are refused by name, with the recipe."""
    claims = recorded(claim("one", "i-b", was="i-a"))
    assert claims.conflict(claim("two", "i-a", was="i-b", scope=GREEN)) == (
        "one, two exchange instances (i-a, i-b) between groups of application app-1; each must scale out before it "
        "scales in, so none can begin. Do it in two runs of 'pulumi up': first remove the instances from their old "
        "lists, then add them to the new ones."
    )


def test_an_exchange_of_three() -> None:
    """A circle of three is refused like one of two, and a membership outside of it is not named."""
    claims = recorded(
        claim("one", "i-b", was="i-a"),
        claim("two", "i-c", was="i-b", scope=GREEN),
        claim("aside", "i-b", was="i-x", scope=replace(SCOPE, group_id="group-4")),
    )
    words = claims.conflict(claim("three", "i-a", was="i-c", scope=RED))
    assert words is not None
    assert words.startswith("one, three, two exchange instances (i-a, i-c) between groups")


def test_an_exchange_is_told_to_who_waits_already() -> None:
    """The membership that was checked first learns that it waits in vain, until it is checked again."""
    claims = recorded(claim("one", "i-b", was="i-a"))
    words = claims.conflict(claim("two", "i-a", was="i-b", scope=GREEN))
    assert claims.exchange("one") == words
    assert claims.exchange("aside") is None
    claims.record(claim("one", "i-a", was="i-a"))
    assert claims.exchange("one") is None


def test_a_chain_is_no_circle() -> None:
    """A chain of memberships that wait for each other ends somewhere, and nobody stands in the way."""
    claims = recorded(
        claim("one", "i-a i-b", was="i-a"),
        claim("two", "i-c", was="i-b", scope=GREEN),
    )
    assert claims.conflict(claim("three", "", was="i-c", scope=RED)) is None


def test_a_dead_end_is_no_circle() -> None:
    """A way that leads from the new claim to others, and not back, is no exchange."""
    claims = recorded(
        claim("one", "i-b", was="i-a"),
        claim("two", "i-c", was="i-b", scope=GREEN),
    )
    assert claims.conflict(claim("three", "i-a", was="i-z", scope=RED)) is None


@pytest.mark.parametrize(
    "other", [replace(GREEN, app_id="app-2"), replace(GREEN, region_id="cn-beijing"), SCOPE]
)
def test_an_exchange_needs_one_application(other: Scope) -> None:
    """Only two groups of one application in one region can exchange instances."""
    claims = recorded(claim("one", "i-b", was="i-a"))
    assert claims.conflict(claim("two", "i-a", was="i-b", scope=other)) is None


def test_a_released_id_is_known() -> None:
    """What a membership of another group gives up is known, in the spelling of its list only."""
    claims = recorded(claim("one", "i-a", was="i-a i-b", scope=GREEN))
    assert claims.releases(SCOPE, "group-2", "i-b")
    assert not claims.releases(SCOPE, "group-2", "ecu-b")
    assert not claims.releases(SCOPE, "group-2", "i-a")
    assert not claims.releases(SCOPE, "group-3", "i-b")


def test_a_replacement_releases_what_it_leaves() -> None:
    """A resource that moves to another group gives up what it listed in the one it leaves."""
    moved = replace(claim("one", "i-a", scope=RED), left=(GREEN, frozenset({"i-b"})))
    claims = recorded(moved)
    assert claims.releases(SCOPE, "group-2", "i-b")
    assert not claims.releases(SCOPE, "group-2", "i-a")
    assert not claims.releases(SCOPE, "group-3", "i-b")


def test_the_second_check_of_a_replacement_keeps_what_it_leaves() -> None:
    """A replacement is checked twice, the second time with nothing recorded: what it leaves is remembered."""
    moved = replace(claim("one", "i-a", scope=RED), left=(GREEN, frozenset({"i-b"})))
    assert recorded(moved, claim("one", "i-a", scope=RED)).releases(SCOPE, "group-2", "i-b")


def test_another_change_of_mind_forgets_what_was_left() -> None:
    """A resource that is checked for another group than before no longer leaves what it left then."""
    moved = replace(claim("one", "i-a", scope=RED), left=(GREEN, frozenset({"i-b"})))
    assert not recorded(moved, claim("one", "i-a", scope=SCOPE)).releases(SCOPE, "group-2", "i-b")
