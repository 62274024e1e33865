"""Videos, an index of them that needs no model, and a server that runs."""

import pytest
from fake_searcher import FakeIndex, FakeSearcher, entry_of
from running_site import SCRIPTS, SECONDS, serving, write_avi

from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """Folder with three videos that browsers play and one that they do not."""
    folder = tmp_path_factory.mktemp("videos")
    for number, name in enumerate(["kitchen", "garden", "street"]):
        write_video(RenderJob(folder / f"{name}.mp4", scene_of(7, number), 0.0, SECONDS))
    write_avi(folder / "old.avi")
    return folder


@pytest.fixture
def searcher(videos):
    entries = [
        entry_of(path, SECONDS if path.suffix == ".mp4" else 4)
        for path in sorted(videos.iterdir())
        if path.suffix in (".mp4", ".avi")
    ]
    return FakeSearcher(FakeIndex.of(entries), SCRIPTS)


@pytest.fixture
def site(searcher):
    with serving(searcher) as running:
        yield running
