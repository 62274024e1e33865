"""Statistics of shards: equal to plain loops over all captions, and every kind of oddity is named."""

import json
import pickle
import re
import shutil
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpt.errors import ConfigError, DataError
from mmpt.store.meta import ArraySpec, ShardMeta, caption_arrays
from mmpt.store.shard_writer import plan_shards, write_shards
from mmpt.store.statistics.captions import repeats_the_tail
from mmpt.store.statistics.collect import collect
from mmpt.store.statistics.distribution import Distribution
from mmpt.store.statistics.page import chart
from mmpt.utils import ShardedTensor
from mmpt_cli.shards import main as shards_command

numbers = st.lists(st.floats(0, 500), min_size=1, max_size=60)


@given(numbers, st.sampled_from([0.01, 0.1, 1, 5]))
def test_a_distribution_knows_mean_ends_and_quantiles_to_a_cell(values, width):
    found = Distribution(width)
    for part in np.array_split(np.array([*values, np.nan, np.inf]), 3):
        found.add(part)
    assert found.number == len(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert (found.least, found.greatest) == (min(values), max(values))
    for share in (0.05, 0.5, 0.95):
        expected = np.quantile(values, share, method="inverted_cdf")
        assert expected - width * 1.001 <= found.quantile(share) <= expected + width * 0.001


@given(numbers, st.sampled_from([0.1, 1.0]), st.sampled_from([5, 30]))
def test_bars_count_every_value_once(values, width, about):
    found = Distribution(width)
    found.add(np.array(values))
    bars = found.bars(about)
    assert sum(bar.share for bar in bars) == pytest.approx(1)
    assert all(one.high == other.low for one, other in pairwise(bars))
    for bar in bars[:-1]:
        inside = [v for v in values if bar.low <= v + 1e-8 and v < bar.high - 1e-8]
        assert bar.share == pytest.approx(len(inside) / len(values), abs=0.5 / len(values))


def test_without_values_there_is_nothing_to_draw():
    empty = Distribution(1)
    empty.add(np.array([np.nan]))
    assert (empty.number, empty.bars()) == (0, [])
    assert np.isnan(empty.quantile(0.5))


def test_bars_become_an_outline_with_ticks_on_round_numbers():
    values = Distribution(1)
    values.add(np.array([30, 60, 60, 119]))  # seconds: one value below 1 min, three below 2
    drawn = chart("Length", "minutes", {"train": values}, 60)
    assert drawn.ticks[0] == (0.0, "0")
    assert drawn.ticks[-1][1] == "2"
    assert drawn.top == "50 %"  # 60 twice among four
    number, name, points = drawn.series[0]
    assert (number, name) == (0, "train")
    assert points.startswith("0.00,100.00 ")
    assert points.endswith(",100.00")


def naive_repeats(rows, video):
    found = []
    for i, row in enumerate(rows):
        own, last = [t for t in row if t >= 0], [t for t in rows[i - 1] if t >= 0] if i else []
        same = i > 0 and video[i] == video[i - 1]
        sizes = range(2, 1 + min(8, len(own), len(last)))
        found.append(same and any(last[-size:] == own[:size] for size in sizes))
    return found


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=12), st.data())
def test_rolling_subtitles_are_found_as_by_comparing_every_tail(captions, data):
    rows = np.full((len(captions), 6), -1)
    for row, caption in zip(rows, captions, strict=True):
        row[: len(caption)] = caption
    video = np.sort(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))))
    assert repeats_the_tail(rows, video).tolist() == naive_repeats(rows.tolist(), video)


CAPTION = st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(1, 6))  # start, length, words


@settings(max_examples=25)  # each writes shards
@given(st.lists(st.tuples(st.integers(0, 25), st.lists(CAPTION, max_size=8)), min_size=1, max_size=6))
def test_times_and_words_equal_a_loop_over_every_second(tmp_path_factory, videos):
    """All times are whole seconds, so that a video can be a list of seconds."""
    folder = tmp_path_factory.mktemp("shards")
    write(folder, {f"v{i}": video for i, video in enumerate(videos)})
    (found,) = collect(folder)
    captions = found.captions
    covered = spoken = overlapping = said = 0
    speed, narrated = [], []
    for seconds, own in videos:
        heard, words = set(), 0
        for start, length, count in sorted(own, key=lambda caption: caption[0]):
            inside = set(range(min(start, seconds), min(start + length, seconds)))
            overlapping += bool(heard) and start < min(max(heard) + 1, seconds)
            heard |= inside
            spoken += len(inside)
            words += count
        covered += len(heard)
        said += words
        speed += [words / len(heard)] if heard else []
        narrated += [len(heard) / seconds] if seconds else []
    assert (captions.covered, captions.spoken) == pytest.approx((covered, spoken))
    assert captions.overlapping == overlapping
    assert captions.words.total == said
    assert captions.speed.total == pytest.approx(sum(speed))
    assert captions.narrated.total == pytest.approx(sum(narrated))
    assert found.seconds.total == sum(seconds for seconds, _ in videos)


def write(folder, videos, split="train", features=None, source=None):
    """Write shards of two videos; a video is (seconds, [(start, length, words)...])."""

    def rows(ids):
        for name in ids:
            rng = np.random.default_rng(zlib.crc32(f"{split}{name}".encode()))
            own = rng.normal(size=(videos[name][0], 4)).astype(np.float32)
            yield ((features or {}).get(name, own),)

    def captions(ids):
        for name in ids:
            own = videos[name][1]
            tokens = np.full((len(own), 8), -1, np.int32)
            for row, caption in zip(tokens, own, strict=True):
                row[: caption[2]] = 20 + np.arange(caption[2]) % 3
            times = [(start, start + length) for start, length, *_ in own]
            yield np.array(times, np.float32).reshape(-1, 2), tokens

    plan = plan_shards(list(videos), 2)
    write_shards(f"{folder}/", split, plan, rows, [ArraySpec("", "float32", 4)], source or {})
    write_shards(f"{folder}/cap.bert.", split, plan, captions, caption_arrays(8), {})


def test_every_kind_of_oddity_is_named(tmp_path):
    steady = np.ones((9, 4), np.float32) / 2  # length 1
    broken = np.full((9, 4), 0.5, np.float32)
    broken[4] = 0
    videos = {
        "empty": (0, []),
        "short": (3, [(0, 1, 2)]),
        "long": (4 * 3600 + 1, [(0, 1, 2)]),
        "mute": (9, []),
        "late": (9, [(15, 1, 2)]),
        "lengthy": (200, [(0, 61, 2)]),
        "fast": (9, [(0, 1, 8), (0, 1, 8)]),
        "wordless": (9, [(0, 1, 0)]),
        "still": (9, [(0, 1, 2)]),
        "black": (9, [(0, 1, 2)]),
        "double": (9, [(0, 1, 2)]),
        "backward": (9, [(3, -1, 2)]),
    }
    features = {"still": steady, "double": steady, "black": broken, "short": steady[:3] * 2}
    write(tmp_path, videos, features=features, source={"l2_normalize": True})
    write(tmp_path, {"mute": (9, [(0, 2, 2)])}, split="val")
    train, val = collect(tmp_path, sample=0)
    odd = {reason: ids for reason, ids in train.suspicious.items() if "length 1" not in reason}
    assert odd == {
        "without a second of video": ["empty"],
        "of less than 5 s": ["short"],
        "of more than 4 h": ["long"],
        "without a caption": ["mute"],
        "with impossible caption times": ["backward"],
        "with a caption that begins over 5 s after the end": ["late"],
        "with a caption over 60 s long": ["lengthy"],
        "spoken at over 8 tokens per second": ["fast"],
        "with a caption without words": ["wordless"],
        "whose vector never changes": ["still", "double"],
        "with vectors of zeros": ["black"],
        "with the features of another video": ["double"],
    }
    named = train.suspicious["whose vectors do not have length 1"]
    assert "short" in named
    assert not {"still", "black", "double"} & set(named)
    assert val.suspicious == {"that are also in the split 'train'": ["mute"]}


def test_not_a_number_in_shards_of_others_is_named(tmp_path):
    rows = [np.full((2, 4), np.nan, np.float16), np.ones((2, 4), np.float16)]
    ShardedTensor.from_list(rows).save(tmp_path / "val_0")
    (tmp_path / "val_meta.pkl").write_bytes(pickle.dumps({0: ["a", "b"]}))
    (found,) = collect(tmp_path)
    assert found.suspicious["whose features hold NaN or infinity"] == ["a"]
    assert found.captions is None


def test_shards_of_the_original_are_counted_and_drawn(golden, tmp_path, tiny_bert, capsys):
    shutil.copytree(golden / "legacy/data", tmp_path / "data")
    page, data = tmp_path / "page.html", tmp_path / "numbers.json"
    command = ["stat", f"{tmp_path}/data", "--bert_name", str(tiny_bert)]
    assert shards_command([*command, "--html", str(page), "--json", str(data)]) == 0
    out, html, content = capsys.readouterr().out, page.read_text(), json.loads(data.read_text())
    tokens = [np.load(tmp_path / f"data/cap.train_{n}.caps_ids_data.npy") for n in range(3)]
    vocabulary = (tiny_bert / "vocab.txt").read_text().split("\n")
    words = sum(
        not vocabulary[token].startswith("##") and any(map(str.isalnum, vocabulary[token]))
        for token in np.concatenate(tokens).ravel()
        if token >= 0
    )
    assert content["train"]["captions"]["words"]["total"] == words
    assert content["train"]["captions"]["unit"] == "words"
    assert content["train"]["videos"] == 12
    assert content["val"]["videos"] == 2
    assert re.search(r"videos +12   in 3 shards", out)
    assert "words per second" in out
    # It stands alone: nothing is fetched, and every chart has both splits.
    assert not re.search(r"(src|href)=|https?://|<script", html)
    assert html.count("<polygon") == 2 * html.count("<svg")
    assert "Words per second" in html


def test_names_are_text_on_the_page(tmp_path):
    write(tmp_path, {"<b>&'": (0, [])})
    assert shards_command(["stat", str(tmp_path)]) == 0
    html = (tmp_path / "statistics.html").read_text()
    assert "&lt;b&gt;&amp;&#39;" in html
    assert "<b>&" not in html


def test_a_tokenizer_that_is_not_here_means_tokens_and_one_that_is_asked_for_is_needed(tmp_path, caplog):
    videos = {"a": (9, [(0, 2, 2)])}
    write(tmp_path, videos)
    meta = ShardMeta.from_json(tmp_path / "cap.bert.train_meta.json")
    replace(meta, source={"bert_name": "/nowhere"}).save(tmp_path / "cap.bert.train_meta.json", "train")
    assert collect(tmp_path)[0].captions.unit == "tokens"
    assert "'/nowhere' is not here; tokens are counted" in caplog.text
    with pytest.raises(ConfigError, match="'/elsewhere' is no folder"):
        collect(tmp_path, bert_name="/elsewhere")


def test_what_cannot_be_counted_is_named(tmp_path):
    with pytest.raises(DataError, match="There is no folder"):
        collect(tmp_path / "none")
    with pytest.raises(DataError, match="holds no shards"):
        collect(tmp_path)
    write(tmp_path, {"a": (9, [(0, 2, 2)])})
    with pytest.raises(ConfigError, match="--sample must be a number of videos"):
        shards_command(["stat", str(tmp_path), "--sample", "-1"])
    for path in tmp_path.glob("cap.bert.*"):
        shutil.copy(path, tmp_path / path.name.replace("bert", "other"))
    with pytest.raises(ConfigError, match=r"2 kinds; say which with --tfeat_dir: .*cap\.bert\., "):
        collect(tmp_path)
    assert collect(tmp_path, f"{tmp_path}/cap.other.")[0].captions is not None
    ShardedTensor.from_list([np.zeros((1, 8), np.int32)] * 2).save(tmp_path / "cap.bert.train_0.caps_ids")
    with pytest.raises(DataError, match="does not have the items of the video shard"):
        collect(tmp_path, f"{tmp_path}/cap.bert.")
    (tmp_path / "cap.bert.train_meta.json").rename(tmp_path / ".cap.bert.train_meta.json.partial")
    with pytest.raises(DataError, match=r"cap\.bert\.train_\* are not complete"):
        collect(tmp_path, f"{tmp_path}/cap.bert.")
