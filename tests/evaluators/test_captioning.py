"""Captions from a task file to the result: writing, references, scores, baseline."""

import json

import numpy as np
import pytest
import torch
import yaml

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators import NLGMetric, NLGPredictor, evaluate
from mmpt.evaluators.caption_scores import METEOR
from mmpt.evaluators.captioning import trivial_caption
from mmpt.evaluators.tables import result_table
from mmpt.models import build_model
from mmpt.tasks import Task
from mmpt.utils import load_config

CLS, SEP = 11, 12


@pytest.fixture
def caption_task(tmp_path, tiny_bert):
    """A test task of three clips, the first two of one video, the first with two references."""
    rows = ["v0,cut the onion,0,3", "v0,stir it,3,6", "v0,slice the onion,0,3", "v1,add oil,,"]
    (tmp_path / "test.csv").write_text("\n".join(["video_id,text,start,end", *rows]) + "\n")
    rng = np.random.default_rng(0)
    (tmp_path / "feat").mkdir()
    for video in ("v0", "v1"):
        np.save(tmp_path / "feat" / f"{video}.npy", rng.normal(size=(6, 512)).astype(np.float16))
    task = {
        "dataset": {
            "split": "test",
            "bert_name": str(tiny_bert),
            "meta_processor": "FolderMetaProcessor",
            "train_path": str(tmp_path / "test.csv"),
            "test_path": str(tmp_path / "test.csv"),
            "video_processor": "VideoProcessor",
            "vfeat_dir": str(tmp_path / "feat"),
            "text_processor": "NLGTextProcessor",
            "aligner": "DSNLGAligner",
            "max_video_len": 6,
            "max_len": 20,
        },
        "model": {"model_cls": "MMFusionNLG", "mm_encoder_cls": "MMBertForNLG", "max_decode_length": 10},
        "loss": {"loss_cls": "NLGLoss"},
        "fairseq": {
            "dataset": {"batch_size": 3, "num_workers": 0},
            "common_eval": {"path": str(tmp_path / "checkpoint_best.pt")},
        },
        "eval": {"save_path": str(tmp_path / "eval")},
        "metric": "NLGMetric",
        "predictor": "NLGPredictor",
        "gen_param": {"num_beams": 3},
    }
    path = tmp_path / "test_caption.yaml"
    path.write_text(yaml.safe_dump(task))
    torch.manual_seed(0)
    torch.save(build_model(load_config(path), pretrained=False).state_dict(), tmp_path / "checkpoint_best.pt")
    return path


def test_a_task_file_gives_captions_and_scores(caption_task, tmp_path):
    result = evaluate(load_config(caption_task), device="cpu")
    assert list(result.metrics) == ["BLEU-4", "BLEU-3", "BLEU-2", "BLEU-1", METEOR, "ROUGE-L", "CIDEr-D"]
    assert result.counts == {"clips": 3, "references": 4}
    assert "not that of METEOR 1.5" in result_table(result)
    written = json.loads((tmp_path / "eval/checkpoint_best.result.json").read_text())
    arrays = {name: np.load(tmp_path / "eval" / file) for name, file in written["predictions"].items()}
    assert arrays["clips"].tolist() == ["v0 0.0-3.0", "v0 3.0-6.0", "v1"]
    assert arrays["references"].tolist() == ["cut the onion", "slice the onion", "stir it", "add oil"]
    assert arrays["reference_starts"].tolist() == [0, 2, 3, 4]
    assert len(arrays["captions"]) == 3
    assert json.loads((tmp_path / "eval/checkpoint_best.ids.json").read_text()) == ["v0", "v0", "v1"]
    assert result.details["examples"][0]["references"] == ["cut the onion", "slice the onion"]


def test_training_learns_the_captions(caption_task):
    config = load_config(caption_task)
    task = Task.config_task(config)
    dataset = task.build_dataset("train")
    batch = dataset.collater([dataset[i] for i in (0, 1, 3)])
    torch.manual_seed(0)
    model = task.build_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(60):
        loss, _ = task(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    found = evaluate_model(config, model)
    assert found["captions"].tolist() == ["cut the onion", "stir it", "add oil"]
    scores = NLGMetric().compute(**found)
    assert scores["BLEU-1"] == scores["ROUGE-L"] == pytest.approx(1)
    assert scores["CIDEr-D"] > NLGMetric().baseline(**found)["CIDEr-D"]


def evaluate_model(config, model):
    from mmpt.evaluators import Evaluator

    return Evaluator(config, device="cpu").predict(model).arrays


def generated(*captions):
    """What ``process`` gets for captions of token ids, and two references in two batches."""
    width = max(map(len, captions))
    ids = [[CLS, SEP, CLS, *caption, *[0] * (width - len(caption))] for caption in captions]
    return {"generated": torch.tensor(ids)}


def test_a_caption_ends_at_its_first_end(tiny_bert):
    config = TaskConfig.from_mapping({"dataset": {"bert_name": str(tiny_bert)}})
    predictor = NLGPredictor(config)
    onion = predictor.tokenizer("cut the onion", add_special_tokens=False)["input_ids"]
    batch = {"caps": torch.zeros(2, 3), "clip": ["a", "b"], "text": ["x", "y"], "video_id": ["v", "v"]}
    predictor.process(batch, generated([*onion, SEP, *onion], [SEP]))
    assert predictor.finalize().arrays["captions"].tolist() == ["cut the onion", ""]


def arrays(captions, references):
    starts = np.cumsum([0, *map(len, references)])
    flat = [text for each in references for text in each]
    return {"captions": np.array(captions), "references": np.array(flat), "reference_starts": starts}


def test_perfect_captions_have_full_scores():
    texts = ["cut the red onion now", "stir it for two minutes"]
    scores = NLGMetric().compute(**arrays(texts, [[text] for text in texts]))
    # METEOR: one run of five words, so 0.5 (1/5)³ = 0.004 is taken off.
    assert scores == pytest.approx(
        {"BLEU-4": 1, "BLEU-3": 1, "BLEU-2": 1, "BLEU-1": 1, METEOR: 0.996, "ROUGE-L": 1, "CIDEr-D": 10}
    )


def test_the_baseline_is_the_most_frequent_reference_for_every_clip():
    given = arrays(["x", "y", "z"], [["Add oil."], ["stir"], ["add oil", "fry"]])
    expected = NLGMetric().compute(**arrays(["add oil"] * 3, [["Add oil."], ["stir"], ["add oil", "fry"]]))
    assert NLGMetric().baseline(**given) == expected
    note = NLGMetric().details(**given)["notes"][0]
    assert note.startswith("baseline: 'add oil' for every clip: the most frequent reference (2 of 4)")


def test_without_two_equal_references_the_baseline_is_the_most_frequent_words():
    # 3 + 3 + 3 words in 3 references; "the" stands in all of them, "onion" and "cut" in two.
    caption, kind = trivial_caption(["cut the onion", "fry the onion", "cut the leek"])
    assert caption.split()[0] == "the"
    assert sorted(caption.split()) == ["cut", "onion", "the"]
    assert "no two references are the same" in kind


def test_captions_that_all_say_the_same_are_told():
    details = NLGMetric().details(**arrays(["a b", "a b", ""], [["x"], ["y"], ["z"]]))
    assert details["different_captions"] == 2
    assert details["captions_without_words"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beam": 5}, "holds 'num_beam'; did you mean 'num_beams'.*allowed are num_beams, max_length"),
        ({"do_sample": True}, "holds 'do_sample', allowed are"),
        ({"num_beams": 0}, "num_beams is 0; a whole number of at least 1"),
        ({"num_beams": True}, "num_beams is True"),
        ({"length_penalty": "long"}, "length_penalty is 'long'; a number is expected"),
    ],
)
def test_options_of_generation_are_checked_before_anything_runs(tiny_bert, options, message):
    config = TaskConfig.from_mapping({"dataset": {"bert_name": str(tiny_bert)}, "gen_param": options})
    with pytest.raises(ConfigError, match=message):
        NLGPredictor(config)


def test_a_clip_without_reference_is_refused():
    with pytest.raises(DataError, match="at least one reference"):
        NLGMetric().compute(**arrays(["a", "b"], [["x"], []]))


def test_a_model_that_writes_nothing_is_named(tiny_bert):
    predictor = NLGPredictor(TaskConfig.from_mapping({"dataset": {"bert_name": str(tiny_bert)}}))
    with pytest.raises(ConfigError, match="the model is Linear"):
        predictor.run(torch.nn.Linear(1, 1), {}, None)
    with pytest.raises(DataError, match="not a single batch"):
        predictor.finalize()
