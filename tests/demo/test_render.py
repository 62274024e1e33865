"""The pictures show what the scene says."""

import numpy as np

from mmpt.demo.clips import HEADS, IGNORED, ClipBatches, labels_at
from mmpt.demo.render import FPS, Camera, render
from mmpt.demo.scene import scene_of
from mmpt.demo.shapes import outline
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.demo.vocabulary import COLOURS, SHAPES
from mmpt.store.decode import decode_frames

SCENE = scene_of(11, 0)


def still(scene, second, size=64):
    return Camera(scene, size).frame(second, np.random.default_rng(0)).astype(int)


def test_frames_are_uint8_squares_and_the_same_every_time():
    step = SCENE.steps[0]
    clips = [render(SCENE, step.begin, FPS, 64, np.random.default_rng(1)) for _ in range(2)]
    assert clips[0].shape == (FPS, 64, 64, 3)
    assert clips[0].dtype == np.uint8
    assert np.array_equal(*clips)


def test_a_video_has_ten_frames_for_every_second(tmp_path):
    path = write_video(RenderJob(tmp_path / "v.mp4", SCENE), size=16)
    assert sum(1 for _ in decode_frames(path, FPS, 16)) == round(10 * SCENE.duration)


def test_an_object_is_seen_where_and_in_the_colour_that_the_scene_says():
    checked = 0
    for k in range(20):
        scene = scene_of(12, k)
        thing, pose = scene.tables[0][-1]  # drawn last, so nothing covers it
        if (
            scene.things[thing].shape not in ("square", "circle", "star", "heart")
            or scene.steps[0].begin < 0.1
        ):
            continue
        seen = still(scene, 0.0, 128)[int(pose.y * 128), int(pose.x * 128)]
        distance = {name: np.abs(seen - np.array(rgb)).sum() for name, rgb in COLOURS.items()}
        assert distance[scene.things[thing].colour] < 160
        checked += 1
    assert checked >= 3


def test_only_the_surroundings_of_the_acted_object_change():
    for k in range(40):
        scene = scene_of(13, k)
        step = next((s for s in scene.steps if s.action == "move right"), None)
        if step is not None:
            break
    middle = (step.begin + step.finish) / 2
    before, after = still(scene, middle, 128), still(scene, middle + 0.5, 128)
    changed = np.abs(after - before).max(axis=2) > 40
    rows = np.flatnonzero(changed.any(axis=1)) / 128
    assert len(rows)
    assert rows.min() > step.before.y - 2.2 * step.before.radius
    assert rows.max() < step.before.y + 2.2 * step.before.radius


def test_every_shape_is_a_polygon_of_its_own_around_the_origin():
    for shape in SHAPES:
        points = outline(shape)
        assert 0.8 < np.abs(points).max() <= 1.2
    assert len({outline(shape).tobytes() for shape in SHAPES}) == len(SHAPES)


def test_hidden_objects_are_not_drawn():
    things = frozenset(thing for thing, _ in SCENE.tables[0])
    empty = Camera(SCENE, 64, hidden=things).frame(0.0, np.random.default_rng(0)).astype(int)
    assert np.abs(empty - still(SCENE, 0.0)).max() > 60


def test_labels_name_the_step_that_moves_most_or_nothing():
    step = SCENE.steps[1]
    labels = labels_at(SCENE, (step.begin + step.finish) / 2 - 0.5)
    named = {name: values[label] for (name, values), label in zip(HEADS.items(), labels, strict=True)}
    assert (named["colour"], named["shape"], named["action"]) == SCENE.combination(step)
    assert labels_at(SCENE, SCENE.duration).tolist() == [0] + [IGNORED] * 4


def test_training_clips_depend_on_their_number_alone():
    data = ClipBatches(5, "train", 4, 2, 32, alone_until=0.5)
    resumed = ClipBatches(5, "train", 4, 2, 32, alone_until=0.5, first=1)
    for a, b in zip(data[1], resumed[0], strict=True):
        assert (a == b).all()
    assert data[0][0].shape == (2, 3, FPS, 32, 32)
    assert len(data) == 4
    assert len(resumed) == 3
