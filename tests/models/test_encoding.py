"""Batches of any mix: what a video or text gives does not depend on what stands beside it."""

import threading
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_makers import FPS, MODELS, SECONDS, SIZE, model_of, save_s3d, task_of, write_noise
from torch.nn import functional

from mmpt.config import TaskConfig
from mmpt.encoders import EncoderSpec
from mmpt.errors import ConfigError, DataError
from mmpt.models import MMPTModel, build_model, videoinput

WORDS = ["cut", "the", "onion", "stir", "pour", "oil", "in", "a", "pan"]

names = st.sampled_from(sorted(MODELS))
lengths = st.lists(st.integers(1, 3 * SECONDS), min_size=1, max_size=6)
sentences = st.lists(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), min_size=1, max_size=6)
batch_sizes = st.sampled_from([1, 2, 3, 32])


@pytest.fixture(scope="module")
def models(tiny_bert):
    return {name: model_of(name, tiny_bert) for name in MODELS}


def features(seconds, seed=0):
    return torch.randn(seconds, 512, generator=torch.Generator().manual_seed(seed))


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@settings(max_examples=40)
@given(names, lengths, batch_sizes)
def test_videos_of_any_lengths_equal_their_vectors_one_by_one(models, name, seconds, batch_size):
    model = models[name]
    videos = [features(count, seed) for seed, count in enumerate(seconds)]
    close(model.encode_video(videos, batch_size), torch.cat([model.encode_video([v]) for v in videos]))
    together = model.encode_seconds(videos, batch_size)
    assert [len(rows) for rows in together] == seconds
    for rows, video in zip(together, videos, strict=True):
        close(rows, model.encode_seconds([video])[0])


@settings(max_examples=40)
@given(names, sentences, batch_sizes)
def test_texts_of_any_lengths_equal_their_vectors_one_by_one(models, name, texts, batch_size):
    model = models[name]
    close(model.encode_text(texts, batch_size), torch.cat([model.encode_text([text]) for text in texts]))


def test_features_of_several_widths_are_refused_in_a_sentence(models):
    for encode in (models["VideoCLIP"].encode_video, models["VideoCLIP"].encode_seconds):
        with pytest.raises(
            DataError, match="Features of several widths were given, 256, 512; a model reads one"
        ):
            encode([torch.rand(3, 512), torch.rand(3, 256)])


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_of_nothing_is_refused_before_anything_is_decoded(models, size):
    model = models["VideoCLIP"]
    for encode in (model.encode_video, model.encode_seconds, model.encode_text):
        with pytest.raises(ConfigError, match=f"batch_size must be at least 1, got {size}"):
            encode(["nowhere.mp4"], size)


def test_a_long_text_is_cut_off_without_a_warning(models, capfd):
    models["VideoCLIP"].encode_text(["onion " * 5000])
    assert "indexing errors" not in capfd.readouterr().err


@pytest.mark.parametrize("name", MODELS)
def test_removing_the_padding_changes_nothing(models, tiny_bert, name):
    padded, packed = model_of(name, tiny_bert, remove_padding=False), models[name]
    videos = [features(count, count) for count in (1, 3, 9, 4)]
    close(packed.encode_video(videos), padded.encode_video(videos))
    for found, expected in zip(packed.encode_seconds(videos), padded.encode_seconds(videos), strict=True):
        close(found, expected)
    texts = ["cut the onion", "", "stir"]
    close(packed.encode_text(texts), padded.encode_text(texts))


@pytest.mark.parametrize("name", MODELS)
def test_the_seconds_of_a_short_video_are_what_its_vector_is_the_mean_of(models, name):
    model, video = models[name], features(3)
    with torch.no_grad():
        sample = model.aligner("v", video.numpy(), [])
        inputs = {key: sample[key][None] for key in ("caps", "cmasks", "vfeats", "vmasks")}
        outputs = model.model(**inputs)
    seconds, separator = outputs["hidden_video"][0, 1:4], outputs["hidden_video"][0, SECONDS + 1]
    close(model.encode_seconds([video])[0], seconds)
    # Pooling counts the [SEP] after the video, too.
    close(model.encode_video([video])[0], (seconds.sum(0) + separator) / 4)


def test_a_second_of_a_long_video_is_the_mean_of_its_windows(models):
    model, video = models["VideoCLIP"], features(9)  # windows 0..4, 3..7, 6..9
    windows = [model.encode_seconds([video[first : first + 4]])[0] for first in (0, 3, 6)]
    [found] = model.encode_seconds([video])
    close(found[:3], windows[0][:3])
    close(found[3], (windows[0][3] + windows[1][0]) / 2)
    close(found[4:6], windows[1][1:3])
    close(found[6], (windows[1][3] + windows[2][0]) / 2)
    close(found[7:], windows[2][1:])


def test_a_second_is_read_among_its_nearest_alone(tiny_bert):
    config = task_of("VideoCLIP", tiny_bert)
    config = config.replace(dataset=config.dataset.replace(max_video_len=12, max_len=24))
    model = MMPTModel(config, build_model(config, pretrained=False)).eval()
    video = features(12)  # windows 0..4, 3..7, 6..10, 9..12, though the model reads all of it
    changed = torch.cat([video[:7], -video[7:]])
    [found], [other] = model.encode_seconds([video]), model.encode_seconds([changed])
    close(found[:6], other[:6])
    assert (found[6:] - other[6:]).abs().amax(1).min() > 1e-3


def test_scores_of_a_normalised_model_are_cosines(tiny_bert):
    model = model_of("VideoCLIP", tiny_bert, normalize=True)
    videos = [features(3), features(11)]
    for vectors in (model.encode_video(videos), *model.encode_seconds(videos), model.encode_text(["stir"])):
        close(vectors.norm(dim=1), torch.ones(len(vectors)))


def test_moments_are_the_seconds_that_look_like_the_text(models, monkeypatch):
    model = models["VideoCLIP"]
    wanted, other = functional.normalize(torch.randn(2, 48, generator=torch.Generator().manual_seed(1)))
    rows = torch.stack([other] * 10 + [wanted] * 5 + [other] * 10)
    monkeypatch.setattr(model, "encode_text", lambda texts: wanted[None])
    monkeypatch.setattr(model, "encode_seconds", lambda videos: [rows])
    best = model.moments(features(25), "cut the onion", count=1)[0]
    assert best[:2] == (10, 15)
    assert best.score == pytest.approx(1)


def test_moments_of_a_video_are_sorted_and_inside_it(models):
    found = models["VLM"].moments(features(20), "cut the onion", count=3)
    assert 1 <= len(found) <= 3
    assert all(0 <= start < end <= 20 for start, end, _ in found)
    assert [moment.score for moment in found] == sorted((m.score for m in found), reverse=True)


def test_texts_encoded_by_many_threads_at_once_are_the_same(models):
    model = models["VideoCLIP"]
    texts = [" ".join(WORDS[:count]) for count in range(1, 9)]
    expected, found = model.encode_text(texts), {}

    def work(number):
        for _ in range(5):
            found[number] = model.encode_text([texts[number]])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close(torch.cat([found[number] for number in range(len(texts))]), expected)


@pytest.mark.parametrize("text", ["", "🧅" * 50, "قطع البصل", "\0", "x" * 100_000, "\ud800"])
def test_any_text_has_a_finite_vector(models, text):
    assert models["VideoCLIP"].encode_text([text]).isfinite().all()


@pytest.mark.parametrize("texts", [[], "cut", [3], [None], ["cut", ["the"]]])
def test_what_is_no_list_of_sentences_is_refused(models, texts):
    with pytest.raises(DataError, match="takes a list of one or more sentences"):
        models["VideoCLIP"].encode_text(texts)


# Frames and files


@pytest.fixture(scope="module")
def filmed(tiny_bert, tmp_path_factory):
    """A model with a video encoder, and a folder with ``short.mp4``, ``long.mp4`` and ``features.npy``."""
    folder = tmp_path_factory.mktemp("videos")
    model = model_of("VideoCLIP", tiny_bert)
    extractor = model.config.extractor.replace(weights=str(save_s3d(folder)))
    config: TaskConfig = model.config.replace(extractor=extractor)
    write_noise(folder / "short.mp4", 6)
    write_noise(folder / "long.mp4", 9 * FPS)
    np.save(folder / "features.npy", features(5).numpy().astype(np.float16))
    return MMPTModel(config, model.model).eval(), folder


def test_frames_features_and_files_stand_in_one_list(filmed):
    model, folder = filmed
    frames = torch.randint(0, 256, (3, FPS, SIZE, SIZE, 3), dtype=torch.uint8)
    larger = torch.randint(0, 256, (2, FPS, SIZE + 2, SIZE, 3), dtype=torch.uint8)
    videos = [
        folder / "long.mp4",
        features(7),
        frames,
        str(folder / "features.npy"),
        larger.numpy(),
        str(folder / "short.mp4"),
        features(2).numpy(),
    ]
    close(model.encode_video(videos), torch.cat([model.encode_video([video]) for video in videos]))
    assert [len(rows) for rows in model.encode_seconds(videos)] == [9, 7, 3, 5, 2, 2, 2]
    close(model.encode_video([videos[3]]), model.encode_video([features(5).half()]))


def test_a_file_gives_what_its_decoded_seconds_give(filmed):
    model, folder = filmed
    decoded = list(videoinput.decode_frames(folder / "short.mp4", FPS, SIZE))
    black = np.zeros_like(decoded[0])
    seconds = np.stack([*decoded, black, black]).reshape(2, FPS, SIZE, SIZE, 3)  # 6 frames, filled up to 8
    close(model.encode_video([folder / "short.mp4"]), model.encode_video([seconds]))


def test_moments_are_found_in_a_file(filmed):
    model, folder = filmed
    assert all(moment.end <= 9 for moment in model.moments(folder / "long.mp4", "cut the onion"))


def test_the_video_encoder_is_the_one_of_the_task(filmed):
    model, folder = filmed
    assert model.encoder_choice.weights == str(folder / "s3d.safetensors")
    assert model.video_encoder().spec.identity.startswith("s3d s3d.safetensors ")
    assert (model.video_encoder().spec.fps, model.video_encoder().spec.dim) == (FPS, 512)


def test_a_damaged_file_is_named(filmed, tmp_path):
    model, _ = filmed
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    np.save(tmp_path / "flat.npy", np.zeros(512, np.float32))
    for name, reason in [
        ("bad.mp4", r"bad\.mp4 cannot be decoded"),
        ("bad.npy", r"bad\.npy is not a readable"),
        ("flat.npy", r"shape \(512,\) was given in .*flat\.npy"),
        ("", "is no regular file"),
    ]:
        with pytest.raises(DataError, match=reason):
            model.encode_video([tmp_path / name])


class OnePixel:
    """An encoder of next to no work and memory: a pixel of each second, 512 times."""

    spec = EncoderSpec(name="pixel", dim=512, fps=10, size=64, l2_normalize=False)

    def __call__(self, frames):
        return frames[:, 0, 0, 0, 0].float().expand(512, -1).T


def test_a_long_file_never_lies_in_memory_as_frames(models, monkeypatch):
    def decode(path, fps, size, **options):
        for number in range(600 * fps):
            yield np.full((size, size, 3), number % 256, np.uint8)  # 74 MB in all

    monkeypatch.setattr(videoinput, "decode_frames", decode)
    model = MMPTModel(models["VideoCLIP"].config, models["VideoCLIP"].model, OnePixel()).eval()
    # What numpy holds, and with it torch: both look at the same clips. The process's own memory says
    # less, since what is freed between small things that stay is not given back.
    tracemalloc.start()
    [rows] = model.encode_seconds(["long.mp4"])
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rows) == 600
    assert highest < 2**20 * 10


# What a model is


def test_the_identity_tells_weights_apart_and_does_not_change(models, tiny_bert):
    model = models["shared"]
    assert model.identity == model_of("shared", tiny_bert).identity
    assert model.identity.startswith("MMFusionShare ")
    other = model_of("shared", tiny_bert)
    with torch.no_grad():
        other.model.mm_encoder.videomlp.linear1.bias[0] += 1e-6
    assert other.identity != model.identity
    assert {each.dim for each in models.values()} == {48}


def test_a_model_without_vectors_says_so(tiny_bert):
    nlg = {"model_cls": "MMFusionNLG", "mm_encoder_cls": "MMBertForNLG", "max_decode_length": 8}
    model = model_of("joint", tiny_bert, **nlg)
    with pytest.raises(ConfigError, match="'MMFusionNLG' gives no vectors of the seconds"):
        model.encode_seconds([features(3)])
