"""What was evaluated, in words: the clips, texts and classes behind the numbers of the predictions.

Comes in: the lists of a data set. Goes out: ``<name>.items.json`` beside the predictions, so that who
looks at them later, without the data set, sees sentences and not row numbers::

    {"items": [{"video": "v1", "start": 3.0, "end": 7.5, "text": "cut the onion"}, ...],
     "labels": ["O", "cut", ...], "steps": {"23521": ["add onion", ...]}}
"""

from typing import Any

from mmpt.processors.processor import MetaProcessor

__all__ = ["describe_items"]


def describe_items(meta: MetaProcessor) -> dict[str, Any]:
    """Return the items of a data set in their order, the names of its classes, and the steps of its tasks.

    ``start`` and ``end`` are None for a whole video, ``text`` is None for an item without a sentence;
    ``labels`` and ``steps`` are there if the data set has them.
    """
    items = [_describe(*meta[index]) for index in range(len(meta))]
    named = {name: getattr(meta, name, None) for name in ("labels", "steps")}
    return {"items": items, **{name: value for name, value in named.items() if value is not None}}


def _describe(video: Any, text: Any) -> dict[str, Any]:
    name, start, end = video, None, None
    if isinstance(video, tuple):  # a clip, or a video of a task
        name, start, end = video if len(video) == 3 else (video[-1], None, None)
    said = text[0] if isinstance(text, tuple) and text else text  # a sentence, or one and what belongs to it
    return {"video": name, "start": start, "end": end, "text": said if isinstance(said, str) else None}
