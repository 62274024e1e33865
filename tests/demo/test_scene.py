"""What happens in the demo's videos: a function of the seed, physically sane, splits kept apart."""

import hashlib

import numpy as np
import pytest

from mmpt.demo.motion import acting_step, appearance
from mmpt.demo.scene import scene_of
from mmpt.demo.vocabulary import ACTIONS, COLOURS, SHAPES, is_held_out, place_of, size_of

TRAIN = [scene_of(3, k, "train") for k in range(60)]
TEST = [scene_of(3, k, "test") for k in range(60)]


def test_a_scene_is_a_function_of_seed_index_and_split():
    assert scene_of(3, 5, "train") == TRAIN[5]
    assert scene_of(4, 5, "train") != TRAIN[5]
    assert len({scene.look_seed for scene in TRAIN + TEST}) == 120


@pytest.mark.parametrize("scene", TRAIN[:20] + TEST[:20], ids=lambda s: s.video_id)
def test_steps_are_ordered_two_to_six_seconds_long_and_inside_the_video(scene):
    assert 20 <= scene.duration <= 66
    assert len(scene.steps) >= 3
    assert len(scene.tables) == len(scene.steps) + 1
    ends = 0.0
    for step in scene.steps:
        assert ends <= step.start <= step.begin < step.finish <= step.end <= scene.duration
        assert 2 <= step.end - step.start <= 6
        ends = step.end


def test_held_out_combinations_are_acted_in_test_videos_only():
    for scenes, expected in ((TRAIN, False), (TEST, True)):
        acted = [scene.combination(step) for scene in scenes for step in scene.steps]
        assert {is_held_out(*combination) for combination in acted} == {expected}
    share = np.mean([is_held_out(c, s, a) for c in COLOURS for s in SHAPES for a in ACTIONS])
    assert 0.10 < share < 0.20


def test_objects_of_a_video_have_distinct_names_and_stay_in_the_picture():
    for scene in TRAIN:
        names = [(thing.colour, thing.shape) for thing in scene.things]
        assert len(set(names)) == len(names)
        for table in scene.tables:
            for _, pose in table:
                assert -0.05 < pose.x < 1.05
                assert -0.2 < pose.y < 1.05


def test_the_world_varies():
    acted = {scene.combination(step) for scene in TRAIN for step in scene.steps}
    assert {action for _, _, action in acted} == set(ACTIONS)
    assert len(acted) > 250


def test_a_script_is_played_in_order():
    scene = scene_of(0, 1, "train", ("place", "flash", "bounce"))
    assert [step.action for step in scene.steps] == ["place", "flash", "bounce"]


def test_motion_goes_from_the_pose_before_to_the_pose_after():
    for scene in TRAIN:
        for step in scene.steps:
            if step.action in ("flash", "shake", "bounce", "place", "remove"):
                continue
            first, last = appearance(step, step.begin).pose, appearance(step, step.finish).pose
            assert np.allclose(first, step.before)
            assert np.allclose(last, step.after, atol=1e-6)


def test_between_two_steps_nothing_acts():
    scene = TRAIN[0]
    assert acting_step(scene, 0.0) is None
    assert acting_step(scene, (scene.steps[1].begin + scene.steps[1].finish) / 2) == 1
    assert acting_step(scene, (scene.steps[0].end + scene.steps[1].start) / 2) is None


def test_sizes_and_places_have_words():
    assert [size_of(r) for r in (0.1, 0.14, 0.18)] == ["small", "medium", "big"]
    assert place_of(0.1, 0.1) == "top left"
    assert place_of(0.5, 0.99) == "bottom centre"
    assert place_of(1.2, -0.2) == "top right"


def test_the_world_is_the_one_that_the_shipped_encoder_was_trained_on():
    # A change here means training pretrained_models/s3d_demo.safetensors again.
    told = [
        (scene.combination(step), round(step.start, 2), round(step.before.x, 2), step.size)
        for split in ("train", "val", "test")
        for scene in (scene_of(5, k, split) for k in range(20))
        for step in scene.steps
    ]
    assert hashlib.sha256(repr(told).encode()).hexdigest()[:16] == "3cd808cd46a644c5"
