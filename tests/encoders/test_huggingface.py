"""Models of transformers as encoders; tiny ones with random weights, saved to disk and read from there."""

import json

import pytest
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    SiglipConfig,
    SiglipModel,
    TimesformerConfig,
    TimesformerModel,
    VideoMAEConfig,
    VideoMAEModel,
    VJEPA2Config,
    VJEPA2Model,
    XCLIPConfig,
    XCLIPModel,
)

from mmpt.encoders import build_encoder, encode
from mmpt.errors import CheckpointError, ConfigError, DataError

SIZE = 32
SEES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": SIZE, "patch_size": 16,
}  # fmt: skip
READS = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
    "vocab_size": 99, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
JOINS = {
    "num_frames": 4, "mit_hidden_size": 24, "mit_intermediate_size": 48, "mit_num_hidden_layers": 1,
    "mit_num_attention_heads": 2,
}  # fmt: skip
PREDICTS = {
    "pred_hidden_size": 32, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1,
    "pred_num_mask_tokens": 2,
}  # fmt: skip


def clip():
    vision = {**SEES, "projection_dim": 24}
    return CLIPModel(CLIPConfig(text_config=READS, vision_config=vision, projection_dim=24))


def siglip():
    return SiglipModel(SiglipConfig(text_config=READS, vision_config=SEES))


def xclip():
    return XCLIPModel(XCLIPConfig(text_config=READS, vision_config={**SEES, **JOINS}, projection_dim=24))


def videomae():
    return VideoMAEModel(VideoMAEConfig(**SEES, num_frames=4, tubelet_size=2))


def timesformer():
    return TimesformerModel(TimesformerConfig(**SEES, num_frames=4))


def dinov2():
    sizes = {name: value for name, value in SEES.items() if name != "intermediate_size"}
    return Dinov2Model(Dinov2Config(**sizes))


def vjepa2():
    sees = {name: SEES[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    return VJEPA2Model(VJEPA2Config(**sees, **PREDICTS, patch_size=16, crop_size=SIZE, frames_per_clip=8))


PROCESSOR = {
    "size": {"shortest_edge": SIZE}, "crop_size": {"height": SIZE, "width": SIZE}, "do_center_crop": True,
    "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.5], "resample": 3,
}  # fmt: skip
MEAN, STD = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.5])


@pytest.fixture
def save(tmp_path):
    """Save a model as a folder that anybody may have; return the model and the folder."""

    def save(make, name="preprocessor_config.json", **processor):
        torch.manual_seed(0)
        model = make().eval()
        folder = tmp_path / make.__name__
        model.save_pretrained(folder)
        (folder / name).write_text(json.dumps({**PROCESSOR, **processor}))
        return model, str(folder)

    return save


def clips(count, frames, size=SIZE):
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, frames, size, size, 3), dtype=torch.uint8, generator=draw)


def pixels(frames):
    """(B, T, 3, H, W), as an image processor gives them."""
    return ((frames.float() / 255 - MEAN) / STD).permute(0, 1, 4, 2, 3)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [clip, siglip])
def test_frames_of_a_picture_and_text_model_are_encoded_one_by_one_and_averaged(save, make):
    model, folder = save(make)
    encoder = build_encoder("huggingface", folder, fps=3)
    assert encoder.spec.name == f"huggingface.{make.__name__}"
    assert encoder.spec.weights.startswith(f"{make.__name__} ")
    assert encoder.spec.dim == (24 if make is clip else 32)
    frames = clips(2, 3)
    with torch.no_grad():
        single = [
            model.get_image_features(pixel_values=pixels(frames)[:, number]).pooler_output
            for number in range(3)
        ]
    close(encode(encoder, frames, l2_normalize=False), torch.stack(single).mean(0))
    assert build_encoder("huggingface", folder).spec.frames == 1  # a frame per second if nobody says more


def test_a_video_and_text_model_reads_the_clip_together(save):
    model, folder = save(xclip)
    encoder = build_encoder("huggingface", folder)
    assert (encoder.spec.fps, encoder.spec.dim) == (4, 24)  # it was built for 4 frames
    frames = clips(2, 4)
    with torch.no_grad():
        expected = model.get_video_features(pixel_values=pixels(frames)).pooler_output
    close(encode(encoder, frames, l2_normalize=False), expected)


@pytest.mark.parametrize("make", [videomae, timesformer])
def test_the_tokens_of_a_video_model_are_averaged(save, make):
    model, folder = save(make)
    encoder = build_encoder("huggingface", folder)
    assert (encoder.spec.fps, encoder.spec.dim) == (4, 32)
    frames = clips(2, 4)
    with torch.no_grad():
        expected = model(pixel_values=pixels(frames)).last_hidden_state.mean(1)
    close(encode(encoder, frames, l2_normalize=False), expected)
    assert build_encoder("huggingface", folder, seconds=2).spec.fps == 2
    for seconds in (1.5, 0):
        with pytest.raises(ConfigError, match=f"reads 4 frames, and {seconds} seconds are no whole number"):
            build_encoder("huggingface", folder, seconds=seconds)
    with pytest.raises(ConfigError, match=r"says fps = 0; give a whole number"):
        build_encoder("huggingface", folder, fps=0)


def test_a_model_that_cannot_read_so_many_frames_is_refused_before_any_video(save):
    _, folder = save(videomae)
    with pytest.raises(ConfigError, match=r"cannot read clips of 6 frames .*built for clips of 4 frames"):
        build_encoder("huggingface", folder, fps=6)


def test_vjepa_reads_any_even_number_of_frames_without_its_predictor(save):
    model, folder = save(vjepa2, "video_preprocessor_config.json")
    assert build_encoder("huggingface", folder).spec.fps == 16
    encoder = build_encoder("huggingface", folder, fps=6)
    frames = clips(2, 6)
    with torch.no_grad():
        expected = model.get_vision_features(pixels(frames)).mean(1)
    close(encode(encoder, frames, l2_normalize=False), expected)


def test_a_picture_model_gives_a_vector_per_frame_when_clips_are_one_frame(save):
    model, folder = save(dinov2)
    encoder = build_encoder("huggingface", folder, fps=4, seconds=0.25)
    assert encoder.spec.frames == 1
    frames = clips(3, 1)
    with torch.no_grad():
        given = model(pixel_values=pixels(frames)[:, 0])
    close(encode(encoder, frames, l2_normalize=False), given.last_hidden_state.mean(1))
    encoder = build_encoder("huggingface", folder, pool="pooler")
    assert encoder.spec.name == "huggingface.dinov2.pooler"
    close(encode(encoder, frames, l2_normalize=False), given.pooler_output)


def test_the_tokens_of_a_picture_and_text_model_can_be_had_instead(save):
    model, folder = save(clip)
    encoder = build_encoder("huggingface", folder, pool="tokens")
    frames = clips(2, 1)
    with torch.no_grad():
        expected = model.vision_model(pixel_values=pixels(frames)[:, 0]).last_hidden_state.mean(1)
    close(encode(encoder, frames, l2_normalize=False), expected)


def test_a_model_that_reads_less_than_is_scaled_gets_the_middle(save):
    model, folder = save(clip, size={"shortest_edge": 40}, resample=2)
    encoder = build_encoder("huggingface", folder)
    assert (encoder.spec.size, encoder.spec.interpolation) == (40, "bilinear")
    frames = clips(2, 1, 40)
    with torch.no_grad():
        middle = pixels(frames[:, :, 4:36, 4:36])[:, 0]
        expected = model.get_image_features(pixel_values=middle).pooler_output
    close(encode(encoder, frames, l2_normalize=False), expected)
    with pytest.raises(ConfigError, match=r"reads frames of 40 x 40 pixels; .*\(2, 1, 32, 32, 3\)"):
        encode(encoder, clips(2, 1))


def test_bfloat16_is_near_and_said(save):
    _, folder = save(clip)
    frames = clips(4, 1)
    exact = encode(build_encoder("huggingface", folder), frames)
    encoder = build_encoder("huggingface", folder, precision="bfloat16")
    assert encoder.spec.precision == "bfloat16"
    assert 0 < (encode(encoder, frames) - exact).norm(dim=1).max() < 0.05


@pytest.mark.parametrize(
    ("changes", "mean", "std"),
    [
        # Pixels in -1..1 by hand: pixel · (1/127.5) - 1 is (pixel/255 - 0.5) / 0.5.
        ({"rescale_factor": 1 / 127.5, "offset": True, "do_normalize": False}, 0.5, 0.5),
        ({"do_normalize": False}, 0, 1),
        ({"do_rescale": False, "image_mean": [51] * 3, "image_std": [102] * 3}, 0.2, 0.4),
    ],
)
def test_every_way_of_saying_how_pixels_are_scaled_is_understood(save, changes, mean, std):
    _, folder = save(clip, **changes)
    spec = build_encoder("huggingface", folder).spec
    assert spec.mean == pytest.approx((mean,) * 3)
    assert spec.std == pytest.approx((std,) * 3)


def test_what_is_missing_or_wrong_in_a_folder_is_named(save, tmp_path, tiny_bert):
    with pytest.raises(ConfigError, match=r"from a folder with config\.json; 'none' is none\. Name"):
        build_encoder("huggingface", "none")
    with pytest.raises(ConfigError, match=r"none is given\. Name the folder with --weights"):
        build_encoder("huggingface")
    _, folder = save(clip, size={"height": 32, "width": 16}, do_center_crop=False)
    with pytest.raises(ConfigError, match="32 x 16 is no square"):
        build_encoder("huggingface", folder)
    path = tmp_path / "clip/preprocessor_config.json"
    path.write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        build_encoder("huggingface", folder)
    path.write_text("{}")
    with pytest.raises(ConfigError, match=r"does not say how square frames are scaled .*'size'"):
        build_encoder("huggingface", folder)
    path.unlink()
    with pytest.raises(ConfigError, match=r"none of video_preprocessor_config.json, preprocessor_config"):
        build_encoder("huggingface", folder)


def test_weights_that_are_missing_cut_or_incomplete_are_never_replaced_by_random_ones(save, tmp_path):
    from safetensors.torch import load_file, save_file

    _, folder = save(clip)
    path = tmp_path / "clip/model.safetensors"
    weights = load_file(path)
    lost = weights.pop("visual_projection.weight")
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(CheckpointError, match="lack 1 tensors of CLIPModel, such as 'visual_projection"):
        build_encoder("huggingface", folder)
    assert lost.shape == (24, 32)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="holds no usable model"):
        build_encoder("huggingface", folder)


def test_a_model_that_sees_nothing_is_refused(tmp_path, tiny_bert):
    import shutil

    folder = tmp_path / "bert"
    shutil.copytree(tiny_bert, folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    with pytest.raises(ConfigError, match="The model BertModel reads no pictures or videos"):
        build_encoder("huggingface", str(folder))
