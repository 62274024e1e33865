"""Converting features of other projects: one row per second, single files or shards, resumable."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import ConfigError, DataError
from mmpt.store.convert import PerSecond, convert_features, per_second
from mmpt.store.meta import load_meta
from mmpt.store.shards import ShardReader
from mmpt.store.sources import open_features
from mmpt_cli.shards import main as shards_command


def column(*values):
    return np.array(values, np.float32)[:, None]


@pytest.mark.parametrize(
    ("rows", "seconds", "expected"),
    [
        (column(1, 2, 3), 1, column(1, 2, 3)),
        # Two rows a second, the last second half covered: means of pairs.
        (column(1, 3, 5, 9, 7), 0.5, column(2, 7, 7)),
        # A row stands for 2 s: each is repeated.
        (column(1, 5), 2, column(1, 1, 5, 5)),
        # A row for 1.5 s: rows cover 0-1.5, 1.5-3, 3-4.5; their middles lie in the seconds 0, 2 and 3.
        # The middles of second 1 (1.5) and 4 (4.5) fall to row 1 and, past the end, to the last.
        (column(1, 5, 9), 1.5, column(1, 5, 5, 9, 9)),
        (column(4), 0.25, column(4)),
        (np.zeros((0, 3), np.float32), 2, np.zeros((0, 3), np.float32)),
    ],
)
def test_rows_of_any_length_become_rows_of_a_second(rows, seconds, expected):
    np.testing.assert_array_equal(per_second(rows, seconds), expected)


@given(st.integers(1, 40), st.sampled_from([0.1, 0.5, 2 / 3, 1.0, 1.5, 2.133, 16 / 30, 8.0]))
def test_seconds_are_the_time_that_the_rows_cover_and_keep_their_order(count, seconds):
    result = per_second(np.arange(count, dtype=np.float32)[:, None], seconds)[:, 0]
    assert len(result) - 1 < count * seconds + 1e-6 <= len(result) + 1e-5 or len(result) == 1
    assert (np.diff(result) >= 0).all()
    # The value of second t is the number of a row near t + 0.5 s: at most one row or half a second off.
    middle = (np.arange(len(result)) + 0.5) / seconds - 0.5
    assert (np.abs(result - np.minimum(middle, count - 1)) <= 1 + 0.5 / seconds).all()


@pytest.fixture
def source(tmp_path):
    """Features every half second, two arrays in a file."""
    (tmp_path / "their").mkdir()
    for i in range(3):
        rows = np.arange(4 * i + 4, dtype=np.float32).reshape(-1, 2)
        np.savez(tmp_path / f"their/v{i}.npz", feat=rows, info=np.arange(2))
    np.savez(tmp_path / "their/bad.npz", feat=np.full((2, 2), np.nan), info=np.arange(2))
    return tmp_path / "their"


def test_single_files_are_written_once_and_what_failed_is_named(source, tmp_path, capsys):
    options = ["--key", "feat", "--seconds", "0.5", "--extractor", "CLIP"]
    command = ["convert", str(source), *options, "--fdir", f"{tmp_path}/feat"]
    assert shards_command(command) == 1
    assert "3 videos converted, 0 there before, 1 failed\nbad: The features of 'bad' hold NaN" in (
        capsys.readouterr().out
    )
    np.testing.assert_array_equal(np.load(tmp_path / "feat/v1.npy"), np.array([[1, 2], [5, 6]], np.float16))
    settings = json.loads((tmp_path / "feat/extraction.json").read_text())
    assert settings == {"seconds_per_row": 0.5, "extractor": "CLIP", "dtype": "float16"}
    (source / "bad.npz").unlink()
    assert shards_command(command) == 0
    assert "0 videos converted, 3 there before, 0 failed" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"made in another way: .*'seconds_per_row': 0\.5.*, now .*1\.0"):
        shards_command(["convert", str(source), "--key", "feat", "--fdir", f"{tmp_path}/feat"])


def test_shards_are_written_without_single_files_between(source, tmp_path):
    (tmp_path / "ids").write_text("v2\nv0\n")
    options = ["--key", "feat", "--seconds", "0.5", "--sdir", f"{tmp_path}/shards", "--split", "val"]
    assert shards_command(["convert", str(source), *options, "--list", f"{tmp_path}/ids"]) == 0
    reader = ShardReader.videos(tmp_path / "shards", "val")
    np.testing.assert_array_equal(reader[0, 0], np.array([[1, 2], [5, 6], [9, 10]], np.float16))
    assert load_meta(f"{tmp_path}/shards/", "val").source["seconds_per_row"] == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --fdir .* or --sdir"),
        (["--fdir", "a", "--sdir", "b"], "either --fdir .* or --sdir"),
        (["--fdir", "a", "--seconds", "0"], "--seconds must be above 0, got 0"),
        (["--fdir", "a", "--seconds", "nan"], "--seconds must be above 0, got nan"),
    ],
)
def test_options_that_make_no_sense_are_refused(source, options, message):
    with pytest.raises(ConfigError, match=message):
        shards_command(["convert", str(source), *options])


def test_a_source_without_features_or_without_a_chosen_array_is_an_error(source, tmp_path):
    (tmp_path / "empty").mkdir()
    for target in ("--fdir", "--sdir"):
        with pytest.raises(DataError, match=r"There are no features in .*empty; check the path"):
            shards_command(["convert", f"{tmp_path}/empty", target, f"{tmp_path}/target"])
    assert not (tmp_path / "target").exists()
    several = (
        r"\(0 missing, 4 unusable\)\. The first: .*bad\.npz holds the arrays feat, info; say which with --key"
    )
    with pytest.raises(DataError, match=several):
        shards_command(["convert", str(source), "--sdir", f"{tmp_path}/target"])


def test_an_id_that_is_no_file_name_fails_alone(tmp_path):
    class Source:
        def __iter__(self):
            return iter(["../up", ".hidden", "good"])

        def read(self, video_id):
            return np.ones((1, 2), np.float32)

        def settings(self):
            return {}

    report = convert_features(PerSecond(Source()), tmp_path / "feat")
    assert (report.done, sorted(report.failed)) == (1, ["../up", ".hidden"])
    assert not (tmp_path / "up.npy").exists()


def test_features_of_unknown_making_are_not_mixed(source, tmp_path):
    (tmp_path / "feat").mkdir()
    np.save(tmp_path / "feat/x.npy", np.ones((1, 2)))
    with pytest.raises(DataError, match="features of unknown making"):
        convert_features(open_features(source, "feat"), tmp_path / "feat")


RUN = """
import sys
from mmpt_cli.shards import main
print("start", flush=True)
main(["convert", sys.argv[1], "--fdir", sys.argv[2]])
"""


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_conversion_that_is_killed_ends_with_the_same_bytes(tmp_path, kills):
    (tmp_path / "their").mkdir()
    for i in range(40):
        np.savez(tmp_path / f"their/v{i}.npz", np.full((50, 64), i, np.float32))
    assert shards_command(["convert", f"{tmp_path}/their", "--fdir", f"{tmp_path}/whole"]) == 0
    moments = random.Random(0)
    for _ in range(kills):
        command = [sys.executable, "-c", RUN, f"{tmp_path}/their", f"{tmp_path}/feat"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert shards_command(["convert", f"{tmp_path}/their", "--fdir", f"{tmp_path}/feat"]) == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    del files["conversion_report.json"]  # it says how many were there before
    report = tmp_path / "feat/conversion_report.json"
    assert json.loads(report.read_text())["failed"] == {}
    report.unlink()
    assert {path.name: path.read_bytes() for path in (tmp_path / "feat").iterdir()} == files
