"""Decoding in processes of their own: whatever a video does, it is reported, and the others go on."""

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from odd_decoders import Unpicklable, odd_decoder
from video_makers import grey, write_video
from waiting import wait_until

from mmpt.errors import ConfigError, DataError, MissingDependencyError
from mmpt.store.decode import decode_frames
from mmpt.store.decode_pool import DecodePool
from mmpt.store.decode_process import DecodeLimits, ProcessDecoder
from mmpt.store.paths import VideoJob

TIGHT = DecodeLimits(frames=1000, memory=512 << 20)


def outcome(decoder, name, fps=2, size=4):
    """Frames, or why there are none."""
    try:
        return [int(frame[0, 0, 0]) for frame in decoder(name, fps, size)]
    except DataError as error:
        return str(error)


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def decoder():
    with ProcessDecoder(odd_decoder, TIGHT) as decoder:
        yield decoder


def test_frames_are_those_of_the_decoder(tmp_path):
    path = write_video(tmp_path / "v.mp4", grey(np.arange(40) * 6))
    for fps, size in ((30, 16), (7, 33)):
        with ProcessDecoder() as decoder:
            np.testing.assert_array_equal(
                list(decoder(path, fps, size)), list(decode_frames(path, fps, size))
            )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash.mp4", r"crash\.mp4 has ended the process that decoded it \(signal SIGSEGV\)"),
        ("leave.mp4", r"leave\.mp4 has ended the process that decoded it \(exit code 3\)"),
        ("endless.mp4", r"endless\.mp4 has more than 1000 frames at 2 per second .*limit 'frames'"),
        ("greedy.mp4", r"greedy\.mp4 needs more than 512 MiB to be decoded .*limit 'memory'"),
        ("bug.mp4", r"bug\.mp4 makes the decoder fail \(ValueError: a bug\)"),
        ("damaged.mp4", r"damaged\.mp4 is damaged\."),
        ("short.mp4", r"^x{65536}$"),
        ("liar.mp4", r"liar\.mp4 has ended the process"),
    ],
)
def test_a_video_that_is_no_good_is_named_and_the_next_one_decoded(decoder, name, reason):
    with pytest.raises(DataError, match=reason):
        list(decoder(name, 2, 4))
    assert outcome(decoder, "good.mp4") == [10, 20, 30]


@pytest.mark.parametrize(
    ("name", "limits", "reason"),
    [
        ("hang.mp4", {"stall": 2}, r"hang\.mp4 was given up: no further frame in 2 s.*limit 'stall'"),
        ("slow.mp4", {"seconds": 2}, r"slow\.mp4 was given up.*limit 'seconds', 2 s"),
    ],
)
def test_a_video_that_takes_too_long_is_given_up(name, limits, reason):
    with ProcessDecoder(odd_decoder, DecodeLimits(**limits)) as decoder:
        assert outcome(decoder, "good.mp4") == [10, 20, 30]
        with pytest.raises(DataError, match=reason):
            list(decoder(name, 2, 4))


def test_time_that_the_caller_takes_does_not_count():
    with ProcessDecoder(odd_decoder, DecodeLimits(stall=2, seconds=2)) as decoder:
        frames = decoder("good.mp4", 1, 4)
        next(frames)
        time.sleep(2.5)
        assert len(list(frames)) == 2


def test_a_fault_of_the_call_is_not_blamed_on_the_video(decoder):
    with pytest.raises(ConfigError, match="No such device"):
        list(decoder("misused.mp4", 2, 4))
    with pytest.raises(ConfigError, match="given are 0 and 4"):
        list(decoder("good.mp4", 0, 4))


def test_a_decoder_that_cannot_be_sent_is_named():
    with pytest.raises(ConfigError, match=r"Unpicklable .* process of its own \(not me\)"):
        list(ProcessDecoder(Unpicklable())("v.mp4", 2, 4))


def test_limits_are_positive():
    with pytest.raises(ConfigError, match=r"must be positive; given are \{'stall': 0, 'memory': -1\}"):
        DecodeLimits(stall=0, memory=-1)


def test_a_process_is_kept_and_ends_with_the_block(tmp_path):
    seen = set()
    with ProcessDecoder(odd_decoder) as decoder:
        for number in range(3):
            list(decoder(f"good-{number}.mp4", 2, 4))
            seen |= {worker._process.pid for worker in decoder._idle}
        assert len(seen) == 1
    assert not is_running(seen.pop())


def test_a_process_needs_no_torch(tmp_path, decoder):
    path = tmp_path / "modules.mp4"
    list(decoder(path, 2, 4))
    assert "torch" not in path.read_text().split()


def test_a_video_that_is_no_longer_wanted_ends_its_process(decoder):
    frames = decoder("endless.mp4", 2, 4)
    next(frames)
    before = len(decoder._idle)
    frames.close()
    assert len(decoder._idle) == before


def test_videos_are_decoded_side_by_side(tmp_path):
    names = ["good-1", "crash", "good-2", "hang", "damaged", "good-3", "endless", "good-4"]
    jobs = [VideoJob(name, Path(f"{name}.mp4"), tmp_path / f"{name}.npy") for name in names]
    limits = DecodeLimits(stall=3, frames=50)
    with (
        ProcessDecoder(odd_decoder, limits) as decoder,
        DecodePool(jobs, decoder, fps=2, size=4, threads=3, capacity=4) as pool,
    ):
        ends = {job.video_id: message for job, message in pool if not isinstance(message, np.ndarray)}
    assert sorted(ends) == sorted(names)
    assert [name for name in names if ends[name] is None] == ["good-1", "good-2", "good-3", "good-4"]
    assert "SIGSEGV" in str(ends["crash"])


def test_a_pool_that_is_left_early_leaves_no_process(tmp_path):
    job = VideoJob("endless", Path("endless.mp4"), tmp_path / "endless.npy")
    with ProcessDecoder(odd_decoder, DecodeLimits(frames=math.inf)) as decoder:
        with DecodePool([job], decoder, fps=2, size=4, threads=1, capacity=2) as pool:
            next(iter(pool))
        assert decoder._idle == []
    assert threading.active_count() < 50


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_decoding_process_ends_when_the_one_that_started_it_is_killed(tmp_path, how):
    path = tmp_path / "pid.mp4"
    path.touch()
    code = (
        "from odd_decoders import odd_decoder; from mmpt.store.decode_process import ProcessDecoder;"
        f"list(ProcessDecoder(odd_decoder)({str(path)!r}, 2, 4))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    wait_until(lambda: path.read_text().isdigit())
    pid = int(path.read_text())
    assert is_running(pid)
    parent.send_signal(how)
    parent.wait()
    wait_until(lambda: not is_running(pid))


def test_a_copy_for_another_process_starts_its_own(decoder):
    copy = pickle.loads(pickle.dumps(decoder))
    assert (copy._decoder, copy._limits, copy._idle) == (odd_decoder, TIGHT, [])


def test_a_large_picture_is_decoded_unless_its_memory_is_limited(tmp_path):
    # 7680 x 4320 pixels of 1.5 bytes are 50 MB, and H.264 keeps several.
    path = tmp_path / "8k.mp4"
    subprocess.run(
        [sys.executable, "-c", f"import test_decode_process as t; t.write_8k({str(path)!r})"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        check=True,
    )
    with ProcessDecoder() as decoder:
        assert [frame.mean() for frame in decoder(path, 30, 16)] == pytest.approx([90, 90], abs=2)
    with ProcessDecoder(limits=DecodeLimits(memory=100 << 20)) as decoder:
        reason = outcome(decoder, path, 30, 16)
    assert "8k.mp4" in reason
    assert "limit 'memory'" in reason


def write_8k(path):
    write_video(path, grey([90, 90], 4320, 7680))


def test_a_missing_package_ends_the_run(tmp_path, monkeypatch):
    path = write_video(tmp_path / "v.mp4", grey([9] * 3))
    (tmp_path / "av.py").write_text("raise ModuleNotFoundError(name='av')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mmpt\[extract\]'"):
        list(ProcessDecoder()(path, 2, 4))
