"""Examples of retrieval: of every outcome a few, with their own clip among what is shown."""

import numpy as np
import pytest
from run_makers import evaluated

from mmpt.errors import DataError
from mmpt.evaluators.results import read_result
from mmpt.report.about import Hit
from mmpt.report.examples import EACH, HITS, Pictures, retrieval_examples


def items(number):
    return {"items": [{"video": f"v{n}", "start": 0, "end": 2, "text": f"text {n}"} for n in range(number)]}


def test_texts_of_every_outcome_are_drawn(tmp_path):
    scores = np.zeros((60, 60), np.float32)
    columns = np.arange(60)
    scores[:20] = -np.abs(columns - np.arange(20)[:, None])  # rank 1
    scores[20:40] = -np.abs(columns - np.arange(20, 40)[:, None] - 3)  # three or so are nearer
    scores[40:] = columns  # 59 is best for all
    scores[40:, 40:] -= 100
    evaluated(tmp_path, {"scores": scores}, items=items(60))
    queries = retrieval_examples(tmp_path, read_result(tmp_path / "checkpoint_best.result.json"))
    outcomes = [query.verdict.split(":")[0] for query in queries]
    assert outcomes == ["found at once"] * EACH + ["among the ten best"] * EACH + ["missed"] * EACH
    for query in queries:
        assert len(query.hits) == HITS
        [own] = [hit for hit in query.hits if hit.correct]
        assert own.video_id == query.text.replace("text ", "v")
        assert own.note is None
        assert all(hit.note for hit in query.hits if hit is not own)
    assert queries[0].verdict == "found at once: rank 1 of 60, as 20 of 60 texts"


def test_the_same_examples_are_drawn_again(tmp_path):
    evaluated(tmp_path, {"scores": np.eye(50, dtype=np.float32)}, items=items(50))
    result = read_result(tmp_path / "checkpoint_best.result.json")
    assert retrieval_examples(tmp_path, result) == retrieval_examples(tmp_path, result)


def test_scores_that_do_not_fit_are_refused(tmp_path):
    evaluated(tmp_path, items=items(3))
    result = read_result(tmp_path / "checkpoint_best.result.json")
    with pytest.raises(DataError, match="There are 4 scores and 3 items of checkpoint_best"):
        retrieval_examples(tmp_path, result)
    (tmp_path / "checkpoint_best.scores.npy").write_bytes(b"x")
    with pytest.raises(DataError, match=r"checkpoint_best\.scores\.npy is not a readable \.npy file"):
        retrieval_examples(tmp_path, result)


def test_damaged_features_of_a_video_are_a_reason_for_its_lack_of_pictures(tmp_path):
    for name in ("v.mp4", "v.npy"):
        (tmp_path / name).write_bytes(b"x")
    pictures = Pictures([tmp_path])
    assert pictures.strip(Hit("v", None, None, score=1.0), features=tmp_path) == []
    [reason] = pictures.missing
    assert "v.npy is not a readable .npy file" in reason
