from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.hosts import run_ledger
from pulumi_edas_scale.hosts.run_ledger import RunLedger, open_run_log
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.ownership import Begin, MemoryLog, Ownership, Removal
from tests.unit.readings import SCOPE

if TYPE_CHECKING:
    from pathlib import Path

GREEN = replace(SCOPE, group_id="group-2")
CLAIM = Claim(
    "one",
    SCOPE,
    frozenset({"i-a", "ecu-b"}),
    frozenset({"i-c"}),
    complete=False,
    exclusive=True,
    min_running=2,
    left=(GREEN, frozenset({"i-z"})),
)
ENGINE = "127.0.0.1:40001"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The directory of all runs, which is not there yet."""
    return tmp_path / "runs"


def kill(log: RunLedger) -> None:
    """Do what the kernel does with the files of a killed process."""
    assert log._files is not None
    for each in log._files:
        os.close(each)
    log._files = None


@pytest.mark.parametrize(
    "record",
    [CLAIM, Claim("two", GREEN, frozenset()), Removal("cn-a", "app", frozenset({"e"}), 1.5), Begin("u")],
)
def test_a_record_reaches_every_process_as_it_was(base: Path, record: Claim | Removal | Begin) -> None:
    """What one process appends all read, itself included, once and unchanged."""
    one, two = RunLedger(base, "run"), RunLedger(base, "run")
    one.append(record)
    for each in (one, two):
        assert list(each.read()) == [record]
        assert list(each.read()) == []


def test_all_see_the_same_order(base: Path) -> None:
    """The order of the log is the same for all, whoever wrote and read when; so one of two claims yields."""
    logs = [RunLedger(base, "run") for _ in range(3)]
    for number in range(30):
        logs[number % 3].append(Begin(f"{number}"))
    assert [list(each.read()) for each in logs] == [[Begin(f"{number}") for number in range(30)]] * 3


def test_records_outlive_a_killed_process(base: Path) -> None:
    """A killed process leaves its records to those that live, and takes its questions with it."""
    one, two = RunLedger(base, "run"), RunLedger(base, "run")
    one.append(CLAIM)
    one.note_questions(3, 7.0)
    assert two.other_questions() == (3, 7.0)
    kill(one)
    assert two.other_questions() == (0, float("-inf"))
    assert list(RunLedger(base, "run").read()) == [CLAIM]


def test_a_run_begins_empty_when_nobody_lives(base: Path) -> None:
    """What a run leaves whose processes were all killed is removed by the next run, of whatever engine."""
    ended = RunLedger(base, "ended")
    same = RunLedger(base, "run")
    for each in (ended, same):
        each.append(CLAIM)
        kill(each)
    assert list(RunLedger(base, "run").read()) == []
    assert [each.name for each in base.iterdir()] == ["run"]


def test_runs_do_not_know_each_other(base: Path) -> None:
    """Two engines at the same time have two runs."""
    one, two = RunLedger(base, "one"), RunLedger(base, "two")
    one.append(CLAIM)
    one.note_questions(1, 0.0)
    assert list(two.read()) == []
    assert two.other_questions() == (0, float("-inf"))


def test_the_last_one_leaves_nothing_behind(base: Path) -> None:
    """While somebody is there the records stay; with the last one the directories go."""
    one, two = RunLedger(base, "run"), RunLedger(base, "run")
    one.append(CLAIM)
    one.close()
    assert list(two.read()) == [CLAIM]
    two.close()
    two.close()
    assert not base.exists()


def test_a_process_that_left_goes_on_alone(base: Path) -> None:
    """After the end of its run a process keeps what it knows and what it says, in its own memory."""
    log = RunLedger(base, "run")
    log.append(Begin("before"))
    assert list(log.read()) == [Begin("before")]
    log.close()
    log.append(Begin("after"))
    log.note_questions(1, 0.0)
    assert list(log.read()) == [Begin("after")]
    assert log.other_questions() == (0, float("-inf"))


def test_half_a_line_and_unknown_records_say_nothing(base: Path) -> None:
    """A write that a kill cut short, and what a newer version writes, spoil no other record."""
    one, two = RunLedger(base, "run"), RunLedger(base, "run")
    assert one._files is not None
    os.write(one._files[1], b'\n{"kind":"claim","urn":"half')
    two.append(Begin("whole"))
    os.write(one._files[1], b"\n" + json.dumps({"kind": "newer"}).encode() + b"\n[1]\n\xff\n")
    two.append(Begin("last"))
    assert list(one.read()) == [Begin("whole"), Begin("last")]


def test_a_record_that_is_only_half_there_is_read_when_it_is_whole(base: Path) -> None:
    """A reader that comes in the middle of a write waits for the rest of it."""
    one, two = RunLedger(base, "run"), RunLedger(base, "run")
    assert one._files is not None
    os.write(one._files[1], b'\n{"kind":"begin",')
    assert list(two.read()) == []
    os.write(one._files[1], b'"urn":"u"}\n')
    assert list(two.read()) == [Begin("u")]


def test_a_record_that_cannot_be_written_is_kept(base: Path) -> None:
    """Where nothing can be written (a full disk) a process still knows what it says itself."""
    log = RunLedger(base, "run")
    assert log._files is not None
    os.close(log._files[1])
    log._files = (log._files[0], os.open(base / "run" / "records", os.O_RDONLY))
    log.append(Begin("u"))
    assert list(log.read()) == [Begin("u")]


def test_only_the_user_can_read_it(base: Path) -> None:
    """Directories and files are for their owner alone."""
    RunLedger(base, "run").append(CLAIM)
    for each in (base, *base.rglob("*")):
        assert not stat.S_IMODE(each.stat().st_mode) & 0o077


def test_a_directory_that_is_not_private_is_not_used(base: Path, tmp_path: Path) -> None:
    """A directory that others may write, and a link to anywhere, are refused."""
    base.mkdir()
    base.chmod(0o777)
    with pytest.raises(PermissionError):
        RunLedger(base, "run")
    link = tmp_path / "link"
    link.symlink_to(base)
    base.chmod(0o700)
    with pytest.raises(PermissionError):
        RunLedger(link, "run")


def test_processes_of_one_engine_share_a_run(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's address is what processes of a run have in common, however it is spelled."""
    monkeypatch.setattr(run_ledger, "run_directory", lambda: base)
    said: list[str] = []
    one = Ownership(open_run_log(ENGINE, said.append))
    two = Ownership(open_run_log(f"dns:///{ENGINE}", said.append))
    other = Ownership(open_run_log("127.0.0.1:40002", said.append))
    one.record(CLAIM)
    assert two.claims.protected(SCOPE, besides=None) == CLAIM.ids
    assert other.claims.protected(SCOPE, besides=None) == frozenset()
    assert said == []


def test_without_a_place_a_process_works_alone_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no directory can be had one line says why; without an engine there is nothing to say."""
    monkeypatch.setattr(run_ledger, "run_directory", lambda: tmp_path / "missing" / "runs")
    said: list[str] = []
    assert isinstance(open_run_log(ENGINE, said.append), MemoryLog)
    assert len(said) == 1
    assert isinstance(open_run_log(None, said.append), MemoryLog)
    assert len(said) == 1


def test_the_runtime_directory_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's runtime directory is used when it is private, else a directory among the temporary files."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert run_ledger.run_directory() == tmp_path / "pulumi-edas-scale"
    tmp_path.chmod(0o755)
    assert run_ledger.run_directory().name == f"pulumi-edas-scale-{os.geteuid()}"
