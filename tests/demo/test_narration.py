"""What the narrator says, and the noise that speech recognition adds."""

from itertools import pairwise

import numpy as np

from mmpt.demo.narration import raw_captions, sentence
from mmpt.demo.scene import scene_of
from mmpt.store.captions import Caption, dedup_captions

SCENES = [scene_of(21, k) for k in range(30)]


def test_a_clean_sentence_names_colour_and_shape_and_is_worded_in_many_ways():
    synonyms = {"circle": "disc", "ring": "hoop", "moon": "crescent", "bar": "stick", "cross": "plus sign"}
    scene = SCENES[0]
    for step in scene.steps:
        colour, shape, _ = scene.combination(step)
        said = {sentence(scene, step, np.random.default_rng(k)) for k in range(30)}
        assert len(said) >= 3
        for text in said:
            assert colour in text
            assert shape in text or synonyms.get(shape, shape) in text


def test_captions_are_in_order_inside_the_video_and_the_same_every_time():
    for scene in SCENES:
        captions = raw_captions(scene, np.random.default_rng(1))
        assert captions == raw_captions(scene, np.random.default_rng(1))
        starts = [caption.start for caption in captions]
        assert starts == sorted(starts)
        assert all(0 <= c.start < c.end <= scene.duration + 0.5 for c in captions)


def test_captions_repeat_the_tail_of_the_previous_line():
    rolling = total = 0
    for scene in SCENES:
        captions = raw_captions(scene, np.random.default_rng(2))
        for previous, current in pairwise(captions):
            total += 1
            first = current.text.split()[0]
            rolling += first in previous.text.split()
    assert rolling / total > 0.5


def test_some_steps_are_not_talked_about_and_some_talk_is_about_nothing():
    silent, chat = 0, 0
    for number, scene in enumerate(SCENES):
        text = " ".join(c.text for c in raw_captions(scene, np.random.default_rng(number)))
        silent += not all(scene.things[step.thing].colour in text for step in scene.steps)
        chat += "channel" in text or "subscribe" in text or "watching" in text
    assert silent > 0
    assert chat > 0


def test_caption_clean_up_takes_the_repeats_away():
    merged = trimmed = words_before = words_after = 0
    for scene in SCENES:
        raw = [Caption(c.start, c.end, c.text) for c in raw_captions(scene, np.random.default_rng(3))]
        clean, stats = dedup_captions(raw, np.random.default_rng(0))
        merged, trimmed = merged + stats.merged, trimmed + stats.trimmed
        words_before += sum(len(c.text.split()) for c in raw)
        words_after += sum(len(c.text.split()) for c in clean)
    assert merged > 20
    assert trimmed > 50
    assert words_after < 0.85 * words_before
