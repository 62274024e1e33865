"""Shared fixtures: golden cases, the tiny BERT they use, and a guard against the network."""

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import sys
from multiprocessing import forkserver
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before any test imports transformers: nothing may look for a hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Before any imports torch: two workers on two cores otherwise slow each other down, and the last bits of
# sums, which processes that train in parts are compared by, depend on the number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Time is not what the properties are about, and a shared machine may pause at any example.
# Examples are the same everywhere: what fails, fails again.
settings.register_profile(
    "mmpt", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("mmpt")

# What a shell starts in the background ignores Ctrl-C, and so would the commands that tests stop with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# mteb makes a folder when it is imported; the home may be read-only.
os.environ.setdefault("MTEB_CACHE", str(Path(__file__).parents[1] / "build/mteb"))

GOLDEN = Path(__file__).parent / "golden"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Have every test and fixture draw the same numbers, whatever ran before in the same process."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the golden cases."""
    return GOLDEN


@pytest.fixture(scope="session")
def tiny_bert() -> Path:
    """Folder of a 3-layer BERT with 159 words."""
    return GOLDEN / "bert"


@pytest.fixture
def golden_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Function: name of a model case -> (model with its recorded weights, inputs, expected outputs)."""
    from safetensors.torch import load_file

    from mmpt.models import build_model
    from mmpt.utils import recursive_config

    def load(name: str):
        folder = GOLDEN / name
        # JSON is YAML; ``bert_name: bert`` is relative to the folder of the cases.
        task = json.loads((folder / "case.json").read_text())["config"]
        (tmp_path / "task.yaml").write_text(json.dumps(task))
        monkeypatch.chdir(GOLDEN)
        model = build_model(recursive_config(tmp_path / "task.yaml"))
        model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
        return (
            model.eval(),
            load_file(folder / "inputs.safetensors"),
            load_file(folder / "outputs.safetensors"),
        )

    return load


@pytest.fixture
def retrieval_task(tmp_path: Path, tiny_bert: Path) -> Path:
    """A test task in its own folder: 5 sentences, 4 of them with features, and an untrained VideoCLIP.

    Returns the task file ``test_small.yaml``; beside it lie ``test.csv``, ``feat/v<n>.npy`` (512 wide)
    and ``runs/checkpoint_best.pt``.
    """
    import numpy as np
    import torch
    import yaml

    from mmpt.models import build_model
    from mmpt.utils import recursive_config

    sentences = [
        "cut the onion",
        "stir it fast",
        "move the red ball",
        "pour oil in the pan",
        "a dog and a cat",
    ]
    table = "".join(f"v{i},{sentence}\n" for i, sentence in enumerate(sentences))
    (tmp_path / "test.csv").write_text(f"video_id,sentence\n{table}")
    (tmp_path / "feat").mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):  # v4 has no features
        np.save(tmp_path / "feat" / f"v{i}.npy", rng.normal(size=(3 + i, 512)).astype(np.float16))
    task = {
        "dataset": {
            "split": "test",
            "bert_name": str(tiny_bert),
            "meta_processor": "MSRVTTMetaProcessor",
            "test_path": str(tmp_path / "test.csv"),
            "video_processor": "VideoProcessor",
            "vfeat_dir": str(tmp_path / "feat"),
            "text_processor": "MSRVTTTextProcessor",
            "aligner": "DSAligner",
            "max_video_len": 8,
            "max_len": 24,
        },
        "model": {
            "model_cls": "MMFusionSeparate",
            "video_encoder_cls": "MMBertForEncoder",
            "text_encoder_cls": "BertModel",
            "num_hidden_video_layers": 1,
        },
        "fairseq": {
            "dataset": {"batch_size": 3, "num_workers": 0, "valid_subset": "test"},
            "common_eval": {"path": str(tmp_path / "runs" / "checkpoint_best.pt")},
        },
        "eval": {"save_path": str(tmp_path / "runs" / "eval")},
        "metric": "RetrievalMetric",
        "predictor": "RetrievalPredictor",
    }
    path = tmp_path / "test_small.yaml"
    path.write_text(yaml.safe_dump(task))
    (tmp_path / "runs").mkdir()
    torch.manual_seed(0)
    model = build_model(recursive_config(path), pretrained=False)
    torch.save(model.state_dict(), tmp_path / "runs" / "checkpoint_best.pt")
    return path


@pytest.fixture
def legacy_config():
    """Task over the shards that the original wrote: 12 training and 2 validation videos, 4 clips each."""
    from mmpt.config import DatasetConfig, TaskConfig

    data = GOLDEN / "legacy" / "data"
    return TaskConfig(
        dataset=DatasetConfig(
            bert_name=str(GOLDEN / "bert"),
            meta_processor="ShardedHow2MetaProcessor",
            train_path=str(data / "train.lst"),
            val_path=str(data / "val.lst"),
            test_path=str(data / "val.lst"),
            video_processor="ShardedVideoProcessor",
            vfeat_dir=str(data),
            text_processor="ShardedTextProcessor",
            tfeat_dir=str(data / "cap."),
            aligner="OverlappedAligner",
            sampled_video_min_len=3,
            sampled_video_max_len=8,
            sampled_min_len=4,
            sampled_max_len=12,
            max_video_len=8,
            max_len=24,
            subsampling=4,
        )
    )


@pytest.fixture(scope="module")  # while it runs, nothing else in the process may have an event loop
def browser():
    """The system's Chromium, which pages are tested in."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NO CHROMIUM: the page is untested here. Install it: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: install the extra dev")
    with playwright.sync_playwright() as driver:
        # In a container there is no sandbox for Chromium to make, and little shared memory.
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Folder of pictures that tests take, for people to look at."""
    folder = GOLDEN.parents[1] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def start():
    """Function that calls a function in a new process and returns when it has begun, so that a kill meets it.

    The processes are forks of one that has the large modules, so it is quick.
    """
    from new_process import begin

    context = multiprocessing.get_context("forkserver")
    # There is one such server for all tests that run here.
    context.set_forkserver_preload(["mmpt.search", "mmpt.store.features", "fairseq_cli.train"])
    with contextlib.chdir(GOLDEN.parents[1]):  # whence it imports
        forkserver.ensure_running()

    def start(function, *arguments):
        begun = context.Event()
        process = context.Process(target=begin, args=(begun, os.getcwd(), function, *arguments))
        process.start()
        while not begun.wait(1):
            assert process.is_alive()
        return process

    yield start
    for process in multiprocessing.active_children():  # of tests that failed or were stopped
        process.kill()


@pytest.fixture(scope="session")
def programs(start, tmp_path_factory) -> Path:
    """Folder with ``mmpt`` and ``python FILE`` that start in milliseconds."""
    from warm_programs import serve_programs, write_programs

    folder = tmp_path_factory.mktemp("programs")
    write_programs(folder)
    with socket.socket(socket.AF_UNIX) as door:
        with contextlib.chdir(folder):  # the address of a socket is short
            door.bind("door")
        door.listen()
        start(serve_programs, door)
    return folder
