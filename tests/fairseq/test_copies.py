"""A run that dies while a checkpoint is copied can go on from the one before."""

import shutil
from pathlib import Path

import pytest
from fairseq.file_io import PathManager

import mmpt.fairseq_plugin  # noqa: F401

pytestmark = pytest.mark.fairseq


@pytest.fixture
def torn_copies(monkeypatch):
    """Copies end in their middle, as those of a process that is killed."""

    def tear(source, target):
        target.write(source.read(3))
        target.flush()
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", tear)


def test_a_copy_that_ends_in_the_middle_leaves_the_file_of_the_save_before(tmp_path, torn_copies):
    Path(tmp_path / "checkpoint2.pt").write_bytes(b"second")
    Path(tmp_path / "checkpoint_last.pt").write_bytes(b"first")
    with pytest.raises(KeyboardInterrupt):
        PathManager.copy(
            str(tmp_path / "checkpoint2.pt"), str(tmp_path / "checkpoint_last.pt"), overwrite=True
        )
    assert Path(tmp_path / "checkpoint_last.pt").read_bytes() == b"first"


def test_a_copy_takes_the_place_of_the_file_before_and_leaves_nothing_else(tmp_path):
    Path(tmp_path / "checkpoint2.pt").write_bytes(b"second")
    Path(tmp_path / "checkpoint_last.pt").write_bytes(b"first")
    assert PathManager.copy(
        str(tmp_path / "checkpoint2.pt"), str(tmp_path / "checkpoint_last.pt"), overwrite=True
    )
    assert Path(tmp_path / "checkpoint_last.pt").read_bytes() == b"second"
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint2.pt", "checkpoint_last.pt"}
