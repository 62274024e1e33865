"""Whether a found moment answers a query of the demo."""

from pathlib import Path

import pytest

from mmpt.demo.queries import Query, World
from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.modules.moments import Moment


def step(start, size="big", action="place", shape="moon"):
    return {
        "start": start, "end": start + 1, "action": action, "size": size, "colour": "red", "shape": shape,
    }  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_video(RenderJob(folder / "videos/youcook/v.mp4", scene_of(0, 0), end=4.0))
    steps = [step(0), step(1, size="small"), step(2), step(3, shape="star")]
    return World(folder, {"v": {"steps": steps}}, [])


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("add the red moon", [True, True, True, False]),  # any red moon, no star
        ("add the big red moon", [True, False, True, False]),  # the text names a size
        ("add the red moon at the top left", [True, False, False, False]),  # only its own step is sure
    ],
)
def test_a_hit_is_right_if_it_shows_all_that_the_text_names(world, text, right):
    hits = [world.hit(Query(text, "v", 0), "v", Moment(second, second + 1, 0.0)) for second in range(4)]
    assert [hit.correct for hit in hits] == right


def test_a_hit_names_its_video_and_what_happens(world):
    hit = world.hit(Query("add the red moon", "v", 0), "v", Moment(3, 4, 0.5))
    assert (hit.video_id, hit.start, hit.end, hit.score) == ("v", 3, 4, 0.5)
    assert hit.note == "place the big red star"
    assert Path(hit.video).is_file()
