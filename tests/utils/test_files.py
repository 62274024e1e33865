"""Files that cannot be read or written, and that nothing half-written is left."""

import errno

import pytest

from mmpt.errors import DataError
from mmpt.utils.files import atomic_write, read_json, read_text


def test_a_file_that_cannot_be_opened_is_named_with_what_to_check(tmp_path):
    with pytest.raises(
        DataError, match=r"gone\.json does not exist; check the path \(working directory: .+\)"
    ):
        read_json(tmp_path / "gone.json")
    with pytest.raises(DataError, match=r"The file .+ cannot be read \(Is a directory\); check the path"):
        read_json(tmp_path)


def test_text_that_is_not_utf8_is_named_with_the_byte(tmp_path):
    (tmp_path / "x.lst").write_bytes(b"ab\xff")
    with pytest.raises(DataError, match=r"x\.lst is not UTF-8 text \(invalid start byte at byte 2\)"):
        read_text(tmp_path / "x.lst")


@pytest.mark.parametrize("text", ["", '{"a": ', "[" * 100_000, "1" * 5000])
def test_text_that_is_no_sane_json_is_named(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_a_file_in_place_of_the_folder_or_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "runs").touch()
    (tmp_path / "out").mkdir()
    for target, reason in (("runs/x.json", "File exists|Not a directory"), ("out", "Is a directory")):
        with (
            pytest.raises(DataError, match=rf"{target} cannot be written \(({reason})\); check the path"),
            atomic_write(tmp_path / target) as stream,
        ):
            stream.write(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "runs"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match=r"x\.npy cannot be written \(No space left on device\)"):  # noqa: SIM117
        with atomic_write(tmp_path / "x.npy"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_is_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError, match="other"), atomic_write(tmp_path / "x"):
        open(tmp_path / "other")  # noqa: SIM115
    assert list(tmp_path.iterdir()) == []
