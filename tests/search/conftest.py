"""A tiny model and an index of four small videos."""

import shutil

import pytest
from small_index import write_colours
from small_model import write_task

from mmpt.models import MMPTModel
from mmpt.search import Searcher, build_index


@pytest.fixture(scope="session")
def task(tmp_path_factory, tiny_bert):
    return write_task(tmp_path_factory.mktemp("task"), tiny_bert)


@pytest.fixture(scope="session")
def model(task):
    return MMPTModel.from_pretrained(task)[0]


@pytest.fixture(scope="session")
def made(tmp_path_factory, task):
    """A folder with videos/{a,b,c,sub/d}.mp4 and their index; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    for name, colours in {
        "a": ["red", "green", "blue"],
        "b": ["blue", "grey"],
        "c": ["green"],
        "sub/d": ["grey", "red"] * 3,
    }.items():
        write_colours(folder / f"videos/{name}.mp4", *colours, seed=len(name))
    build_index([folder / "videos"], folder / "index", task)
    return folder


@pytest.fixture
def own(made, tmp_path, model):
    """A copy of it that may be changed: the same videos at another place, indexed there."""
    shutil.copytree(made / "videos", tmp_path / "videos")
    # Features are named by content, so that nothing is decoded again.
    shutil.copytree(made / "index/features", tmp_path / "index/features")
    build_index([tmp_path / "videos"], tmp_path / "index", model)
    return tmp_path


@pytest.fixture(scope="session")
def searcher(made, model):
    return Searcher.open(made / "index", model)
