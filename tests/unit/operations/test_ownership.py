from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.model import Floor
from pulumi_edas_scale.operations.claims import Claim, Conflict
from pulumi_edas_scale.operations.ownership import QUIET_SECONDS, MemoryLog, MemoryRun, Ownership
from tests.unit.readings import SCOPE, member

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.model import Scope

GREEN = replace(SCOPE, group_id="group-2")
RED = replace(SCOPE, group_id="group-3")


def claim(urn: str, ids: str, was: str = "", scope: Scope = SCOPE) -> Claim:
    """Return a claim of the ids, which are words in a text, by a resource that listed others before."""
    return Claim(urn, scope, frozenset(ids.split()), frozenset(was.split()))


def recorded(*claims: Claim) -> Ownership:
    """Return the claims of a process in which all of these were recorded."""
    found = Ownership()
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
    assert Ownership().quiet_in(0.0) == 0.0


def test_questions_keep_it_from_being_quiet() -> None:
    """While the engine asks it is not quiet, however long; a short while after its last answer it is."""
    known = Ownership()
    known.question_begins()
    known.question_begins()
    known.question_ends(1.0)
    assert known.quiet_in(100.0) == QUIET_SECONDS
    known.question_ends(100.0)
    assert known.quiet_in(100.0) == QUIET_SECONDS
    assert known.quiet_in(100.1) == pytest.approx(QUIET_SECONDS - 0.1)
    assert known.quiet_in(101.0) == 0.0


def test_ids_of_a_group() -> None:
    """The ids claimed for a group are those of all its memberships, or of all besides one."""
    known = recorded(claim("one", "i-a"), claim("two", "i-b ecu-c"), claim("three", "i-d", scope=GREEN))
    assert known.claims.protected(SCOPE, besides=None) == {"i-a", "i-b", "ecu-c"}
    assert known.claims.protected(SCOPE, besides="one") == {"i-b", "ecu-c"}
    assert known.claims.protected(RED, besides=None) == frozenset()


def test_strangers_are_those_that_no_other_membership_listed() -> None:
    """A foreign member is no stranger while another membership of the group lists it, or did until this run."""
    a, b, c, d, e = (member(each) for each in "abcde")
    known = recorded(
        claim("one", "i-a ecu-b", was="i-a i-c"),
        replace(claim("two", "i-z", scope=GREEN), left=(SCOPE, frozenset({"i-d"}))),
        claim("three", "i-e", scope=GREEN),
    )
    assert known.claims.strangers([a, b, c, d, e], SCOPE, besides="urn") == [e]
    assert known.claims.strangers([a, b, c, d, e], SCOPE, besides="one") == [a, b, c, e]
    assert known.claims.strangers([a], RED, besides="urn") == [a]


def test_a_later_check_takes_the_place_of_the_first() -> None:
    """Only the last claim of a resource counts."""
    known = recorded(claim("one", "i-a"), claim("one", "i-b"))
    assert known.claims.protected(SCOPE, besides=None) == {"i-b"}


def test_a_refused_membership_keeps_its_members() -> None:
    """What a refused resource lists is a member all the same, and the next one learns of it."""
    known = recorded(claim("one", "i-a"))
    assert known.record(claim("two", "i-a i-b")) is not None
    assert known.claims.protected(SCOPE, besides="one") == {"i-a", "i-b"}


def test_one_id_in_two_memberships() -> None:
    """An id that two memberships of a group list is refused, and both are named."""
    known = recorded(claim("one", "i-a i-b i-c"))
    assert known.record(claim("two", "i-c i-b i-d")) == Conflict(
        Message(
            "ES115",
            "i-b, i-c of deploy group group-1 is also listed by one. A member belongs to one membership: remove it "
            "from one of the two.",
        ),
        frozenset({"i-b", "i-c"}),
    )


def test_each_conflict_has_its_code() -> None:
    """Equal texts may have different codes, and it is the code that a person looks up."""
    known = recorded(claim("one", "i-a"))
    shared = known.record(claim("two", "i-a"))
    exclusive = known.record(replace(claim("three", "i-c"), exclusive=True))
    circle = recorded(claim("one", "i-b", was="i-a"))
    exchange = circle.record(claim("two", "i-a", was="i-b", scope=GREEN))
    codes = [each and each.message.code for each in (shared, exclusive, exchange)]
    assert codes == ["ES115", "ES116", "ES117"]


def test_no_conflict_with_itself() -> None:
    """A resource that is checked again does not stand in its own way, not even when it is exclusive."""
    mine = replace(claim("one", "i-a"), exclusive=True)
    assert recorded(mine).record(mine) is None


def test_neighbours_are_no_conflict() -> None:
    """Memberships that share a group and no id stand side by side, and so do those of two regions."""
    known = recorded(claim("one", "i-a"), claim("two", "i-b", scope=replace(GREEN, region_id="cn-shanghai")))
    assert known.record(claim("three", "i-b")) is None


@pytest.mark.parametrize("other", [GREEN, replace(SCOPE, app_id="app-2")], ids=["group", "application"])
def test_one_id_for_two_groups(other: Scope) -> None:
    """An instance is in one group at a time, so two memberships that list it are refused, wherever they are."""
    known = recorded(claim("one", "i-a i-b", scope=other))
    conflict = known.record(claim("two", "i-b i-c"))
    assert conflict is not None
    assert conflict.ids == {"i-b"}
    assert conflict.message == (
        f"i-b of deploy group group-1 is also listed by one, for deploy group {other.group_id} of application "
        f"{other.app_id}. A member belongs to one membership: remove it from one of the two."
    )
    # The first one gives it up: a hand-over, in whatever order the two are checked.
    known.record(claim("one", "i-a", was="i-a i-b", scope=other))
    assert known.record(claim("two", "i-b i-c")) is None


@pytest.mark.parametrize("first", [True, False], ids=["known", "new"])
def test_exclusive_beside_another(*, first: bool) -> None:
    """An exclusive membership beside another of its group is refused, whichever of the two is checked first."""
    greedy, modest = replace(claim("greedy", "i-a"), exclusive=True), claim("modest", "i-b")
    known, new = (greedy, modest) if first else (modest, greedy)
    assert recorded(known).record(new) == Conflict(
        Message(
            "ES116",
            "greedy is exclusive, so deploy group group-1 must hold exactly its list, but modest manages members "
            "of the same group. Set exclusive to false, or merge the two lists.",
        )
    )


def test_an_instance_may_move() -> None:
    """One membership may give up what another group's takes: it waits for it."""
    known = recorded(claim("one", "i-a", was="i-a i-b"))
    assert known.record(claim("two", "i-b i-c", was="i-c", scope=GREEN)) is None


def test_an_exchange_of_two() -> None:
    """Two memberships that exchange instances of one application are refused by name, with the recipe."""
    known = recorded(claim("one", "i-b", was="i-a"))
    assert known.record(claim("two", "i-a", was="i-b", scope=GREEN)) == Conflict(
        Message(
            "ES117",
            "one, two exchange instances (i-a, i-b) between groups of application app-1; each must scale out before it "
            "scales in, so none can begin. Do it in two runs of 'pulumi up': first remove the instances from their old "
            "lists, then add them to the new ones.",
        ),
        frozenset({"i-a", "i-b"}),
    )


def test_an_exchange_of_three() -> None:
    """A circle of three is refused like one of two, and a membership outside of it is not named."""
    known = recorded(
        claim("one", "i-b", was="i-a"),
        claim("two", "i-c", was="i-b", scope=GREEN),
        claim("aside", "i-b", was="i-x", scope=replace(SCOPE, group_id="group-4")),
    )
    words = known.record(claim("three", "i-a", was="i-c", scope=RED))
    assert words is not None
    assert words.message.startswith("one, three, two exchange instances (i-a, i-b, i-c) between groups")


def test_an_exchange_is_told_to_who_waits_already() -> None:
    """The membership that was checked first learns that it cannot begin, until it is checked again."""
    known = recorded(claim("one", "i-b", was="i-a"))
    words = known.record(claim("two", "i-a", was="i-b", scope=GREEN))
    assert known.claims.exchange("one") == words
    assert known.claims.exchange("aside") is None
    known.record(claim("one", "i-a", was="i-a"))
    assert known.claims.exchange("one") is None


def test_a_chain_is_no_circle() -> None:
    """A chain of memberships that wait for each other ends somewhere, and nobody stands in the way."""
    known = recorded(
        claim("one", "i-a i-b", was="i-a"),
        claim("two", "i-c", was="i-b", scope=GREEN),
    )
    assert known.record(claim("three", "", was="i-c", scope=RED)) is None


def test_a_dead_end_is_no_circle() -> None:
    """A way that leads from the new claim to others, and not back, is no exchange."""
    known = recorded(
        claim("one", "i-b", was="i-a"),
        claim("two", "i-c", was="i-b", scope=GREEN),
    )
    assert known.record(claim("three", "i-a", was="i-z", scope=RED)) is None


@pytest.mark.parametrize("other", [replace(GREEN, region_id="cn-beijing"), SCOPE])
def test_an_exchange_needs_two_groups_of_one_region(other: Scope) -> None:
    """Only groups of one region, and not one with itself, can exchange instances."""
    known = recorded(claim("one", "i-b", was="i-a"))
    assert known.record(claim("two", "i-a", was="i-b", scope=other)) is None


def test_two_applications_cannot_exchange_instances_in_one_run() -> None:
    """EDAS runs one application on an instance, so memberships of two applications wait for each other as well."""
    known = recorded(claim("one", "i-b", was="i-a"))
    words = known.record(claim("two", "i-a", was="i-b", scope=replace(GREEN, app_id="app-2")))
    assert words is not None
    assert words.message.startswith(
        "one, two exchange instances (i-a, i-b) between applications app-1, app-2; "
    )


def test_a_released_id_is_known() -> None:
    """What a membership of another group gives up is known, in the spelling of its list only."""
    known = recorded(claim("one", "i-a", was="i-a i-b", scope=GREEN))
    assert known.claims.releaser(SCOPE, "group-2", "i-b")
    assert not known.claims.releaser(SCOPE, "group-2", "ecu-b")
    assert not known.claims.releaser(SCOPE, "group-2", "i-a")
    assert not known.claims.releaser(SCOPE, "group-3", "i-b")


def test_an_id_that_another_application_releases_is_known() -> None:
    """What a membership of another application gives up is known without its group, which no reading tells."""
    elsewhere = replace(GREEN, app_id="app-2")
    known = recorded(claim("one", "i-a", was="i-a i-b", scope=elsewhere))
    assert known.claims.releaser(SCOPE, "", "i-b")
    assert not known.claims.releaser(SCOPE, "", "i-a")
    assert not known.claims.releaser(elsewhere, "", "i-b")
    assert not known.claims.releaser(replace(SCOPE, region_id="cn-beijing"), "", "i-b")


def test_a_replacement_releases_what_it_leaves() -> None:
    """A resource that moves to another group gives up what it listed in the one it leaves."""
    moved = replace(claim("one", "i-a", scope=RED), left=(GREEN, frozenset({"i-b"})))
    known = recorded(moved)
    assert known.claims.releaser(SCOPE, "group-2", "i-b")
    assert not known.claims.releaser(SCOPE, "group-2", "i-a")
    assert not known.claims.releaser(SCOPE, "group-3", "i-b")


def test_the_second_check_of_a_replacement_keeps_what_it_leaves() -> None:
    """A replacement is checked twice, the second time with nothing recorded: what it leaves is remembered."""
    moved = replace(claim("one", "i-a", scope=RED), left=(GREEN, frozenset({"i-b"})))
    assert recorded(moved, claim("one", "i-a", scope=RED)).claims.releaser(SCOPE, "group-2", "i-b")


def test_another_change_of_mind_forgets_what_was_left() -> None:
    """A resource that is checked for another group than before no longer leaves what it left then."""
    moved = replace(claim("one", "i-a", scope=RED), left=(GREEN, frozenset({"i-b"})))
    assert not recorded(moved, claim("one", "i-a", scope=SCOPE)).claims.releaser(SCOPE, "group-2", "i-b")


def test_the_highest_floor_of_a_group_counts() -> None:
    """The floor of a group is that of the membership that states the highest one and has members in it."""
    known = recorded(
        replace(claim("low", "i-a"), min_running=1),
        replace(claim("high", "i-b"), min_running=3),
        replace(claim("empty", ""), min_running=9),
        replace(claim("elsewhere", "i-c", scope=GREEN), min_running=9),
    )
    assert known.claims.floor(SCOPE, besides=None) == Floor(3, "high")
    assert known.claims.floor(SCOPE, besides="high") == Floor(1, "low")
    assert known.claims.floor(RED, besides=None) == Floor()


def test_removed_placements_are_remembered_by_application() -> None:
    """The placements that orders of the run removed are known with their moments, per application."""
    known = Ownership()
    known.note_removed(SCOPE, ["ecc-1"], 5.0)
    known.note_removed(GREEN, ["ecc-2"], 7.0)
    known.note_removed(replace(SCOPE, app_id="app-2"), ["ecc-3"], 9.0)
    assert known.removed(RED) == {"ecc-1": 5.0, "ecc-2": 7.0}


def test_processes_of_one_run_know_the_same() -> None:
    """Whatever process checks, removes or begins: all the others learn of it."""
    run = MemoryRun()
    one, two = Ownership(MemoryLog(run)), Ownership(MemoryLog(run))
    assert one.record(claim("one", "i-a")) is None
    assert two.record(claim("two", "i-a")) is not None
    assert one.claims.protected(SCOPE, besides="one") == two.claims.protected(SCOPE, besides="one") == {"i-a"}
    two.note_removed(SCOPE, ["ecc-1"], 5.0)
    assert one.removed(SCOPE) == {"ecc-1": 5.0}
    two.note_begun("two")
    assert one.has_begun("two")
    assert not one.has_begun("one")


def test_a_question_to_another_process_keeps_it_from_being_quiet() -> None:
    """All questions of the run count, but those of a process that was killed."""
    run = MemoryRun()
    log = MemoryLog(run)
    one, two = Ownership(MemoryLog(run)), Ownership(log)
    two.question_begins()
    assert one.quiet_in(100.0) == QUIET_SECONDS
    two.question_ends(100.0)
    assert one.quiet_in(100.1) == pytest.approx(QUIET_SECONDS - 0.1)
    two.question_begins()
    log.close()
    assert one.quiet_in(200.0) == 0.0


def test_a_circle_among_many_is_found_by_following_each_way_once() -> None:
    """Where every membership may wait for every other one, the search looks at each of them once.

    A search that tries every order of them would not come back from forty.
    """
    groups = [replace(SCOPE, group_id=f"group-{number}") for number in range(40)]
    # What i-2-5 is called goes from the second to the fifth: no instance is listed twice.
    joins = [[f"i-{each}-{number}" for each in range(number)] for number in range(40)]
    gives = [[f"i-{number}-{each}" for each in range(number + 1, 40)] for number in range(40)]
    gives[39].append("i-39-0")
    known = Ownership()
    for number, scope in enumerate(groups):
        words = known.record(
            claim(f"urn-{number}", " ".join(joins[number]), was=" ".join(gives[number]), scope=scope)
        )
        assert words is None
    last = claim("last", "i-x", was="i-y", scope=replace(SCOPE, group_id="group-last"))
    assert known.record(last) is None
    closing = known.record(claim("urn-0", "i-39-0", was=" ".join(gives[0]), scope=groups[0]))
    assert closing is not None
    assert closing.message.startswith("urn-0, urn-39 exchange instances (i-0-39, i-39-0)")


def test_a_resource_begins_once() -> None:
    """The engine may create and then update a resource: the run needs to know only that it has begun."""
    run = MemoryRun()
    known = Ownership(MemoryLog(run))
    assert not known.has_begun("one")
    known.note_begun("one")
    assert known.has_begun("one")
    known.note_begun("one")
    assert len(run.records) == 1


def test_a_run_may_be_left_twice() -> None:
    """A process that has left its run leaves nothing behind, however often it says so."""
    run = MemoryRun()
    log, other = MemoryLog(run), MemoryLog(run)
    log.note_questions(3, 9.0)
    assert other.other_questions() == (3, 9.0)
    log.close()
    log.close()
    assert run.logs == [other]
    assert other.other_questions() == (0, float("-inf"))
