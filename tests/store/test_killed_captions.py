"""Cleaning and tokenising that is killed at random moments: resumed, it ends as if nothing had happened."""

import json
import math
import multiprocessing
import signal
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from mmpt.processors.dedupprocessor import CaptionDedupProcessor
from mmpt.store import caption_dedup as dedupprocessor
from mmpt.store import pretokenize
from mmpt.store.caption_writer import write_captions
from mmpt.store.captions import Caption
from mmpt.store.meta import ArraySpec
from mmpt.store.pretokenize import PretokenizeConfig
from mmpt.store.shard_writer import plan_shards, write_shards
from mmpt.store.verify import verify_shards
from mmpt.utils import resumable
from mmpt.utils.tokenizer import load_tokenizer

WORDS = ["cut", "the", "red", "onion", "and", "stir", "it"]
KILLS = pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
PAUSE = 0.01
"""Seconds that a video takes at least, so that a kill meets a run at work."""
MOST = 12
"""Videos that a process makes of the 30 per kill until it waits for the kill: two never make all."""


def captions_of(number):
    rng = np.random.default_rng(number)
    return [Caption(i, i + 1, " ".join(rng.choice(WORDS, rng.integers(1, 9)))) for i in range(6)]


def slowly(function, most):
    number = count()

    def slow(*arguments):
        time.sleep(PAUSE if next(number) < most else 1000)
        return function(*arguments)

    return slow


def clean(most, source, target, workers):
    """Runs in a process of its own, which may be changed as this test likes."""
    dedupprocessor.parse_captions = slowly(dedupprocessor.parse_captions, most)
    dedupprocessor.VIDEOS_AT_A_TIME = 2
    resumable.CHECKPOINT_SECONDS = 0.0
    CaptionDedupProcessor(workers=workers).process_file(source, target)


def tokenize(most, config, workers):
    """As :func:`clean`."""
    pretokenize.parse_captions = slowly(pretokenize.parse_captions, most)
    pretokenize.VIDEOS_AT_A_TIME = 2
    pretokenize.pretokenize(config, workers)


def run_until_killed(kills, make, *arguments):
    """Start and kill it again and again, then let it come to its end."""
    random = np.random.default_rng(kills)
    context = multiprocessing.get_context("fork")
    for _ in range(kills):
        process = context.Process(target=make, args=(MOST, *arguments))
        process.start()
        process.join(random.uniform(0.02, 0.12))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    process = context.Process(target=make, args=(math.inf, *arguments))
    process.start()
    process.join()
    assert process.exitcode == 0


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@KILLS
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_cleaning_ends_like_an_undisturbed_one(tmp_path, kills, workers):
    videos = {f"v{number}": captions_of(number) for number in range(30 * kills)}
    raw = tmp_path / "raw_caption.json"
    raw.write_text(
        json.dumps(
            {
                name: dict(zip(("start", "end", "text"), zip(*own, strict=True), strict=True))
                for name, own in videos.items()
            }
            | {"bad": {}}
        )
    )
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    CaptionDedupProcessor().process_file(raw, tmp_path / "whole/x.pkl")
    run_until_killed(kills, clean, raw, tmp_path / "killed/x.pkl", workers)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert sorted(contents(tmp_path / "whole")) == ["x.pkl", "x_report.json"]


@KILLS
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_tokenising_ends_like_an_undisturbed_one(tmp_path, tiny_bert, kills, workers):
    ids = [f"v{number}" for number in range(30 * kills)]
    write_captions(tmp_path / "x.jsonl", [(name, captions_of(place)) for place, name in enumerate(ids[:-3])])
    configs = {}
    items = [[np.zeros((2, 4), np.float16)]]
    for folder in ("whole", "killed"):
        arrays = [ArraySpec("", "float16", 4)]
        shards = plan_shards(ids, 10)
        write_shards(f"{tmp_path}/{folder}/", "train", shards, lambda own: items * len(own), arrays, {})
        configs[folder] = PretokenizeConfig(
            bert_name=str(tiny_bert),
            vfeat_dir=str(tmp_path / folder),
            caption_path=str(tmp_path / "x.jsonl"),
            splits=["train"],
        )
    load_tokenizer(str(tiny_bert))  # once for all processes
    pretokenize.pretokenize(configs["whole"])
    run_until_killed(kills, tokenize, configs["killed"], workers)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert verify_shards(tmp_path / "killed").problems == []
