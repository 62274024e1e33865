"""S3D: the published numbers, its safety, and its narrow form."""

import json
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mmpt.encoders.s3d import S3D, load_s3d
from mmpt.encoders.s3d_text import SentenceEmbedding
from mmpt.errors import CheckpointError, ConfigError, DataError


def formula_state(shapes, seed):
    """Weights by the formula in the golden case."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.int64)
            continue
        x = np.random.default_rng(zlib.crc32(name.encode()) + seed).standard_normal(shape)
        if name.endswith("running_var"):
            x = 0.5 + np.abs(x)
        elif name.endswith(("running_mean", "bias")):
            x = 0.1 * x
        elif len(shape) == 1:
            x = 1 + 0.1 * x
        else:
            x = x * np.sqrt(2 / np.prod(shape[1:]))
        state[name] = torch.from_numpy(x.astype(np.float32))
    return state


def test_s3d_reproduces_the_published_network_from_its_public_import(golden, tmp_path):
    from mmpt.processors.models.s3dg import S3D as PublicS3D

    case = json.loads((golden / "s3d" / "case.json").read_text())
    np.save(tmp_path / "dict.npy", np.array(case["dict_words"]))
    model = PublicS3D(tmp_path / "dict.npy", 512).eval()
    assert {k: list(v.shape) for k, v in model.state_dict().items()} == case["state_dict"]
    model.load_state_dict(formula_state(case["state_dict"], case["seed"]), strict=True)
    expected = load_file(golden / "s3d" / "outputs.safetensors")
    with torch.no_grad():
        found = model(load_file(golden / "s3d" / "inputs.safetensors")["video"])
        found["text_embedding"] = model.embed_text(case["sentences"])
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-4)


def test_a_narrow_s3d_keeps_every_channel_number_a_multiple_of_eight():
    model = S3D(num_classes=512, width=0.25, text_module=False)
    assert {m.out_channels % 8 for m in model.modules() if isinstance(m, torch.nn.Conv3d)} == {0}
    assert sum(p.numel() for p in model.parameters()) < 1_000_000
    out = model.eval()(torch.rand(2, 3, 10, 64, 64))
    assert out["video_embedding"].shape == (2, 512)


@pytest.mark.parametrize("shape", [(1, 3, 5, 64, 64), (1, 3, 4, 63, 64), (1, 3, 0, 64, 64)])
def test_odd_or_empty_axes_are_refused_with_the_shape(shape):
    with pytest.raises(ConfigError, match=r"must be even and not 0.*\(1, 3"):
        S3D(width=0.125, text_module=False)(torch.zeros(shape))


def test_wrong_layout_and_integer_frames_are_refused():
    model = S3D(width=0.125, text_module=False)
    with pytest.raises(ConfigError, match=r"\(B, 3, T, H, W\)"):
        model(torch.zeros(1, 4, 64, 64, 3))
    with pytest.raises(ConfigError, match="divide by 255"):
        model(torch.zeros(1, 3, 4, 64, 64, dtype=torch.uint8))


def test_sentences_need_the_text_tower_and_its_dictionary():
    with pytest.raises(ConfigError, match="text_module=False"):
        S3D(width=0.125, text_module=False).embed_text(["cut"])
    with pytest.raises(ConfigError, match="dict_path"):
        SentenceEmbedding(8, None, 10)(["cut"])


def test_words_are_lower_cased_skipped_when_unknown_and_cut_at_sixteen():
    tower = SentenceEmbedding(8, ["cut", "don't"], 10)
    ids = tower.token_ids(["CUT, xyz don't", "cut " * 20])
    assert ids[0].tolist() == [1, 2] + [0] * 14
    assert ids[1].tolist() == [1] * 16


def test_weights_round_trip_through_both_formats(tmp_path):
    model = S3D(width=0.125, num_classes=16, text_module=False).eval()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    torch.save(model.state_dict(), tmp_path / "w.pth")
    clip = torch.rand(1, 3, 4, 32, 32)
    for name in ("w.safetensors", "w.pth"):
        loaded = load_s3d(tmp_path / name, width=0.125, num_classes=16)
        assert not loaded.training
        assert torch.equal(loaded(clip)["video_embedding"], model(clip)["video_embedding"])
    with pytest.raises(CheckpointError, match=r"width=0.5"):
        load_s3d(tmp_path / "w.pth", width=0.5, num_classes=16)


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("code in the weight file ran",))


def test_missing_truncated_and_hostile_weight_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="do not exist"):
        load_s3d(tmp_path / "none.pth")
    (tmp_path / "short.pth").write_bytes(b"PK\x03\x04")
    torch.save({"x": Hostile()}, tmp_path / "evil.pth")
    for name in ("short.pth", "evil.pth"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_s3d(tmp_path / name)


def test_a_dictionary_of_pickled_objects_is_refused(tmp_path):
    np.save(tmp_path / "d.npy", np.array([Hostile()], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="array of strings"):
        S3D(tmp_path / "d.npy", width=0.125)
