"""Models on tasks of mteb, with a small task made here: nothing is downloaded."""

import types
from typing import ClassVar

import datasets
import mteb
import pytest
import torch
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata
from small_model import write_task

from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.mteb_encoder import MTEBEncoder
from mmpt.models import MMPTModel

TEXTS = ["move the red ball", "cut the onion", "stir it fast"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [
        write_video(RenderJob(folder / f"v{i}.mp4", scene_of(0, i), end=1.0 + i), size=32) for i in range(3)
    ]


class ThreeVideos(AbsTaskRetrieval):
    """Text to video, as mteb's own tasks of category t2v; ``videos`` are set by the test."""

    metadata = TaskMetadata(
        name="ThreeVideos",
        description="Three rendered videos.",
        dataset={"path": "none", "revision": "1"},
        type="Any2AnyRetrieval",
        category="t2v",
        modalities=["text", "video"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
    )
    videos: ClassVar[list] = []

    def load_data(self, num_proc=None, **kwargs):
        names = ["a", "b", "c"]
        queries = datasets.Dataset.from_dict({"id": names, "text": TEXTS})
        corpus = datasets.Dataset.from_dict({"id": names, "video": list(map(str, self.videos))})
        self.dataset = {
            "default": {
                "test": RetrievalSplitData(
                    queries=queries,
                    corpus=corpus.cast_column("video", datasets.Video()),
                    relevant_docs={name: {name: 1} for name in names},
                    top_ranked=None,
                )
            }
        }
        self.data_loaded = True


@pytest.fixture(scope="module")
def model(tiny_bert, tmp_path_factory):
    return MMPTModel.from_pretrained(write_task(tmp_path_factory.mktemp("task"), tiny_bert))[0]


def test_a_task_of_text_and_video_gives_mtebs_metrics_of_the_models_own_scores(model, videos, tmp_path):
    encoder = MTEBEncoder(model, "mmpt/tiny")
    task = ThreeVideos()
    task.videos = videos
    result = mteb.evaluate(encoder, task, cache=None)
    scores = model.encode_text(TEXTS) @ model.encode_video(videos).T
    ranks = (scores > scores.diagonal()[:, None]).sum(1) + 1
    found = result.task_results[0].scores["test"][0]
    assert found["hit_rate_at_1"] == pytest.approx((ranks == 1).float().mean().item(), abs=1e-4)
    assert found["mrr_at_10"] == pytest.approx((1 / ranks).mean().item(), abs=1e-4)
    assert result.model_revision == model.identity


def test_a_video_held_as_bytes_gives_the_vector_of_its_file(model, videos):
    rows = [{"path": "clip.mp4", "bytes": video.read_bytes()} for video in videos]
    column = datasets.Dataset.from_dict({"video": rows}).cast_column("video", datasets.Video())
    vectors = MTEBEncoder(model).encode(
        types.SimpleNamespace(dataset=column), task_metadata=ThreeVideos.metadata, batch_size=2
    )
    torch.testing.assert_close(vectors, model.encode_video(videos), rtol=0, atol=1e-5)


def test_items_that_are_neither_a_text_nor_a_video_are_refused(model):
    both = datasets.Dataset.from_dict({"text": ["a"], "video": ["b"]})
    with pytest.raises(DataError, match="items of ThreeVideos hold text and video; mmpt encodes a text or"):
        MTEBEncoder(model).encode(types.SimpleNamespace(dataset=both), task_metadata=ThreeVideos.metadata)


def test_a_batch_of_nothing_is_refused(model):
    texts = datasets.Dataset.from_dict({"text": ["a"]})
    with pytest.raises(ConfigError, match="batch_size must be at least 1, got 0"):
        MTEBEncoder(model).encode(
            types.SimpleNamespace(dataset=texts), task_metadata=ThreeVideos.metadata, batch_size=0
        )


def test_a_column_of_frames_without_times_is_refused(model):
    frames = datasets.Dataset.from_dict({"video": [[[0.0]]]})
    with pytest.raises(DataError, match=r"give datasets\.Video, whose frames have times"):
        MTEBEncoder(model).encode(types.SimpleNamespace(dataset=frames), task_metadata=ThreeVideos.metadata)


def test_a_pair_is_scored_by_its_dot_product(model):
    first, second = torch.randn(2, 4, 8)
    encoder = MTEBEncoder(model)
    assert encoder.similarity(first, second).diagonal().allclose(encoder.similarity_pairwise(first, second))
