"""What one worker does of a list of videos that it shares with others."""

import numpy as np
import pytest
from tiny_extraction import MeanEncoder, contents, jobs, mean_encoder, settings, slow_decoder

from mmpt.errors import DataError
from mmpt.store.claims import Claims
from mmpt.store.extraction_report import ExtractionReport
from mmpt.store.failures import Failures
from mmpt.store.features import Sibling, extract_features
from mmpt.store.paths import VideoJob
from mmpt.store.worklist import TakenError, Worklist

VECTORS = np.ones((2, 3), np.float16)


@pytest.fixture
def claims(tmp_path):
    with Claims(tmp_path / "features") as claims:
        yield claims


def worklist(tmp_path, claims, *names):
    report = ExtractionReport()
    return Worklist(jobs(tmp_path, names), claims, report), report


def test_a_video_whose_claim_was_lost_is_not_saved(tmp_path, claims):
    work, report = worklist(tmp_path, claims, "v1")
    (job,) = next(work.rounds())
    claims.ticket.take("v1")
    # Stopped for minutes, the worker was taken for dead, and another has the video now.
    (tmp_path / "features/.claims/v1.claim").write_text("another 1 2\n")
    work.save(job, VECTORS)
    assert not job.feature.exists()
    assert (report.done, len(work)) == (0, 1)


def test_a_decoder_claims_before_it_reads_and_leaves_what_others_have_or_have_done(tmp_path, claims):
    work, report = worklist(tmp_path, claims, "v1", "v2", "v3", "bad1")
    decode = work.decoder(slow_decoder, [])
    with Claims(tmp_path / "features") as other:
        other.ticket.take("v2")
        np.save(tmp_path / "features/v3.npy", VECTORS)
        Failures(tmp_path / "features", claims.run).record("bad1", "It is bad.", other.ticket.temporary)
        assert len(list(decode("videos/v1", 4, 2))) == 6
        assert claims.ticket.owns("v1")
        for name in ("v2", "v3", "bad1"):
            with pytest.raises(TakenError, match=rf"videos/{name} is another worker's"):
                next(decode(f"videos/{name}", 4, 2))
        assert claims.ticket.names() == ["v1", "v2"]
    assert report == ExtractionReport()


def test_a_video_that_fails_before_anybody_has_claimed_it_is_settled_too(tmp_path, claims):
    work, report = worklist(tmp_path, claims, "v1")
    work.fail(jobs(tmp_path, ["v1"])[0], DataError("The file is away."))
    assert (report.failed, len(work)) == ({"v1": "The file is away."}, 0)
    assert claims.ticket.names() == []


def test_what_others_had_is_made_when_they_have_given_it_up_and_counted_when_they_are_done(tmp_path, claims):
    work, report = worklist(tmp_path, claims, "v1", "v2", "v3")
    rounds = work.rounds()
    assert [job.video_id for job in next(rounds)] == ["v1", "v2", "v3"]
    with Claims(tmp_path / "features") as other:
        for name in ("v1", "v2", "v3"):
            other.ticket.take(name)
        np.save(tmp_path / "features/v1.npy", VECTORS)
        Failures(tmp_path / "features", claims.run).record("v2", "It is bad.", other.ticket.temporary)
    (job,) = next(rounds)
    assert job.video_id == "v3"
    claims.ticket.take("v3")
    work.save(job, VECTORS)
    assert list(rounds) == []
    assert report == ExtractionReport(done=1, skipped=1, failed={"v2": "It is bad."})


def test_a_failure_of_an_earlier_run_is_tried_again_and_forgotten(tmp_path):
    extract_features(jobs(tmp_path, ["v1", "bad2"]), mean_encoder, settings(), slow_decoder)
    assert (tmp_path / "features/failures/bad2.txt").read_text() == "The video videos/bad2 is damaged.\n"

    def mended(path, fps, size):
        return slow_decoder(str(path).replace("bad", "v"), fps, size)

    report = extract_features(jobs(tmp_path, ["v1", "bad2"]), mean_encoder, settings(), mended)
    assert (report.done, report.skipped, report.failed) == (1, 1, {})
    assert list(contents(tmp_path)) == [
        "features/bad2.npy",
        "features/extraction.json",
        "features/v1.npy",
    ]


def test_an_id_need_not_be_the_name_of_the_file(tmp_path):
    folder = tmp_path / "features"
    plan = [
        VideoJob("one", tmp_path / "v1", folder / "one.npy"),
        VideoJob("two", tmp_path / "v2", folder / "two.npy"),
    ]
    report = extract_features(plan, mean_encoder, settings(), slow_decoder)
    assert report.done == 2
    assert [len(np.load(job.feature)) for job in plan] == [2, 3]


def test_a_name_that_is_too_long_fails_alone(tmp_path):
    names = ["v1" * 124 + "v", "v1" * 125]  # 249 and 250 letters; ".claim" is 6, and 255 are allowed
    report = extract_features(jobs(tmp_path, names), mean_encoder, settings(), slow_decoder)
    assert report.done == 1
    assert "is too long for a file; rename videos/v1" in report.failed[names[1]]


def test_features_do_not_depend_on_the_company_in_a_batch(tmp_path):
    sizes = []

    encoder = MeanEncoder(lambda frames: sizes.append(len(frames)))
    extract_features(jobs(tmp_path, ["v1", "v2", "v3", "v4"]), encoder, settings(), slow_decoder)
    assert set(sizes) == {3}  # 2 + 3 + 4 + 5 seconds are four batches of 3 and one that is filled up
    assert len(sizes) == 5


def test_siblings_begin_at_different_videos():
    order = [Sibling.parse(f"{number}/3/7").arranged(range(7)) for number in range(3)]
    assert order == [[0, 1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 0, 1], [4, 5, 6, 0, 1, 2, 3]]
    assert str(Sibling(1, 3, 7)) == "1/3/7"
