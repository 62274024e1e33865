"""Search among a million seconds, exactly, and what an index takes beside extraction.

Vectors of width 768 of 10 000 videos, as trained models make them: a video's seconds resemble each other,
and all share a direction. The plain way multiplies in float32 and sorts; both find the same rows. A whole
search encodes the text with BERT base, looks at all seconds and clips, and cuts moments out of the best
videos. Times are medians. The index that is built is of demo videos with the demo's encoder, which is the
fastest there is, and a model of the demo's size; with S3D at its full size extraction takes 40 times as long.
Run: python -m benchmarks.bench_search
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bench_encode import model_in_use
from mmpt.config import DatasetConfig, ExtractorConfig, ModelConfig, TaskConfig
from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_videos
from mmpt.models import MMPTModel, build_model
from mmpt.search import Searcher, VideoEntry, build_index
from mmpt.search.build import extract_here
from mmpt.search.guess import Guess, has_faiss
from mmpt.search.index import Index
from mmpt.search.manifest import Manifest, ModelRecord
from mmpt.search.nearest import Matrix, best_rows
from mmpt.search.segment import VideoVectors, write_segment
from mmpt.store.extraction_report import ExtractionReport
from mmpt.store.paths import VideoJob

ROOT = Path(__file__).parent.parent
VIDEOS, SECONDS, CLIP, WIDTH = 10_000, 100, 32, 768
SEGMENTS, COUNT, QUERIES, ROUNDS = 4, 40, 10, 3
GUESSED_AMONG = 40_000
FILMS, FILM_SECONDS, COPIES = 16, 30, 5
WORDS = "w5 w19 w33 w47 w61"

Row = tuple[str, float, str, float | str | None]


def seconds_of(rng: np.random.Generator) -> torch.Tensor:
    """Return the vectors of a video, float16 (SECONDS, WIDTH)."""
    steps = np.cumsum(rng.normal(size=(SECONDS, WIDTH)), axis=0) / 8
    return torch.from_numpy(COMMON + rng.normal(size=WIDTH) / 2 + steps / np.sqrt(WIDTH) * 8).half()


COMMON = np.random.default_rng(1).normal(size=WIDTH)


def write_index(folder: Path, model: MMPTModel) -> None:
    """Write an index as building it would, of vectors that are made up."""
    rng, records = np.random.default_rng(0), []
    for number in range(SEGMENTS):
        videos = []
        for at in range(number, VIDEOS, SEGMENTS):
            seconds = seconds_of(rng)
            entry = VideoEntry(f"v{at:05d}", f"/videos/v{at:05d}.mp4", SECONDS, 0, 0, "0" * 64)
            videos.append(VideoVectors(entry, seconds))
        records.append(write_segment(folder, f"{number:06d}", videos, CLIP))
    record = ModelRecord("", "", (), model.identity, "", WIDTH, CLIP)
    Manifest(record, segments=tuple(records)).save(folder)


def median_ms(function: Callable[[Any], object], values: Sequence[Any]) -> float:
    """Return the median time of a call in milliseconds, after one that does not count."""
    function(values[0])
    times = []
    for value in values:
        begin = time.perf_counter()
        function(value)
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def plain_search(whole: np.ndarray, query: torch.Tensor) -> np.ndarray:
    """Return the best rows as one writes it first."""
    return np.argsort(-(whole @ query.numpy()))[:COUNT]


def search_rows(folder: Path) -> list[Row]:
    """Measure searches in a million seconds."""
    model = model_in_use()
    write_index(folder, model)
    opening = median_ms(Index.open, [folder] * ROUNDS)
    searcher = Searcher(Index.open(folder), model)
    matrices = [Matrix(each.seconds, each.record.longest) for each in searcher.index.segments]
    rng = np.random.default_rng(2)
    queries = [torch.from_numpy(COMMON / 2 + rng.normal(size=WIDTH)).float() for _ in range(QUERIES)]
    # As fast as numpy can: one matrix in float32, made before.
    whole = np.concatenate([matrix.rows.numpy().astype(np.float32) for matrix in matrices])
    plain = median_ms(partial(plain_search, whole), queries)
    fast = median_ms(lambda query: best_rows(matrices, query, COUNT), queries)
    starts = np.cumsum([0, *(len(matrix.rows) for matrix in matrices)])
    for query in queries:
        found = best_rows(matrices, query, COUNT)
        exact = np.sort(whole @ query.numpy())[::-1][:COUNT]
        np.testing.assert_allclose(found.score[:COUNT], exact, rtol=1e-4)
        np.testing.assert_allclose(
            whole[starts[found.matrix] + found.row] @ query.numpy(), found.score, rtol=1e-4
        )
    del whole
    search = median_ms(searcher.search, [f"{WORDS} w{number}" for number in range(100, 100 + QUERIES)])
    text = median_ms(lambda query: model.encode_text([query]), [WORDS] * QUERIES)
    rows: list[Row] = [
        (f"best {COUNT} of 1 000 000, numpy float32", plain, "ms", 1.0),
        (f"best {COUNT} of 1 000 000, exact", fast, "ms", plain / fast),
        ("a whole search", search, "ms", f"{text:.0f} ms of it the text"),
        ("opening the index", opening, "ms", None),
    ]
    if has_faiss():
        rows.append(guessed_row(matrices[0].rows[:GUESSED_AMONG], queries))
    return rows


def guessed_row(rows: torch.Tensor, queries: Sequence[torch.Tensor]) -> Row:
    """Measure how many of the best rows FAISS leads to."""
    longest = float(rows.float().norm(dim=1).max())
    begin = time.perf_counter()
    guess = Guess.build(rows, longest)
    seconds = time.perf_counter() - begin
    shares = []
    for query in queries:
        exact, found = (
            best_rows([matrix], query, COUNT).row
            for matrix in (Matrix(rows, longest), Matrix(rows, longest, (), guess))
        )
        shares.append(np.isin(exact, found).mean())
    return (
        f"best {COUNT} of {len(rows)} found with FAISS",
        100 * float(np.mean(shares)),
        "%",
        f"built in {seconds:.0f} s",
    )


def demo_model(folder: Path) -> MMPTModel:
    """Return a model of the demo's size with random weights and the demo's video encoder."""
    bert = {"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    (folder / "config.json").write_text(json.dumps(bert))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(5, 30_000))]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = TaskConfig(
        dataset=DatasetConfig(bert_name=str(folder), max_video_len=12, max_len=36),
        model=ModelConfig(
            model_cls="MMFusionSeparate",
            video_encoder_cls="MMBertForEncoder",
            text_encoder_cls="BertModel",
            num_hidden_video_layers=3,
        ),
        extractor=ExtractorConfig(
            weights=str(ROOT / "pretrained_models/s3d_demo.safetensors"), width=0.25, fps=10, size=64
        ),
    )
    return MMPTModel(config, build_model(config, pretrained=False)).eval()


def build_rows(folder: Path) -> list[Row]:
    """Measure what building an index takes beside extraction."""
    jobs = [RenderJob(folder / f"videos/{n}.mp4", scene_of(0, n), end=FILM_SECONDS) for n in range(FILMS)]
    write_videos(jobs)
    for job in jobs:
        for copy in range(1, COPIES):  # with one more byte, in a box that players skip, it is another file
            box = (9).to_bytes(4, "big") + b"free" + bytes([copy])
            job.path.with_stem(f"{job.path.stem}-{copy}").write_bytes(job.path.read_bytes() + box)
    model, extraction = demo_model(folder), []

    def extract(model: MMPTModel, videos: Sequence[VideoJob]) -> ExtractionReport:
        begin = time.perf_counter()
        report = extract_here(model, videos)
        extraction.append(time.perf_counter() - begin)
        return report

    begin = time.perf_counter()
    build_index([folder / "videos"], folder / "index", model, extract=extract)
    rest = time.perf_counter() - begin - sum(extraction)
    seconds = Index.open(folder / "index").counts["seconds"]
    return [
        ("extraction", seconds / sum(extraction), "seconds of video/s", None),
        (
            "the rest of an index",
            seconds / rest,
            "seconds of video/s",
            f"{100 * rest / sum(extraction):.1f} % on top",
        ),
    ]


def run() -> list[Row]:
    """Return (name, value, unit, times numpy, or what else there is to say)."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        return [*search_rows(Path(one)), *build_rows(Path(other))]


if __name__ == "__main__":
    for name, value, unit, more in run():
        print(f"{name:45s} {value:10.3f} {unit:20s} {more}")
