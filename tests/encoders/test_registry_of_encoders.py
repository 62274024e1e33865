"""Encoders by name: built in, from a plugin, from an installed package; and what they promise."""

import json
import pickle
from importlib.metadata import EntryPoint

import pytest
import torch

from mmpt.encoders import (
    EncoderChoice,
    EncoderSpec,
    build_encoder,
    encode,
    encoder_names,
    load_plugin,
    registry,
)
from mmpt.encoders.s3d import S3D
from mmpt.encoders.weights import weights_label
from mmpt.errors import CheckpointError, ConfigError, DataError

PLUGIN = """
import mmpt.encoders as encoders

class Colours:
    def __init__(self, scale):
        self.scale = scale
        self.spec = encoders.EncoderSpec(name="colours", dim=3, fps=2, size=8, l2_normalize=False)
    def __call__(self, frames):
        return self.scale * frames.float().mean((1, 2, 3))

@encoders.register("colours")
def build(weights, device, *, scale: float = 1.0):
    return Colours(scale)
"""


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "my_encoder.py"
    path.write_text(PLUGIN)
    return str(path)


def test_a_plugin_of_a_few_lines_brings_an_encoder(plugin):
    choice = EncoderChoice(type="colours", options={"scale": 2}, plugins=(plugin, plugin))
    encoder = pickle.loads(pickle.dumps(choice)).build()  # as a worker process gets it
    assert encoder_names() == ["colours", "huggingface", "s3d"]
    assert encode(encoder, torch.full((4, 2, 8, 8, 3), 10, dtype=torch.uint8)).tolist() == [[20] * 3] * 4


def test_an_installed_package_brings_encoders_by_its_entry_points(plugin, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("paint", "my_encoder:build", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
    assert encoder_names() == ["huggingface", "paint", "s3d"]
    assert build_encoder("paint").spec.name == "colours"


def test_what_is_unknown_is_refused_with_the_nearest_name(plugin):
    with pytest.raises(ConfigError, match=r"no encoder 's3'. Did you mean 's3d'\? Known: .*--plugin"):
        build_encoder("s3")
    load_plugin(plugin)
    with pytest.raises(ConfigError, match=r"no option 'scal'. Did you mean 'scale'\? Its options: scale"):
        build_encoder("colours", scal=1)
    with pytest.raises(ConfigError, match=r"There is no file none\.py"):
        load_plugin("none.py")
    with pytest.raises(ConfigError, match=r"no module 'mmpt\.none' to load as a plugin"):
        load_plugin("mmpt.none")


def test_a_name_is_taken_once_and_a_broken_plugin_can_be_mended(tmp_path):
    registry.register("mine")(lambda weights, device: None)
    for name in ("s3d", "mine"):
        with pytest.raises(ConfigError, match=f"'{name}' is registered already"):
            registry.register(name)(lambda weights, device: None)
    assert encoder_names() == ["huggingface", "mine", "s3d"]
    with pytest.raises(ConfigError, match=r"encoder 'mine' returned None; return a callable with a spec"):
        build_encoder("mine")
    path = tmp_path / "broken.py"
    path.write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        load_plugin(str(path))
    path.write_text(PLUGIN)
    load_plugin(str(path))
    assert "colours" in encoder_names()


def test_a_spec_holds_possible_numbers_only():
    facts = {"name": "x", "dim": 3, "fps": 10, "size": 8}
    assert EncoderSpec(**facts, seconds=0.1).frames == 1
    with pytest.raises(ConfigError, match=r"'x' says fps \* seconds = 2.5"):
        EncoderSpec(**facts, seconds=0.25)
    with pytest.raises(ConfigError, match="'x' says dim = 0"):
        EncoderSpec(**{**facts, "dim": 0})
    with pytest.raises(ConfigError, match=r"'x' says std = \(1, 0, 1\)"):
        EncoderSpec(**facts, std=(1, 0, 1))


def test_the_record_is_plain_data_and_frames_are_scaled_as_the_spec_says():
    spec = EncoderSpec(
        name="x", dim=3, fps=1, size=8, mean=(0.5, 0, 0), std=(0.5, 1, 1), weights="w 1", seconds=2
    )
    assert json.loads(json.dumps(spec.recorded())) == {
        "extractor": "x w 1", "dim": 3, "fps": 1, "size": 8, "seconds": 2, "interpolation": "bicubic",
        "precision": "float32",
    }  # fmt: skip
    frames = torch.tensor([[0, 51, 255], [255, 0, 102]], dtype=torch.uint8)
    expected = torch.tensor([[-1, 0.2, 1], [1, 0, 0.4]])
    torch.testing.assert_close(spec.normalized(frames), expected)
    torch.testing.assert_close(spec.normalized(frames, torch.float64).float(), expected)


def test_vectors_of_another_shape_than_promised_are_refused(plugin):
    load_plugin(plugin)
    encoder = build_encoder("colours")
    with pytest.raises(DataError, match=r"given 2 clips and returned \(2, 4\); its spec promises .*\(2, 3\)"):
        encode(_Wide(encoder.spec), torch.zeros(2, 2, 8, 8, 3).byte())


class _Wide:
    def __init__(self, spec):
        self.spec = spec

    def __call__(self, frames):
        return torch.ones(len(frames), 4)


def test_vectors_are_scaled_to_length_one_if_spec_or_user_say():
    encoder = _Wide(EncoderSpec(name="wide", dim=4, fps=1, size=8))
    clips = torch.zeros(2, 1, 8, 8, 3).byte()
    assert encode(encoder, clips).norm(dim=1).tolist() == [1, 1]
    assert encode(encoder, clips, l2_normalize=False).norm(dim=1).tolist() == [2, 2]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "narrow.pth"
    torch.save(S3D(width=0.1, text_module=False).state_dict(), path)
    return str(path)


@pytest.mark.parametrize(("output", "dim"), [("video_embedding", 512), ("mixed_5c", 112)])
def test_s3d_is_an_encoder_of_uint8_frames_with_both_outputs(weights, output, dim):
    options = {"width": 0.1, "fps": 4, "size": 32, "output": output}
    encoder = build_encoder("s3d", weights, **options)
    assert (encoder.spec.dim, encoder.spec.frames) == (dim, 4)
    assert encoder.spec.identity.startswith("s3d" + ".mixed_5c" * (output == "mixed_5c") + " narrow.pth ")
    frames = torch.randint(0, 256, (2, 4, 32, 32, 3), dtype=torch.uint8)
    plain = S3D(width=0.1, text_module=False).eval()
    plain.load_state_dict(torch.load(weights))
    with torch.no_grad():
        expected = plain(frames.permute(0, 4, 1, 2, 3).float() / 255)[output]
    torch.testing.assert_close(encode(encoder, frames, l2_normalize=False), expected, rtol=1e-4, atol=1e-5)


def test_impossible_options_of_s3d_and_missing_weights_are_named(weights):
    with pytest.raises(
        ConfigError, match=r"'output' of the encoder 's3d' must be .*mixed_5c.*, got 'mixed_4f'"
    ):
        build_encoder("s3d", weights, output="mixed_4f")
    with pytest.raises(ConfigError, match="'width' of the encoder 's3d' must be a number, got 'wide'"):
        build_encoder("s3d", weights, width="wide")
    with pytest.raises(ConfigError, match="must be even, not 9 and 224"):
        build_encoder("s3d", weights, fps=9)
    with pytest.raises(CheckpointError, match=r"none\.pth do not exist"):
        build_encoder("s3d", "none.pth")


def test_the_label_of_a_folder_counts_every_file_and_no_hidden_one(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m/a").write_text("1")
    label = weights_label(tmp_path / "m")
    assert label.startswith("m ")
    assert len(label) == len("m ") + 16
    (tmp_path / "m/.cache").write_text("2")
    assert weights_label(tmp_path / "m") == label
    (tmp_path / "m/b").write_text("1")
    assert weights_label(tmp_path / "m") != label
