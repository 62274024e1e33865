"""What was evaluated, in words: the lists of all kinds of data sets."""

from types import SimpleNamespace

import pytest

from mmpt.evaluators.items import describe_items


class Listed(list):
    """A list of (video_id, text_id), as a meta processor is one."""

    def __init__(self, *pairs, **named):
        super().__init__(pairs)
        self.__dict__ |= named


@pytest.mark.parametrize(
    ("video", "text", "described"),
    [
        ("v", "a b", ("v", None, None, "a b")),
        (("v", 1.5, 4), "a b", ("v", 1.5, 4, "a b")),
        (("task", "v"), ["step"], ("v", None, None, None)),
        ("v", ("a b", SimpleNamespace()), ("v", None, None, "a b")),  # a sentence and its times
        ("v", (["a", "b"], 1), ("v", None, None, None)),  # candidates and the answer
    ],
)
def test_an_item_is_a_video_or_a_clip_and_its_sentence(video, text, described):
    [item] = describe_items(Listed((video, text)))["items"]
    assert tuple(item.values()) == described


def test_names_of_classes_and_steps_are_kept_where_there_are_any():
    described = describe_items(Listed(labels=("O", "cut"), steps={"7": ["cut"]}))
    assert described == {"items": [], "labels": ("O", "cut"), "steps": {"7": ["cut"]}}
    assert describe_items(Listed()) == {"items": []}
