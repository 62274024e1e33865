"""Claims on videos: one worker each, dead workers replaced, nothing left."""

import os
import time

import pytest
from waiting import wait_until

from mmpt.store import claims as module
from mmpt.store.claims import Claim, Claims
from mmpt.utils.process_token import process_token


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "features"


def foreign(folder, alive=True):
    """A worker on another machine."""
    owner = "0123456789ab-" + process_token().split("-", 1)[1]
    if alive:
        (folder / ".claims" / f"{owner}.alive").touch()
    return owner


def claim_of(folder, owner, run=1, attempt=1, name="v"):
    (folder / ".claims" / f"{name}.claim").write_text(f"{owner} {run} {attempt}\n")
    return Claim(owner, run, attempt)


def test_a_claim_is_given_once_until_it_is_released(folder):
    with Claims(folder) as one, Claims(folder) as two:
        assert one.ticket.take("v")
        assert one.ticket.owns("v")
        assert not two.ticket.take("v")
        assert not two.ticket.owns("v")
        two.ticket.release("v")  # not its own: nothing happens
        assert two.ticket.read("v") == Claim(one.ticket.owner, one.run, 1)
        assert not two.is_dead("v", two.ticket.read("v"))
        one.ticket.release("v")
        assert two.ticket.take("v")
    assert list(folder.iterdir()) == []


def test_the_last_worker_removes_the_folder_and_an_earlier_one_does_not(folder):
    with Claims(folder) as one:
        with Claims(folder) as two:
            assert one.others()
            two.ticket.take("v")
        assert not one.others()
        assert one.ticket.names() == []  # what it had not released
        assert (folder / ".claims").is_dir()
    assert not (folder / ".claims").exists()


def test_a_worker_on_another_machine_is_dead_when_its_time_stands_still(folder):
    with Claims(folder, patience=0.2) as claims:
        owner = foreign(folder)
        claim = claim_of(folder, owner)
        alive = folder / ".claims" / f"{owner}.alive"
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            os.utime(alive)
            assert not claims.is_dead("v", claim)
            time.sleep(0.01)
        time.sleep(0.3)
        assert claims.is_dead("v", claim)
        assert claims.take_over("v", claim)
        assert claims.ticket.owns("v")


def test_the_clock_of_another_machine_does_not_matter(folder):
    with Claims(folder) as claims:
        owner = foreign(folder)
        os.utime(folder / ".claims" / f"{owner}.alive", (0, 0))  # 1970
        assert not claims.is_dead("v", claim_of(folder, owner))


def test_a_worker_that_has_left_is_dead(folder):
    with Claims(folder) as claims:
        assert claims.is_dead("v", claim_of(folder, foreign(folder, alive=False)))


def test_a_claim_without_an_owner_is_void_after_a_moment(folder, monkeypatch):
    monkeypatch.setattr(module, "UNSIGNED", 0.1)
    with Claims(folder) as claims:
        (folder / ".claims/v.claim").touch()
        assert not claims.is_dead("v", claims.ticket.read("v"))
        time.sleep(0.2)
        assert claims.is_dead("v", claims.ticket.read("v"))


def test_attempts_are_counted_within_a_run(folder):
    with Claims(folder) as parent, Claims(folder, run=parent.run) as claims:
        dead = foreign(folder, alive=False)
        assert claims.take_over("v", claim_of(folder, dead, parent.run, attempt=2))
        assert claims.ticket.read("v").attempt == 3
        assert claims.take_over("w", claim_of(folder, dead, parent.run - 1, attempt=2, name="w"))
        assert claims.ticket.read("w").attempt == 1


def test_a_dead_claim_goes_to_one_worker_only(folder):
    with Claims(folder) as one, Claims(folder) as two:
        claim = claim_of(folder, foreign(folder, alive=False))
        assert two.take_over("v", claim)
        assert not one.take_over("v", claim)  # it has seen the old claim before two was quicker
        assert two.ticket.owns("v")


def test_a_new_worker_sweeps_what_dead_ones_left(folder):
    (folder / ".claims").mkdir(parents=True)
    dead = foreign(folder, alive=False)
    claim_of(folder, dead, name="v.1")
    living = foreign(folder)
    claim_of(folder, living, name="w")
    for kind in ("tmp", "plan", "1.log"):
        (folder / f".claims/{dead}.{kind}").touch()
    with Claims(folder) as claims:
        left = {path.name for path in (folder / ".claims").iterdir()}
        assert left == {f"{claims.ticket.owner}.alive", f"{living}.alive", "w.claim"}


def test_the_log_of_a_killed_worker_of_this_run_stays_for_the_process_that_began_it(folder):
    with Claims(folder) as parent:
        log = folder / f".claims/{foreign(folder, alive=False)}.{parent.run}.log"
        log.write_text("3\n")
        with Claims(folder, run=parent.run) as claims:
            claims.log("5")
            assert sorted(path.read_text() for path in parent.logs()) == ["3\n", "5\n"]
        assert len(parent.logs()) == 2
    assert list(folder.iterdir()) == []


def test_claims_can_be_made_in_another_process_for_a_worker(folder):
    import pickle

    with Claims(folder) as claims:
        assert pickle.loads(pickle.dumps(claims.ticket)).take("v")
        assert claims.ticket.owns("v")


def test_signs_of_life_are_given(folder, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT", 0.02)
    with Claims(folder) as claims:
        alive = folder / f".claims/{claims.ticket.owner}.alive"
        before = alive.stat().st_mtime_ns
        wait_until(lambda: alive.stat().st_mtime_ns != before)
