"""Captions per second, cleaned and tokenised, against plain loops, and the memory that it takes.

The plain loop for tokens parses a video's line and calls the fast tokenizer for every caption; ours is all
that the command does once it has started: finding the videos, tokenising, writing and checking the shards.
The plain loop for repeats holds the whole file in memory and compares every length of overlap. The
variants run in turns and the best round counts, in wall time, because two processes are compared with one.
Memory is the most that a process of its own had, its imports included, for files of two sizes.
Run: python -m benchmarks.bench_captions
"""

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import yaml

from mmpt.processors.dedupprocessor import CaptionDedupProcessor
from mmpt.store.captions import longest_overlap
from mmpt.store.meta import ArraySpec
from mmpt.store.pretokenize import PretokenizeConfig, pretokenize
from mmpt.store.shard_writer import plan_shards, write_shards
from mmpt.store.tokenizing import token_bytes
from mmpt.utils.tokenizer import load_tokenizer

ROOT = Path(__file__).parent.parent
TINY_BERT = ROOT / "tests" / "golden" / "bert"
VIDEOS, CAPTIONS, WORDS = 1000, 110, 20_000
"""As in HowTo100M, a video has about 110 captions."""
LARGER = 6
"""How much larger the second file is whose memory is measured."""
FEW = 50
"""Videos that the plain loops do."""
ROUNDS = 3
REPORTED = (100, 1000, 10_000)
"""Words of the captions whose overlap is measured."""

CLEAN = "from mmpt.processors.dedupprocessor import main; main(['--how2dir', '{}', '--num_workers', '1'])"
TOKENIZE = "from mmpt.store.pretokenize import *; pretokenize(read_config('{}/tokens.yaml'))"

Row = tuple[str, float, str, float | str | None]


def random_videos(videos: int) -> dict[str, dict[str, list]]:
    """Return captions of 4 to 14 words out of 20 000, common ones more often; every third repeats a part."""
    rng = np.random.default_rng(0)
    pieces = [word for word in (TINY_BERT / "vocab.txt").read_text().split() if word.isalpha()]
    words = ["".join(rng.choice(pieces, rng.integers(1, 4))) for _ in range(WORDS)]
    table = {}
    for number in range(videos):
        # 1 / rank, as words of a language: the logarithm of the rank is uniform.
        ranks = np.exp(rng.uniform(0, np.log(WORDS), CAPTIONS * 14)).astype(int) - 1
        texts: list[list[str]] = []
        for own in np.split(ranks, CAPTIONS):
            again = texts[-1][-3:] if texts and rng.random() < 0.3 else []
            texts.append(again + [words[rank] for rank in own[: rng.integers(4, 15)]])
        start = np.cumsum(rng.uniform(1, 4, CAPTIONS)).round(2)
        table[f"video{number:06d}"] = {
            "start": start.tolist(),
            "end": (start + 2).tolist(),
            "text": [" ".join(text) for text in texts],
        }
    return table


def write_world(folder: Path, videos: dict[str, dict[str, list]]) -> PretokenizeConfig:
    """Write raw_caption.json and empty video shards; return what tokenises the cleaned captions."""
    (folder / "raw_caption.json").write_text(json.dumps(videos))
    empty = (np.zeros((0, 1), np.float16),)
    shards = plan_shards(list(videos), 4096)
    write_shards(
        f"{folder}/feat/", "train", shards, lambda ids: [empty] * len(ids), [ArraySpec("", "float16", 1)], {}
    )
    config = PretokenizeConfig(
        bert_name=str(TINY_BERT),
        vfeat_dir=f"{folder}/feat",
        caption_path=f"{folder}/raw_caption_dedup.pkl",
        splits=["train"],
    )
    names = ("bert_name", "vfeat_dir", "caption_path", "splits")
    section = {name: getattr(config, name) for name in names}
    (folder / "tokens.yaml").write_text(yaml.safe_dump({"dataset": section}))
    return config


def plain_tokens(records: Sequence[str]) -> None:
    """Tokenise caption by caption."""
    tokenizer = load_tokenizer(str(TINY_BERT))
    for record in records:
        texts = json.loads(record)["text"]
        rows = np.full((len(texts), 32), -1, np.int32)
        for row, text in zip(rows, texts, strict=True):
            ids = tokenizer(text[:96], add_special_tokens=False)["input_ids"][:32]
            row[: len(ids)] = ids


def batched_tokens(records: Sequence[str]) -> None:
    """Tokenise the captions of all videos in one call of the fast tokenizer."""
    texts = [text[:96] for record in records for text in json.loads(record)["text"]]
    tokenizer = load_tokenizer(str(TINY_BERT))
    encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    rows = np.full((len(texts), 32), -1, np.int32)
    for row, ids in zip(rows, encoded, strict=True):
        row[: len(ids[:32])] = ids[:32]


def our_tokens(config: PretokenizeConfig, workers: int) -> None:
    """Tokenise into shards; words that an earlier round looked up are forgotten."""
    for path in Path(config.vfeat_dir).glob("*raw_caption*"):
        path.unlink()
    token_bytes.cache_clear()
    pretokenize(config, workers)


def plain_overlap(old: Sequence[str], new: Sequence[str]) -> int:
    return max(k for k in range(min(len(old), len(new)) + 1) if old[len(old) - k :] == new[:k])


def plain_dedup(path: Path) -> bytes:
    """Read the whole file, remove repeats by comparing every length, and write the pickle."""
    cleaned = {}
    for video_id, columns in json.loads(path.read_text()).items():
        kept: list[str] = []
        for text in columns["text"]:
            new = text.split()
            overlap = plain_overlap(kept[-1].split(), new) if kept else 0
            kept.append(" ".join(new[overlap:]) or text)
        cleaned[video_id] = json.dumps({**columns, "text": kept})
    return pickle.dumps(cleaned)


def best(ways: dict[str, tuple[Callable[[], object], int]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return things per second of each way's best round; they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (way, _) in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begin)
    return {name: count / min(seconds[name]) for name, (_, count) in ways.items()}


def rates(ways: dict[str, tuple[Callable[[], object], int]], unit: str) -> list[Row]:
    """Return a row per way, compared with the first."""
    speed = best(ways)
    plain = next(iter(speed.values()))
    return [(name, value, unit, value / plain) for name, value in speed.items()]


def overlap_rows() -> list[Row]:
    """Return words per second for captions that share all but everything, the worst case."""
    rows: list[Row] = []
    for words in REPORTED:
        old, new = ["and"] * (words - 1) + ["then"], ["and"] * words
        old.append("and")
        ways = {"plain": (lambda a=old, b=new: plain_overlap(a, b), words)}
        ways["ours"] = (lambda a=old, b=new: longest_overlap(a, b), words)
        speed = best(ways)
        rows.append(
            (
                f"overlap of captions of {words} words",
                speed["ours"],
                "words/s",
                speed["ours"] / speed["plain"],
            )
        )
    return rows


def memory_rows(folder: Path) -> list[Row]:
    """Return the peak memory of both commands, one process each, for files of two sizes."""
    rows: list[Row] = []
    peaks: dict[str, list[float]] = {}
    for times in (1, LARGER):
        place = folder / f"larger{times}"
        place.mkdir()
        videos = random_videos(VIDEOS)
        write_world(place, {f"{turn}{name}": videos[name] for turn in range(times) for name in videos})
        size = (place / "raw_caption.json").stat().st_size / 1e6
        commands = {
            "cleaning": CLEAN.format(place),
            "tokenising": TOKENIZE.format(place),
        }
        for name, command in commands.items():
            peaks.setdefault(name, []).append(peak_memory(command))
            rows.append((f"{name} a file of {size:.0f} MB: peak memory", peaks[name][-1], "MiB", None))
    return rows


def peak_memory(code: str) -> float:
    """Run Python code in a new process; return its peak memory in MiB."""
    # What the system tells the parent (ru_maxrss) would include the parent's own memory.
    code += "; print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    return int(done.stdout) / 1024


def run() -> list[Row]:
    """Return (name, value, unit, times the plain loop)."""
    videos = random_videos(VIDEOS)
    everything, some = VIDEOS * CAPTIONS, FEW * CAPTIONS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = folder / "few.json"
        few.write_text(json.dumps(dict(list(videos.items())[:FEW])))
        config = write_world(folder, videos)
        raw, clean = folder / "raw_caption.json", Path(config.caption_path)
        rows = rates(
            {
                "removing repeats: plain loop": (lambda: plain_dedup(few), some),
                "removing repeats, one process": (
                    lambda: CaptionDedupProcessor().process_file(raw, clean),
                    everything,
                ),
                "removing repeats, two processes": (
                    lambda: CaptionDedupProcessor(workers=2).process_file(raw, clean),
                    everything,
                ),
            },
            "captions/s",
        )
        rows += overlap_rows()
        records = [json.dumps(columns) for columns in list(videos.values())[:FEW]]
        rows += rates(
            {
                "tokenising: plain loop": (lambda: plain_tokens(records), some),
                "tokenising: one call of the fast tokenizer": (lambda: batched_tokens(records), some),
                "tokenising to shards, one process": (lambda: our_tokens(config, 1), everything),
                "tokenising to shards, two processes": (lambda: our_tokens(config, 2), everything),
            },
            "captions/s",
        )
        return rows + memory_rows(folder)


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:60s} {value:14,.0f} {unit} {'' if ratio is None else f'{ratio:9.1f}x'}")
