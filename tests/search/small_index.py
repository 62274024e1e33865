"""What tests of the index share: videos of one colour, what an index holds."""

import os
from dataclasses import replace
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from small_model import FPS, SIZE

from mmpt.models import MMPTModel
from mmpt.search import Index, build_index
from mmpt.store.decode import decode_frames
from mmpt.store.features import ExtractionSettings, extract_features

COLOURS = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220), "grey": (120, 120, 120)}


def write_colours(path, *names, seed=0):
    """Write a video of two seconds of each colour, with some noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 30, size=(len(names) * 2 * FPS, SIZE, SIZE, 3))
    colours = np.repeat([COLOURS[name] for name in names], 2 * FPS, axis=0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for frame in (colours[:, None, None] + noise).astype(np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def extract_simply(model, jobs):
    """Make features without further processes."""
    settings = ExtractionSettings(batch_size=4, decoding_threads=1)
    return extract_features(jobs, model.video_encoder(), settings, decode_frames)


def update(folder, task, until=None):
    """Bring an index up to date, publishing every video on its own; the target of other processes.

    Again and again, if there is a file ``until`` whose appearance ends it.
    """
    torch.set_num_threads(1)
    model = MMPTModel.from_pretrained(task)[0]
    for number in count():
        if until:
            os.utime(folder / "videos/a.mp4", ns=(number, number))
        build_index(
            [folder / "videos"],
            folder / "index",
            model,
            remove_missing=True,
            extract=extract_simply,
            videos_at_once=1,
        )
        if not until or until.exists():
            return


def contents(folder):
    """All that an index says, apart from which segment says it: entries, and numbers by name.

    Features may differ in their last bit with the batches that they were made in, so their checksums do.
    """
    index = Index.open(folder)
    numbers = {"text": index.reference.text, "video": index.reference.video} if index.reference else {}
    for entry in index.videos:
        number, position = index.place(entry.id)
        segment = index.segments[number]
        numbers[f"{entry.id} seconds"] = segment.of(position).seconds.numpy()
        numbers[f"{entry.id} clips"] = segment.clips_at(position).numpy()
        numbers[f"{entry.id} video"] = segment.videos[position].numpy()
    return [replace(entry, features="") for entry in index.videos], numbers


def assert_same(one, other):
    """Compare contents; vectors round differently where other videos were encoded beside them."""
    assert one[0] == other[0]
    assert one[1].keys() == other[1].keys()
    for name, numbers in one[1].items():
        np.testing.assert_allclose(numbers, other[1][name], rtol=4e-3, atol=4e-3, err_msg=name)


def assert_same_hits(one, other):
    """Compare how well each video fits; scores as :func:`assert_same` compares vectors.

    Where in a video the best moment is, rounding decides: to an untrained model its seconds are alike.
    """
    best = [{hit.video_id: hit.score for hit in reversed(hits)} for hits in (one, other)]
    assert best[0].keys() == best[1].keys()
    assert best[0] == pytest.approx(best[1], abs=1e-2)


def files(folder):
    """The files of an index, and those that its manifest names; equal if nothing is left over."""
    segments = {path.relative_to(folder).as_posix() for path in Path(folder, "segments").glob("*")}
    return segments, {file.path for file in Index.open(folder).meta.files()}
