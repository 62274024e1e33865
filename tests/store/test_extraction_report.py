"""Reports of parts and workers, added up."""

import json

import pytest

from mmpt.errors import DataError
from mmpt.store.extraction_report import ExtractionReport, merge_parts, part_name

FACTS = {"extractor": "fake"}


def test_parts_add_up_and_those_without_a_report_are_named(tmp_path):
    one = ExtractionReport(3, 1, {"a": "no"}, video_seconds=7, wall_seconds=2.0, encoding_seconds=1.5)
    two = ExtractionReport(1, 0, {"b": "bad"}, video_seconds=5, wall_seconds=9.0, waiting_seconds=0.5)
    one.save(tmp_path / part_name(0, 3), FACTS)
    two.save(tmp_path / part_name(2, 3), FACTS)
    total, missing = merge_parts(tmp_path, 3, FACTS)
    assert total == ExtractionReport(4, 1, {"a": "no", "b": "bad"}, 12, 9.0, 1.5, 0.5)
    assert missing == [1]
    saved = json.loads((tmp_path / "extraction_report.json").read_text())
    assert (saved["extractor"], saved["parts"], saved["parts_without_report"]) == ("fake", 3, [1])
    assert ExtractionReport.load(tmp_path / "extraction_report.json") == total


@pytest.mark.parametrize(
    ("waited", "part", "share"), [(0.0, "encoding", "0%"), (0.9, "encoding", "8%"), (30.0, "decoding", "75%")]
)
def test_the_report_says_what_the_limit_is_and_by_how_much(tmp_path, waited, part, share):
    report = ExtractionReport(encoding_seconds=10.0, waiting_seconds=waited)
    assert report.limit == f"{part} is the limit: the encoder waited for frames {share} of the time"
    report.save(tmp_path / "report.json", {})
    assert json.loads((tmp_path / "report.json").read_text())["limit"] == report.limit
    assert ExtractionReport().limit == ""


def test_a_failure_that_another_run_has_mended_is_left_out(tmp_path):
    ExtractionReport(failed={"a": "no", "b": "no", "c" * 300: "too long"}).save(
        tmp_path / part_name(0, 1), FACTS
    )
    (tmp_path / "a.npy").touch()
    total, _ = merge_parts(tmp_path, 1, FACTS)
    assert total.failed == {"b": "no", "c" * 300: "too long"}


def test_a_part_that_ends_during_the_sum_is_not_lost(tmp_path, monkeypatch):
    ExtractionReport(done=1).save(tmp_path / part_name(0, 2), FACTS)
    save = ExtractionReport.save

    def slow_save(report, path, facts, temporary=None):
        save(report, path, facts, temporary)
        if not (tmp_path / part_name(1, 2)).exists():
            save(ExtractionReport(done=2), tmp_path / part_name(1, 2), FACTS)

    monkeypatch.setattr(ExtractionReport, "save", slow_save)
    assert merge_parts(tmp_path, 2, FACTS) == (ExtractionReport(done=3), [])


def test_a_foreign_file_is_refused(tmp_path):
    (tmp_path / part_name(0, 1)).write_text("[]")
    with pytest.raises(DataError, match=r"0-of-1\.json is no report of an extraction; remove it"):
        merge_parts(tmp_path, 1, FACTS)
