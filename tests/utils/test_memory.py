"""Available memory: the machine's, or what the tightest limit of a container or job leaves."""

import pytest

from mmpt.utils import memory


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A machine with 1000 KiB available, and this process in the group /job/step."""
    (tmp_path / "meminfo").write_text("MemTotal: 4000 kB\nMemAvailable:    1000 kB\n")
    (tmp_path / "own").write_text("0::/job/step\n")
    (tmp_path / "groups/job/step").mkdir(parents=True)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    return tmp_path


def limit(folder, most, current, file):
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    (folder / "memory.stat").write_text(f"anon 1\nfile {file}\nfile_mapped 7\n")


def test_without_a_limit_it_is_what_the_machine_has(system):
    limit(system / "groups/job/step", "max", 5, 1)
    assert memory.available_memory() == 1000 * 1024


def test_the_tightest_limit_above_the_process_counts_and_file_cache_is_free(system):
    limit(system / "groups/job/step", 900_000, 100_000, 0)
    limit(system / "groups/job", 700_000, 400_000, 250_000)
    # 700 000 - 400 000 + 250 000 of file cache
    assert memory.available_memory() == 550_000


def test_a_limit_that_is_passed_leaves_nothing(system):
    limit(system / "groups/job", 10, 20, 0)
    assert memory.available_memory() == 0


def test_a_system_that_does_not_say_is_unknown(system):
    (system / "meminfo").unlink()
    (system / "own").unlink()
    assert memory.available_memory() is None
