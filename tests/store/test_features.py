"""Videos to features: batching, resuming, reporting."""

import json
import time
from functools import partial

import numpy as np
import pytest
import torch
from tiny_extraction import FPS, MeanEncoder, jobs, mean_encoder, settings, slow_decoder

from mmpt.errors import ConfigError, DataError, MissingDependencyError
from mmpt.store.decode_pool import DecodePool, whole_seconds
from mmpt.store.features import extract_features
from mmpt.store.sources import read_settings


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("threads", [1, 4])
def test_every_second_gets_its_vector_whatever_the_batches(tmp_path, batch_size, threads):
    plan = jobs(tmp_path, ["v1", "v4", "v0", "v2"])
    how = settings(l2_normalize=False, dtype="float32", batch_size=batch_size, decoding_threads=threads)
    report = extract_features(plan, mean_encoder, how, slow_decoder)
    assert (report.done, report.skipped, report.failed, report.video_seconds) == (4, 0, {}, 2 + 5 + 1 + 3)
    for job in plan:
        whole = int(job.video_id[1:])
        # The last second is half 200 and half black.
        grey = sum(job.video_id.encode())
        means = [*((10 * second + grey) / 255 for second in range(whole)), 100 / 255]
        expected = np.array([(mean, 1, 0) for mean in means], np.float32)
        np.testing.assert_allclose(np.load(job.feature), expected, atol=1e-6)


def test_vectors_are_normalised_float16_by_default(tmp_path):
    plan = jobs(tmp_path, ["v2"])
    extract_features(plan, mean_encoder, settings(), slow_decoder)
    vectors = np.load(plan[0].feature)
    assert vectors.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=1e-3)


def test_bad_videos_are_reported_and_the_others_go_on(tmp_path):
    plan = jobs(tmp_path, ["bad1", "v3", "bad2", "v1"])
    report = extract_features(plan, mean_encoder, settings(), slow_decoder)
    assert report.done == 2
    assert sorted(report.failed) == ["bad1", "bad2"]
    assert report.failed["bad1"].endswith("bad1 is damaged.")
    saved = json.loads((tmp_path / "features/extraction_report.json").read_text())
    assert saved["failed"] == report.failed
    assert sorted(path.name for path in (tmp_path / "features").glob("*.npy")) == ["v1.npy", "v3.npy"]


def test_an_encoder_that_gives_nan_fails_the_video_not_the_run(tmp_path):
    class Encoder(MeanEncoder):
        def __call__(self, frames):
            vectors = super().__call__(frames)
            return torch.where(vectors[:, :1] > 0.6, torch.nan, vectors)  # whole seconds: v1 has one, v0 none

    report = extract_features(jobs(tmp_path, ["v1", "v0"]), Encoder(), settings(), slow_decoder)
    assert list(report.failed) == ["v1"]
    assert report.video_seconds == len(np.load(tmp_path / "features/v0.npy"))
    assert report.done == 1


def test_a_decoder_that_gives_no_frame_fails_the_video_not_the_run(tmp_path):
    def decode(path, fps, size):
        return slow_decoder(path, fps, size) if path.name == "v1" else iter(())

    report = extract_features(jobs(tmp_path, ["v0", "v1"]), mean_encoder, settings(), decode)
    assert (report.done, list(report.failed)) == (1, ["v0"])
    assert report.failed["v0"].endswith("v0 has no frames.")


def test_a_second_run_skips_what_is_there_and_redoes_what_is_damaged(tmp_path):
    plan = jobs(tmp_path, ["v1", "v2"])
    extract_features(plan, mean_encoder, settings(), slow_decoder)
    whole = plan[1].feature.read_bytes()
    plan[1].feature.write_bytes(whole[:-3])
    report = extract_features(plan, mean_encoder, settings(), slow_decoder)
    assert (report.done, report.skipped) == (1, 1)
    assert plan[1].feature.read_bytes() == whole


def test_an_interrupted_run_leaves_whole_files_and_a_report(tmp_path):
    calls = []

    def stop(frames):
        calls.append(len(frames))
        if len(calls) == 3:
            raise KeyboardInterrupt

    plan = jobs(tmp_path, ["v1", "v2", "v3", "v4"])
    with pytest.raises(KeyboardInterrupt):
        extract_features(plan, MeanEncoder(stop), settings(decoding_threads=1, batch_size=4), slow_decoder)
    left = {path.name for path in (tmp_path / "features").iterdir()}
    assert left == {"extraction.json", "extraction_report.json", "v1.npy", "v2.npy"}
    report = extract_features(plan, mean_encoder, settings(), slow_decoder)
    assert (report.done, report.skipped) == (2, 2)


def test_features_of_two_makings_are_not_mixed(tmp_path):
    extract_features(jobs(tmp_path, ["v1"]), mean_encoder, settings(), slow_decoder)
    with pytest.raises(ConfigError, match=r"other settings \(fps 4, now 2\)"):
        extract_features(jobs(tmp_path, ["v2"]), MeanEncoder(fps=2), settings(), slow_decoder)


def test_features_of_unknown_making_are_kept_with_a_warning(tmp_path, caplog):
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features/v1.npy", np.zeros((1, 3), np.float16))
    report = extract_features(jobs(tmp_path, ["v1", "v2"]), mean_encoder, settings(), slow_decoder)
    assert (report.done, report.skipped) == (1, 1)
    assert "unknown making" in caplog.text


def test_a_folder_of_an_earlier_version_goes_on_and_says_the_rest_from_then_on(tmp_path):
    plan = jobs(tmp_path, ["v1", "v2"])
    extract_features(plan[:1], mean_encoder, settings(), slow_decoder)
    record = tmp_path / "features/extraction.json"
    now = json.loads(record.read_text())
    before = {name: now[name] for name in ("extractor", "fps", "size", "l2_normalize", "dtype")}
    record.write_text(json.dumps(before))
    assert extract_features(plan, mean_encoder, settings(), slow_decoder).done == 1
    assert json.loads(record.read_text()) == now


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="batch_size must be at least 1, got 0"):
        settings(batch_size=0)


def test_an_encoder_may_read_longer_clips_and_others_of_its_kind_are_not_filled_up(tmp_path):
    shapes = []
    encoder = MeanEncoder(lambda frames: shapes.append(tuple(frames.shape)), seconds=2, clipwise=True)
    report = extract_features(jobs(tmp_path, ["v4"]), encoder, settings(batch_size=2), slow_decoder)
    assert shapes == [(2, 2 * FPS, 2, 2, 3), (1, 2 * FPS, 2, 2, 3)]  # 4.5 seconds are 3 clips
    assert (len(np.load(tmp_path / "features/v4.npy")), report.video_seconds) == (3, 6)
    assert read_settings(tmp_path / "features") == {
        "extractor": "fake", "dim": 3, "fps": FPS, "size": 2, "seconds": 2, "interpolation": "bicubic",
        "precision": "float32", "l2_normalize": True, "dtype": "float16",
    }  # fmt: skip


def test_a_fault_that_is_no_bad_file_ends_the_run(tmp_path):
    def decoder(path, fps, size):
        raise MissingDependencyError("no av")

    with pytest.raises(MissingDependencyError, match="no av"):
        extract_features(jobs(tmp_path, ["v1", "v2"]), mean_encoder, settings(), decoder)


@pytest.mark.parametrize("slow", ["decoder", "encoder"])
def test_the_time_of_the_slower_part_is_the_longer_one(tmp_path, slow):
    encoder = MeanEncoder(lambda _: time.sleep(0.3 if slow == "encoder" else 0))
    decoder = partial(slow_decoder, pause=0.2 if slow == "decoder" else 0)
    report = extract_features(jobs(tmp_path, ["v3", "v4"]), encoder, settings(), decoder)
    assert (report.encoding_seconds > report.waiting_seconds) == (slow == "encoder")
    assert report.encoding_seconds + report.waiting_seconds <= report.wall_seconds


def test_a_decoder_waits_for_a_slow_encoder(tmp_path):
    decoded = []

    def decoder(path, fps, size):
        for number in range(100):
            decoded.append(number)
            yield np.zeros((size, size, 3), np.uint8)

    with DecodePool(jobs(tmp_path, ["v"]), decoder, fps=1, size=2, threads=1, capacity=5) as pool:
        next(iter(pool))
    # 1 taken, 5 in the queue, 1 in the hand of the thread and 1 that took its place at most.
    assert len(decoded) <= 8


def test_frames_are_joined_to_seconds_and_the_rest_is_black():
    frames = [np.full((1, 1, 3), number, np.uint8) for number in range(1, 6)]
    seconds = [second[:, 0, 0, 0].tolist() for second in whole_seconds(frames, 3)]
    assert seconds == [[1, 2, 3], [4, 5, 0]]
    assert list(whole_seconds([], 3)) == []


def test_settings_of_another_form_are_refused(tmp_path):
    assert read_settings(tmp_path) == {}
    (tmp_path / "extraction.json").write_text("[10, 64]")
    with pytest.raises(DataError, match=r"extraction\.json does not hold the settings .*\[10, 64\]"):
        read_settings(tmp_path)
