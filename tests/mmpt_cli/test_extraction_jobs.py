"""Extraction in parts, in several processes, as jobs of Slurm (submitit) and on Ray."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest
import submitit

from mmpt.errors import ConfigError, DataError
from mmpt.store.features import Sibling
from mmpt_cli import extraction
from mmpt_cli.checkout import ROOT
from mmpt_cli.extract import main, parse

EXTRACT = ROOT / "scripts/video_feature_extractor/extract.py"
ENCODER = """
import mmpt.encoders as encoders

class Mean:
    spec = encoders.EncoderSpec(name="mean", dim=3, fps=2, size=8)

    def __call__(self, frames):
        return frames.float().mean((1, 2, 3)) + 1

@encoders.register("mean")
def build(weights, device):
    return Mean()
"""
CLUSTER = """
default: {partition: gpu, time: 90, cpus_per_task: 4}
here: {cluster: local, time: 5}
small: {cpus_per_task: 1}
"""


def write_clip(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2)
        stream.height = stream.width = 32
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            image = np.full((32, 32, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """An encoder; one file for all tests, because a process loads it once."""
    path = tmp_path_factory.mktemp("plugin") / "mean_encoder.py"
    path.write_text(ENCODER)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with three videos, one of them broken, and settings of a cluster."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    write_clip(tmp_path / "videos/a.mp4", 2)
    write_clip(tmp_path / "videos/b.mp4", 5)
    (tmp_path / "videos/bad.mp4").write_bytes(b"no video")
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    return tmp_path


@pytest.fixture
def options(plugin):
    """Function: folder of the features, more options -> all options."""

    def options(folder, *more):
        given = ["--vdir", "videos", "--fdir", folder, "--type", "mean", "--plugin", str(plugin)]
        return [*given, "--device", "cpu", "--num_decoding_thread", "1", *more]

    return options


@pytest.fixture
def extract():
    return main


def contents(folder):
    files = {path.name: path.read_bytes() for path in Path(folder).glob("*.npy")}
    return files, json.loads(Path(folder, "extraction_report.json").read_text())


@pytest.fixture
def assert_all_was_made(extract, options):
    """Function that checks a folder: two videos have what one process makes, the third a reason."""

    def check(folder):
        assert extract(options("alone")) == 1
        assert extract(options("alone", "--allow_missing")) == 0
        compare(folder)

    return check


def compare(folder):
    (files, report), (files_alone, _) = contents(folder), contents("alone")
    assert files == files_alone
    assert (report["done"], report["parts"], report["parts_without_report"]) == (2, 2, [])
    assert list(report["failed"]) == ["bad"]
    assert not Path(folder, ".claims").exists()


def test_parts_of_a_plan_are_made_one_by_one_and_add_up(place, extract, options, assert_all_was_made):
    assert extract(options("features", "--plan_only")) == 0
    assert os.listdir("features") == ["meta_plan.json"]
    plan = ["--plan", "features/meta_plan.json", "--split"]
    write_clip(place / "videos/new.mp4", 3)  # after the plan was made: not in it
    assert extract(options("features", *plan, "1/2")) == 0
    assert contents("features")[1]["parts_without_report"] == [0]
    assert extract(options("features", *plan, "0/2")) == 1
    (place / "videos/new.mp4").unlink()
    assert_all_was_made("features")


def test_workers_are_shared_out_over_the_gpus_and_cores(monkeypatch):
    monkeypatch.setattr(extraction.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(extraction.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(extraction, "core_count", lambda: 12)
    given = ["--vdir", "videos", "--fdir", "features", "--num_workers", "3", "--split", "0/2"]
    commands = [
        extraction.worker_command(given, parse(given), Sibling(number, 3, 77), Path("todo"))
        for number in range(3)
    ]
    assert [command[-1] for command in commands] == ["cuda:0", "cuda:1", "cuda:0"]
    assert commands[1][1:3] == ["-m", "mmpt_cli.extract"]
    worker = parse(commands[1][3:])
    assert (worker.num_workers, worker.num_threads, worker.sibling) == (1, 4, "1/3/77")
    assert (worker.plan, worker.vdir) == ("todo", "videos")
    given += ["--device", "cuda:1"]
    assert extraction.worker_command(given, parse(given), Sibling(0, 3, 77), Path("todo"))[-2:] != [
        "--device",
        "cuda:0",
    ]


def test_jobs_of_slurm_make_all_videos_and_add_up_their_reports(place, extract, options, assert_all_was_made):
    cluster = ["--jobtype", "slurm_cpu", "--num_jobs", "2", "--cluster_config", "here", "--wait"]
    assert extract(options("features", *cluster)) == 1  # one video is bad
    assert_all_was_made("features")


def test_an_extraction_is_submitted_as_one_array_that_reads_one_plan(place, extract, options, sbatch, capsys):
    cluster = ["--jobtype", "slurm_small", "--num_jobs", "3"]
    assert extract(options("features", *cluster)) == 0
    script = (sbatch / "0").read_text()
    for option in ("--array=0-2%3", "--gpus-per-node=2", "--cpus-per-task=4", "--partition=gpu", "--time=90"):
        assert f"#SBATCH {option}\n" in script
    commands = [
        submitit.core.utils.DelayedSubmission.load(f"features/slurm/700_{part}_submitted.pkl").function.argv
        for part in range(3)
    ]
    assert [command[-1] for command in commands] == ["0/3", "1/3", "2/3"]
    end = "--jobtype local --allow_missing --plan features/meta_plan.json --num_workers 2 --split"
    assert " ".join(commands[0][:-1]).endswith(end)
    assert list(json.loads(Path("features/meta_plan.json").read_text())["videos"]) == ["a", "b", "bad"]
    assert "3 jobs, 700_0 to 700_2; logs: features/slurm" in capsys.readouterr().out


def test_a_part_that_fails_is_named(place, extract, options):
    cluster = ["--jobtype", "slurm_cpu", "--num_jobs", "1", "--cluster_config", "here", "--wait"]
    with pytest.raises(DataError, match="Parts of the extraction have failed, see their logs: 0"):
        extract(options("features", *cluster, "--plugin", "none.py"))


def test_what_does_not_go_together_is_refused(place, extract, options):
    with pytest.raises(ConfigError, match="give --num_jobs in place of --split"):
        extract(options("features", "--jobtype", "slurm_cpu", "--split", "0/2"))
    (place / "cluster.yaml").write_text("default: {nodes: 2}\n")
    with pytest.raises(ConfigError, match="does not need several machines in one job"):
        extract(options("features", "--jobtype", "slurm_cpu"))
    with pytest.raises(ConfigError, match="--num_jobs must be at least 1, got 0"):
        extract(options("features", "--jobtype", "slurm_cpu", "--num_jobs", "0"))
    assert not Path("features").exists()


def test_jobs_on_ray_make_all_videos_and_add_up_their_reports(place, options, assert_all_was_made):
    cluster = ["--jobtype", "ray_cpu", "--num_jobs", "2", "--cluster_config", "small"]
    temporary = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # its sockets need short names
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "HOME": temporary,  # where Ray keeps its password
        "RAY_TMPDIR": temporary,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, EXTRACT, *options("features", *cluster)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    assert done.returncode == 1, done.stderr
    assert "2 videos done (4 s of video" in done.stderr
    assert_all_was_made("features")
