"""The page of a run: what it shows, and that it says what the run lacks."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from run_makers import Page, evaluated

from mmpt import pages
from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.errors import DataError
from mmpt.report.about import About, Hit, Query, write_about
from mmpt.report.page import write_report
from mmpt.utils.files import write_json

HOSTILE = "<script>alert('x')</script> & \"quotes\""


def lines_of(page, title):
    """Return name -> [(x, y)] of the chart with a title, as its script gets them."""
    html = page.html.split(f"<h3>{title}</h3>")[0]
    data = html.rsplit("data-lines='", 1)[1].split("'", 1)[0]
    return {line["name"]: [tuple(point[2:]) for point in line["points"]] for line in json.loads(data)}


def test_a_finished_run_shows_losses_and_what_else_was_logged(trained):
    page = Page(write_report(trained()))
    loss = lines_of(page, "Loss")
    assert loss["training"][0] == (2, (10 / 1 + 10 / 2) / 2)
    assert loss["validation"] == [(10, 1 + 1 / 3), (20, 1 + 2 / 3), (30, 2.0)]
    assert "guessing 5.545" in page.text  # 2 ln 16
    assert lines_of(page, "Learning rate")["runs/a"] == [(update, 0.1) for update in range(2, 31, 2)]
    assert lines_of(page, "acc, validation")["runs/a"] == [(10, 0.5), (20, 0.5), (30, 0.5)]
    assert "Updates per second" in page.text
    assert "Samples per second" in page.text
    assert "finished progress update 30, epoch 3 of 3" in page.text
    assert "best validation loss 1.333 at update 10" in page.text
    assert page.all("ul")[1].get("class") != "notes"  # nothing is unusual


def test_the_page_needs_no_other_file_and_has_one_script(trained):
    page = Page(write_report(trained()))
    assert len(page.all("script")) == 1
    assert page.all("script")[0] == {}
    script = page.html.split("<script>")[1].split("</script>")[0]
    assert script.strip() == Path(pages.__file__).with_name("chart.js").read_text().strip()
    for word in ("fetch(", "XMLHttpRequest", "import(", "innerHTML", "eval("):
        assert word not in script
    assert page.all("link") == []
    assert "prefers-color-scheme: dark" in page.html
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


def test_hardware_time_and_settings_are_told(trained):
    page = Page(write_report(trained()))
    for fact in ("processor Fast CPU", "cores 4", "memory 8 GiB", "GPUs 2 × Big GPU", "torch 2"):
        assert fact in page.text
    assert "max_epoch: 3" in page.text


def test_a_run_that_was_stopped_says_where(trained):
    page = Page(write_report(trained(upto=15, end=False)))
    # The interval that began with update 15 was not filled.
    assert "The training stopped at update 14, epoch 2 of 3: it was interrupted or failed." in page.text


RUNNING = """
import sys, time
from mmpt.utils.trainlog import TrainingLog
log = TrainingLog(sys.argv[1], 1)
log.start({})
log.train(1, 2.0)
print("ready", flush=True)
time.sleep(1000)
"""


def test_a_run_that_goes_on_says_so(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNING, tmp_path / "metrics.jsonl"], stdout=subprocess.PIPE
    )
    try:
        process.stdout.readline()
        page = Page(write_report(tmp_path))
    finally:
        process.kill()
        process.communicate()
    assert "The training is running: update 1, epoch 1; it was last heard of" in page.text


def test_a_resumed_run_is_one_curve_and_says_in_how_many_sessions(trained):
    trained(upto=20, end=False, losses=lambda update: 100.0)
    page = Page(write_report(trained(losses=lambda update: 5.0)))
    assert {loss for _, loss in lines_of(page, "Loss")["training"]} == {5.0}
    assert "It was trained in 2 sessions" in page.text


def test_losses_that_are_not_finite_are_gaps_and_named(trained):
    folder = trained(losses=lambda update: math.nan if update in (11, 12) else 2.0)
    page = Page(write_report(folder))
    assert "is not finite (NaN or infinite) at 1 of 15 points, first at update 12" in page.text
    assert 12 not in dict(lines_of(page, "Loss")["training"])


def test_a_run_of_nothing_but_nan_has_a_page(trained):
    page = Page(write_report(trained(valid=False, losses=lambda update: math.nan)))
    assert "No finite value." in page.text
    assert "at 15 of 15 points, first at update 2" in page.text


def test_broken_lines_are_counted(trained):
    folder = trained()
    with open(folder / "metrics.jsonl", "a") as stream:
        stream.write('{"split": "train", "update"\n\x00\x00\n')
    assert "2 lines of metrics.jsonl could not be read and were left out" in Page(write_report(folder)).text


@pytest.mark.parametrize(
    ("upto", "why"),
    [(8, "the first comes at the end of an epoch"), (30, "see disable_validation, validate_interval")],
)
def test_a_run_without_validation_says_why(trained, upto, why):
    page = Page(write_report(trained(upto=upto, valid=False)))
    assert f"There is no validation loss: {why}." in page.text


def test_a_run_that_has_just_begun_has_a_page(trained):
    assert "There is no training loss yet" in Page(write_report(trained(upto=1, end=False))).text


def test_results_stand_beside_their_baseline_and_count(trained):
    folder = trained()
    evaluated(
        folder / "vtt/eval", name="untrained", arrays={"scores": 1 - np.eye(4)}, date="2024-04-01T00:00:00Z"
    )
    evaluated(folder / "vtt/eval", skipped={"without features": 2})
    page = Page(write_report(folder))
    table = page.text.split("vtt model R@1")[1]
    assert table.startswith(
        " R@5 R@10 median rank baseline 25.0 % 100.0 % 100.0 % 2.5 untrained 0.0 % 100.0 % 100.0 % 4.0 "
        "checkpoint_best 100.0 % 100.0 % 100.0 % 1.0 test split: 4 queries"
    )
    assert "Left out: 2 (without features)." in page.text
    assert "evaluation vtt 1 min 10 s" in page.text


def test_results_of_other_runs_inside_are_left_to_their_pages(trained):
    folder = trained()
    trained("runs/a/vtt")
    evaluated(Path("runs/a/vtt/eval"))
    assert "R@1" not in Page(write_report(folder)).text
    assert "R@1" in Page(write_report(Path("runs/a/vtt"))).text


def test_a_damaged_result_is_named_and_the_others_shown(trained):
    folder = trained()
    evaluated(folder / "eval")
    (folder / "eval/other.result.json").write_text("{")
    page = Page(write_report(folder))
    assert "other.result.json is not valid JSON" in page.text
    assert "R@1" in page.text


@pytest.mark.parametrize("name", ["config.yaml", "about.json", "stages.json"])
def test_any_other_damaged_file_is_named_and_the_rest_shown(trained, name):
    folder = trained()
    evaluated(folder / "eval")
    (folder / name).write_text("{")
    page = Page(write_report(folder))
    assert name in page.text
    assert "not valid" in page.text
    assert "R@1" in page.text


def test_stage_times_of_another_form_are_named_and_no_time_is_not_shown_as_zero(trained):
    folder = trained()
    (folder / "stages.json").write_text('{"render videos": 1.5}')
    assert "stages.json is not valid" in Page(write_report(folder)).text
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    kept = [{key: line[key] for key in line if key not in ("seconds", "time")} for line in lines]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in kept))
    assert "Time:" not in Page(write_report(folder)).text


def test_of_several_tasks_the_first_metric_of_each_is_shown_off(trained):
    folder = trained()
    for name in ("vtt", "youcook"):
        evaluated(folder / name / "eval")
    text = Page(write_report(folder)).text.split("Training")[0]
    assert text.endswith("vtt R@1 100.0 % baseline 25.0 % youcook R@1 100.0 % baseline 25.0 % ")


def test_the_loss_of_guessing_is_not_told_where_an_item_is_a_batch_of_neighbours(trained):
    folder = trained()
    with open(folder / "config.yaml", "a") as stream:
        stream.write("dataset: {num_video_per_batch: 4}\n")
    assert "guessing" not in Page(write_report(folder)).text


def test_the_main_metric_of_numbered_checkpoints_is_a_curve(trained):
    folder = trained()
    for epoch in (1, 2):
        evaluated(folder / "eval", name=f"checkpoint{epoch}", arrays={"scores": np.eye(4) * epoch})
    assert lines_of(Page(write_report(folder)), "R@1, %") == {"R@1": [(1, 100.0), (2, 100.0)]}


def test_checkpoints_of_epochs_and_of_updates_are_not_on_one_axis(trained):
    folder = trained()
    for name in ("checkpoint1", "checkpoint2", "checkpoint_1_700", "checkpoint_2_1500"):
        evaluated(folder / "eval", name=name)
    page = write_report(folder).read_text()
    assert "R@1, % by epoch" in page
    assert "R@1, % by update" in page


def test_an_evaluation_alone_has_a_page(tmp_path):
    evaluated(tmp_path)
    page = Page(write_report(tmp_path))
    assert "No training was logged here" in page.text
    assert "R@1 100.0 % baseline 25.0 %" in page.text


def test_what_people_say_of_a_run_stands_on_its_page_escaped(trained):
    folder = trained()
    hit = Hit(HOSTILE, 1, 3, 0.5, note=HOSTILE, correct=False)
    write_about(
        folder / "about.json",
        About(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: "ab" * 32}, [Query(HOSTILE, [hit])]),
    )
    evaluated(folder / "eval", name=HOSTILE.replace("/", ""))
    page = Page(write_report(folder))
    assert len(page.all("script")) == 1
    assert page.text.count(HOSTILE) >= 7
    assert "✗ wrong" in page.text
    assert (
        "Of 1 clips: it is not known where the video files are; give their folder with --videos." in page.text
    )


def test_frames_are_shown_where_the_videos_are(trained):
    folder = trained()
    write_video(RenderJob(Path("videos/v.mp4"), scene_of(0, 0), end=4.0))
    items = [{"video": "v", "start": start, "end": start + 1, "text": f"text {start}"} for start in range(4)]
    evaluated(folder / "eval", items={"items": items})
    page = Page(write_report(folder, [Path("videos")]))
    sources = [image["src"] for image in page.all("img")]
    assert len(sources) == 2 * 3 * 3  # two texts found at once, three clips, three frames
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_videos_are_looked_for_where_the_features_were_made_of_them(trained):
    folder = trained()
    write_video(RenderJob(Path("videos/v.mp4"), scene_of(0, 0), end=4.0))
    plan = {
        "videos": {"v": {"video": "videos/v.mp4", "feature": "feat/v.npy"}},
        "duplicates": {},
        "other_files": 0,
    }
    write_json("feat/meta_plan.json", plan)
    np.save("feat/v.npy", np.zeros((4, 2), np.float16))
    items = [{"video": "v", "start": None, "end": None, "text": "a"}] * 4  # whole videos
    evaluated(folder / "eval", items={"items": items}, features={"folder": "feat"})
    assert len(Page(write_report(folder)).all("img")) == 18
    Path("videos/v.mp4").unlink()
    page = Page(write_report(folder))
    assert page.all("img") == []
    assert "the video files are not where the features were made of them" in page.text


def test_results_of_before_say_that_their_texts_were_not_kept(tmp_path):
    evaluated(tmp_path)
    assert (
        "The texts and clips behind checkpoint_best were not kept; evaluate again"
        in Page(write_report(tmp_path)).text
    )


def test_captions_are_shown_beside_what_people_wrote(tmp_path):
    captions = [{"clip": "v 0-4", "caption": "cut it", "references": ["slice it", "cut"]}]
    evaluated(tmp_path, details={"examples": captions})
    assert "v 0-4 cut it slice it · cut" in Page(write_report(tmp_path)).text


@pytest.mark.parametrize(("name", "message"), [("gone", "no folder of a run"), (".", "There is no run in")])
def test_what_is_no_run_is_refused(tmp_path, name, message):
    with pytest.raises(DataError, match=message):
        write_report(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
