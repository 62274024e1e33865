"""S3D: the published numbers, its safety, and its narrow form."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmpt.encoders.s3d import S3D, load_s3d
from mmpt.encoders.s3d_text import SentenceEmbedding
from mmpt.errors import CheckpointError, ConfigError, DataError


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
