"""An index may come from strangers: code that it names is not run."""

import json
import shutil
from dataclasses import replace

import pytest
import yaml
from small_model import write_task

from mmpt.errors import ConfigError
from mmpt.search import Index, Searcher


@pytest.fixture
def stranger(made, tmp_path):
    """An index that names code, and the file that the code leaves when it runs."""
    shutil.copytree(made / "index", tmp_path / "index")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    return tmp_path


def change_model(folder, **changes):
    manifest = Index.open(folder).meta
    replace(manifest, model=replace(manifest.model, **changes)).save(folder)


def in_the_index(folder, task):
    change_model(folder / "index", plugins=(str(folder / "evil.py"),))


def in_the_index_relative_to_where_it_was_made(folder, task):
    change_model(folder / "index", plugins=("evil.py",), working_directory=str(folder))


def in_its_task(folder, task):
    values = yaml.safe_load(task.read_text()) | {"plugins": [str(folder / "evil.py")]}
    (folder / "task.yaml").write_text(yaml.safe_dump(values))
    change_model(folder / "index", task=str(folder / "task.yaml"))


def in_a_task_of_its_project(folder, task):
    group = {"task_list": ["how2.yaml"], "plugins": [str(folder / "evil.py")]}
    project = {"base_dir": "retri/videoclip", "project_dir": "other", "task_group": {"pretrain": group}}
    (folder / "task.yaml").write_text(json.dumps(project))
    change_model(folder / "index", task=str(folder / "task.yaml"))


PLACES = [in_the_index, in_the_index_relative_to_where_it_was_made, in_its_task]


@pytest.mark.parametrize("place", PLACES)
def test_code_is_run_only_if_it_is_named(stranger, task, place):
    place(stranger, task)
    with pytest.raises(ConfigError, match=r"made with code, .*evil\.py.* name it: --plugin"):
        Searcher.open(stranger / "index")
    assert not (stranger / "ran").exists()
    assert Searcher.open(stranger / "index", plugins=[str(stranger / "evil.py")]).search("red", 1)
    assert (stranger / "ran").exists()


def test_a_project_in_place_of_the_task_is_refused_before_it_is_followed(stranger, task):
    in_a_task_of_its_project(stranger, task)
    with pytest.raises(ConfigError, match="is a project"):
        Searcher.open(stranger / "index")
    assert not (stranger / "ran").exists()


def test_a_model_that_is_named_may_bring_its_code(stranger, tiny_bert):
    (stranger / "named").mkdir()
    task = write_task(stranger / "named", tiny_bert)
    in_its_task(stranger, task)
    assert Searcher.open(stranger / "index", stranger / "task.yaml").search("red", 1)
    assert (stranger / "ran").exists()
