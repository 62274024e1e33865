"""Result files: fingerprints, code version, reading back, and tables."""

import dataclasses

import numpy as np
import pytest

import mmpt
from mmpt.errors import DataError
from mmpt.evaluators.features import feature_files
from mmpt.evaluators.results import (
    EvaluationResult,
    MetricValue,
    code_version,
    feature_fingerprint,
    read_result,
    write_result,
)
from mmpt.evaluators.tables import best_of, comparison_table, result_table


def result(name="checkpoint_best", r1=0.25):
    return EvaluationResult(
        name=name,
        split="test",
        predictor="RetrievalPredictor",
        metric="RetrievalMetric",
        metrics={"R1": MetricValue(r1, 0.001, True), "MR": MetricValue(12.0, 500.5)},
        counts={"queries": 1000, "candidates": 1000},
        skipped={"without a feature file": 3},
        features={"files": 1, "bytes": 10, "sha256": "ab"},
        checkpoint={"path": "c.pt", "sha256": "cd", "unused_tensors": 0},
        code={"mmpt": "0.1.0", "commit": None},
        device="cpu, float32",
        predictions={"scores": "checkpoint_best.scores.npy"},
        date="2024-05-01T12:00:00Z",
    )


def test_a_result_is_read_back_as_written(tmp_path):
    write_result(tmp_path / "r.json", result())
    assert read_result(tmp_path / "r.json") == result()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "no result file"),
        ('{"format": 9}', "format 1"),
        ('{"format": 1}', "lacks or adds"),
        ("{", "JSON"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match=rf"(?s)r\.json.*{message}|{message}.*r\.json"):
        read_result(tmp_path / "r.json")


def test_the_fingerprint_sees_content_names_and_number_but_not_the_order(tmp_path):
    files = [tmp_path / f"v{i}.npy" for i in range(3)]
    for i, file in enumerate(files):
        np.save(file, np.full((4, 8), i, np.float16))
    first = feature_fingerprint(files)
    assert first == feature_fingerprint(reversed(files))
    assert first == feature_fingerprint([*files, files[0]])
    assert (first["files"], first["bytes"]) == (3, sum(file.stat().st_size for file in files))
    assert first != feature_fingerprint(files[:2])
    np.save(files[1], np.full((4, 8), 7, np.float16))
    assert first["sha256"] != feature_fingerprint(files)["sha256"]


def test_the_fingerprint_reads_both_ends_of_a_large_file(tmp_path):
    path, size = tmp_path / "shard.npy", 300_000
    sums = set()
    for changed in (None, 0, size - 1):
        content = bytearray(size)
        if changed is not None:
            content[changed] = 1
        path.write_bytes(content)
        sums.add(feature_fingerprint([path])["sha256"])
    assert len(sums) == 3


def test_no_files_have_no_hash_and_a_missing_file_is_named(tmp_path):
    assert feature_fingerprint([]) == {"files": 0, "bytes": 0, "sha256": None}
    with pytest.raises(DataError, match=r"gone\.npy cannot be read"):
        feature_fingerprint([tmp_path / "gone.npy"])


def test_files_of_a_folder_are_those_of_the_videos(tmp_path):
    for name in ("a", "b", "c"):
        np.save(tmp_path / f"{name}.npy", np.zeros((1, 4)))
    assert feature_files(tmp_path, "test", ["c", "a", "a"]) == [tmp_path / "a.npy", tmp_path / "c.npy"]


def test_files_of_shards_are_the_shards_that_hold_the_videos(golden):
    from mmpt.store.meta import read_meta

    folder = golden / "legacy" / "data"
    shard, ids = next(iter(read_meta(folder, "val").items()))
    names = [file.name for file in feature_files(folder, "test", ids[:1])]
    assert names == [f"val_{shard}_data.npy", f"val_{shard}_starts.npy"]


def test_the_code_version_has_the_commit_of_a_checkout():
    version = code_version()
    assert version["mmpt"] == mmpt.__version__
    assert version["commit"] is None or len(version["commit"].removesuffix("-dirty")) == 40


def test_an_installed_copy_inside_another_repository_has_no_commit(tmp_path, monkeypatch):
    import subprocess

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setattr(mmpt, "__file__", str(tmp_path / "__init__.py"))
    assert code_version()["commit"] is None


def test_the_table_puts_baseline_result_and_count_side_by_side():
    lines = result_table(result()).splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["metric", "baseline", "result", "count"],
        ["R@1", "0.1", "%", "25.0", "%", "1000", "queries,", "1000", "candidates"],
        ["median", "rank", "500.5", "12.0", "1000", "queries,", "1000", "candidates"],
    ]
    assert lines[4] == "left out: 3 (without a feature file)"


def test_the_best_checkpoint_is_named_with_how_it_was_chosen():
    results = [result("checkpoint_1", 0.1), result("checkpoint_2", 0.3), result("checkpoint_3", 0.3)]
    best = best_of(results)
    assert best.name == "checkpoint_2"
    assert best_of(results, higher_is_better=False).name == "checkpoint_1"
    text = comparison_table(results, best)
    assert "best of 3 checkpoints, chosen by R@1 on the test split itself: checkpoint_2" in text
    assert text.splitlines()[1].split()[0] == "baseline"


def test_results_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        result().split = "train"
