"""The whole demo at reduced size: every stage, from rendering to the report."""

import json
import shutil
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from mmpt.errors import DataError, MMPTError
from mmpt.models import MMPTModel
from mmpt.utils.files import read_json
from mmpt_cli import demo
from mmpt_cli.demo_stages import Stage, run_timed

pytestmark = pytest.mark.fairseq

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty working directory with the shipped projects and encoder."""
    shutil.copytree(ROOT / "projects", tmp_path / "projects", ignore=shutil.ignore_patterns("demo"))
    (tmp_path / "pretrained_models").symlink_to(ROOT / "pretrained_models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small_workspace(workspace):
    """One epoch instead of nine."""
    project = workspace / "projects/demo.yaml"
    text = project.read_text()
    assert "log_interval: 5" in text
    assert "max_epoch: 9" in text
    project.write_text(
        text.replace("log_interval: 5", "log_interval: 1").replace("max_epoch: 9", "max_epoch: 1")
    )


def test_the_demo_trains_answers_and_reports(small_workspace, capfd):
    assert demo.main(["--videos", "8"]) == 0
    said = capfd.readouterr().out
    for name in ("chance", "untrained", "trained"):
        assert f"\n{name} " in said
    assert said.count(" s  score ") == 9  # three hits for each of three queries
    for result in demo.RESULTS:
        values = json.loads(result.read_text())
        assert values["metrics"]["R1"]["baseline"] == pytest.approx(1 / values["counts"]["candidates"])
    page = Path("runs/demo/report.html").read_text()
    answers, _ = page.split("<h2>Examples: youcook_zs</h2>")
    assert answers.count("data:image/jpeg") == 27  # three frames of every hit
    assert said.count("report: runs/demo/report.html\n") == 3  # of training, of retrieval, of the demo
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert Path("runs/demo/metrics.jsonl").exists()
    shutil.move(demo.MODEL, "elsewhere")
    model, _, _ = MMPTModel.from_pretrained("elsewhere")
    [video, *_] = Path("data/demo/videos/youcook").glob("*.mp4")
    assert model.moments(video, "add the red moon")
    assert "| R@1 |" in Path("elsewhere/README.md").read_text()

    made = Path("data/demo/videos").rglob("*.mp4"), Path("runs/demo").glob("checkpoint_best.pt")
    before = {path: path.stat().st_mtime_ns for group in made for path in group}
    assert demo.main(["--videos", "8"]) == 0  # everything is there: nothing is made again
    assert before == {path: path.stat().st_mtime_ns for path in before}

    with pytest.raises(DataError, match="holds another world"):
        demo.main(["--videos", "9"])


def test_a_stage_that_fails_stops_the_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stage = Stage("break", ["no such command"])
    with pytest.raises(MMPTError, match=r"The stage 'break' ended with exit code 2; .* go on from there"):
        stage.run()


def test_the_time_of_a_stage_is_that_of_the_runs_that_it_took(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clock = iter([0.0, 5.0, 10.0, 12.0, 20.0, 21.0])  # stopped after 5 s, finished in 2 s, looked at for 1 s
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    for command in ("no such command", "--version", "--version"):
        stage = Stage("work", [command])
        with nullcontext() if command == "--version" else pytest.raises(MMPTError):
            run_timed(stage, tmp_path)
    assert read_json(tmp_path / "stages.json") == {"work": {"seconds": 7.0, "finished": True}}


@pytest.mark.slow
def test_the_whole_demo_finds_held_out_clips(workspace):
    assert demo.main([]) == 0
    values = read_json(demo.RESULTS[-1])
    assert values["counts"]["candidates"] >= 100
    assert values["metrics"]["R1"]["value"] >= 0.3
