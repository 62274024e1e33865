"""Extraction that is killed at random moments: resumed, it ends as if nothing had happened."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiny_extraction
from tiny_extraction import contents, extract
from waiting import wait_until

from mmpt.utils.files import read_json, write_json

PROGRAM = Path(tiny_extraction.__file__)


def names_of(videos, bad=2):
    return [*(f"v{number}" for number in range(videos)), *(f"bad{number}" for number in range(bad))]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_extraction_ends_like_an_undisturbed_one(tmp_path, start, kills):
    names = names_of(20 * kills)
    extract(tmp_path / "whole", names)
    random = np.random.default_rng(kills)
    hits = 0
    while hits < kills:
        # 20 videos a kill of 2 s each, two at a time and 0.04 s a second: 0.8 s of work, which never ends.
        process = start(extract, tmp_path / "killed", [*names, "waits0"], 0.04)
        time.sleep(random.uniform(0.01, 0.4))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        hits += (tmp_path / "killed/features").exists()
    report = extract(tmp_path / "killed", names)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert report.done + report.skipped == 20 * kills
    assert sorted(report.failed) == ["bad0", "bad1"]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_of_several_runs_on_one_folder_any_may_be_killed(tmp_path, start, kills):
    names = names_of(20 * kills)
    extract(tmp_path / "whole", names)
    random = np.random.default_rng(kills)
    running = [start(extract, tmp_path / "killed", names, 0.02) for _ in range(3)]
    for _ in range(kills):
        time.sleep(random.uniform(0.01, 0.3))
        chosen = random.integers(len(running))
        running[chosen].kill()
        running[chosen].join()
        running[chosen] = start(extract, tmp_path / "killed", names, 0.02)
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0, 0, 0]
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_runs_that_share_a_folder_never_make_a_video_twice(tmp_path, start):
    names = names_of(60)
    diary = tmp_path / "diary"
    running = [start(extract, tmp_path, names, 0.005, diary) for _ in range(4)]
    for process in running:
        process.join()
    begun = Counter(diary.read_text().split())
    assert {name: begun[name] for name in names[:60]} == dict.fromkeys(names[:60], 1)
    assert max(begun["bad0"], begun["bad1"]) <= 4  # a run tries again what failed before it began
    whole = tmp_path / "whole"
    extract(whole, names)
    assert contents(tmp_path) == contents(whole)


def workers(folder, names, number, *more):
    command = [
        sys.executable,
        PROGRAM,
        folder,
        "--names",
        ",".join(names),
        "--num_workers",
        str(number),
        *more,
    ]
    return subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)


def test_workers_make_every_video_once_and_add_up_their_reports(tmp_path):
    names = names_of(30)
    process = workers(tmp_path, names, 2)
    said = process.communicate()[1]
    assert process.returncode == 1, said  # two bad videos
    assert Counter((tmp_path / "diary").read_text().split()) == dict.fromkeys(names, 1)
    whole = extract(tmp_path / "whole", names)
    assert contents(tmp_path) == contents(tmp_path / "whole")
    report = read_json(tmp_path / "features/extraction_report.json")
    assert (report["done"], report["skipped"], report["failed"]) == (30, 0, whole.failed)
    # 30 videos of 0 to 4 whole seconds and one that begins
    assert report["video_seconds"] == 6 * (1 + 2 + 3 + 4 + 5)
    assert report["encoding_seconds"] > 0
    assert "is the limit: the encoder waited for frames" in report["limit"]


def test_settings_of_a_run_that_made_nothing_do_not_bind_the_next(tmp_path):
    write_json(tmp_path / "features/extraction.json", {"extractor": "mean", "dim": 7})
    process = workers(tmp_path, ["v1"], 2)
    assert (process.wait(), read_json(tmp_path / "features/extraction.json")["dim"]) == (0, 3)


def test_a_video_that_kills_its_worker_is_given_up_and_takes_no_other_with_it(tmp_path):
    names = [*names_of(10, bad=0), "fatal7"]
    process = workers(tmp_path, names, 2)
    said = process.communicate()[1]
    assert process.returncode == 1, said
    assert said.count("was killed by SIGKILL; another goes on.") == 3
    report = read_json(tmp_path / "features/extraction_report.json")
    assert report["failed"] == {"fatal7": "The video videos/fatal7 has ended 3 workers that had it."}
    assert report["done"] == 10


def children(process):
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def test_workers_end_with_the_process_that_started_them_and_the_next_run_goes_on(tmp_path):
    names = names_of(40)
    process = workers(tmp_path, names, 2, "--pause", "1")
    wait_until((tmp_path / "diary").exists)
    wait_until(lambda: len(children(process)) == 2)
    left = children(process)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
    assert len(list((tmp_path / "features").glob("*.npy"))) < 40
    extract(tmp_path, names)
    extract(tmp_path / "whole", names)
    assert contents(tmp_path) == contents(tmp_path / "whole")


def test_an_error_of_one_worker_stops_all_and_leaves_nothing_behind(tmp_path):
    extract(tmp_path, ["v1"])
    settings = tmp_path / "features/extraction.json"
    settings.write_text(settings.read_text().replace("fake", "other"))
    process = workers(tmp_path, names_of(5), 2)
    said = process.communicate()[1]
    assert process.returncode == 1
    assert "features made with other settings (extractor 'other', now 'fake')" in said
    assert "of 2 ended with exit code 1; its own message is above." in said
    assert not (tmp_path / "features/.claims").exists()
