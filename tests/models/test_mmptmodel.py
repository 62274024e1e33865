"""Inference: any batch, frames or features, the same answer."""

import pytest
import torch
import yaml
from small_model import FPS, SIZE, WIDTH, write_task

from mmpt.encoders.s3d import load_s3d
from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.models import MMPTModel, build_model
from mmpt.utils import recursive_config


@pytest.fixture(scope="module")
def task(tiny_bert, tmp_path_factory):
    """A task file with a section ``eval``, and a checkpoint with names as training writes them."""
    folder = tmp_path_factory.mktemp("task")
    path = write_task(folder, tiny_bert)
    values = yaml.safe_load(path.read_text()) | {"eval": {"save_path": str(folder / "eval")}}
    path.write_text(yaml.safe_dump(values))
    state = torch.load(folder / "checkpoint_best.pt")["model"]
    torch.save(
        {"model": {f"mmmodel.{key}": value for key, value in state.items()}}, folder / "checkpoint_best.pt"
    )
    return path


@pytest.fixture(scope="module")
def loaded(task):
    return MMPTModel.from_pretrained(task)


@pytest.fixture(scope="module")
def model(loaded):
    return loaded[0]


VLM = {"model_cls": "MMFusionMTM", "mm_encoder_cls": "MMBertForMFMMLM", "use_seg_emb": True}


@pytest.fixture
def vlm(task, tmp_path, monkeypatch):
    """The shipped pre-training task of VLM, by its name, on a tiny BERT and with a checkpoint."""
    values = yaml.safe_load(task.read_text())
    values |= {"model": VLM, "eval": {"save_path": "runs/mtm/vlm"}, "fairseq": {}}
    values["dataset"] |= {"train_path": "train.lst", "aligner": "MFMMLMAligner", "lazy_vfeat_mask": True}
    monkeypatch.chdir(tmp_path)
    for folder in ("projects/mtm/vlm", "runs/mtm/vlm"):
        (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / "projects/mtm/vlm/how2.yaml"
    path.write_text(yaml.safe_dump(values))
    state = build_model(recursive_config(path)).state_dict()
    torch.save(
        {"model": {f"mmmodel.{key}": v for key, v in state.items()}}, "runs/mtm/vlm/checkpoint_best.pt"
    )
    return MMPTModel.from_pretrained("projects/mtm/vlm/how2.yaml")


def frames(*seconds, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shapes = [(count, FPS, SIZE, SIZE, 3) for count in seconds]
    return [torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8) for shape in shapes]


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_batch_of_frames_and_texts_is_scored_by_dot_products(loaded):
    model, tokenizer, aligner = loaded
    assert not model.training
    texts = ["now we cut the onion", "stir"]
    pairs = [aligner._build_text_seq(tokenizer(t, add_special_tokens=False)["input_ids"]) for t in texts]
    caps, cmasks = (torch.stack(column) for column in zip(*pairs, strict=True))
    videos = torch.stack(frames(2, 2))
    with torch.no_grad():
        outputs = model(videos, caps, cmasks)
        score = model(videos, caps, cmasks, return_score=True)["score"]
    close(outputs["pooled_text"], model.encode_text(texts))
    close(outputs["pooled_video"], model.encode_video(videos))
    close(score, (outputs["pooled_video"] * outputs["pooled_text"]).sum(1))


def test_a_model_of_masked_modelling_scores_any_batch(vlm):
    model, tokenizer, aligner = vlm
    texts = ["now we cut the onion", "stir", "pour oil in the pan"]
    pairs = [aligner._build_text_seq(tokenizer(t, add_special_tokens=False)["input_ids"]) for t in texts]
    caps, cmasks = (torch.stack(column) for column in zip(*pairs, strict=True))
    videos = torch.stack(frames(2, 2, 2))
    with torch.no_grad():
        outputs = model(videos, caps, cmasks)
        score = model(videos, caps, cmasks, return_score=True)["score"]
        alone = model(videos[:1], caps[:1], cmasks[:1])
    assert outputs["pooled_video"].shape == outputs["pooled_text"].shape == (3, 48)
    close(outputs["pooled_text"], model.encode_text(texts))
    close(outputs["pooled_video"], model.encode_video(videos))
    close(score, (outputs["pooled_video"] * outputs["pooled_text"]).sum(1))
    for name, vectors in alone.items():
        close(vectors, outputs[name][:1])


def test_a_model_of_masked_modelling_takes_videos_of_any_length(vlm):
    model, _, _ = vlm
    videos = [torch.randn(seconds, 512) for seconds in (1, 4, 9)]
    together = model.encode_video(videos)
    close(together, torch.cat([model.encode_video([video]) for video in videos]))
    close(together[2], model.encode_video([videos[2][:4], videos[2][4:8], videos[2][8:]]).mean(0))


def test_bytes_and_floats_of_the_same_frames_give_the_same_vector(model):
    [video] = frames(2)
    close(model.encode_video([video.float() / 255]), model.encode_video([video]))


def test_frames_give_what_their_features_give(model):
    [video] = frames(3)
    network = load_s3d(model.config.extractor.weights, width=WIDTH)
    with torch.no_grad():
        clips = video.permute(0, 4, 1, 2, 3).float() / 255
        features = torch.nn.functional.normalize(network(clips)["video_embedding"], dim=-1)
    close(model.encode_video([features]), model.encode_video([video]))


def test_a_ragged_batch_equals_its_videos_one_by_one(model):
    videos = [torch.randn(seconds, 512) for seconds in (1, 3, 4, 9, 2)]
    together = model.encode_video(videos, batch_size=2)
    close(together, torch.cat([model.encode_video([video]) for video in videos]))


def test_a_long_video_is_the_mean_of_its_windows(model):
    video = torch.randn(10, 512)  # windows of 4, 4 and 2 seconds
    windows = [video[:4], video[4:8], video[8:]]
    close(model.encode_video([video])[0], model.encode_video(windows).mean(0))


def test_a_short_video_equals_the_fusion_model_on_the_aligners_input(model):
    video = torch.randn(3, 512)
    sample = model.aligner("v", video.numpy(), [10, 11])
    with torch.no_grad():
        expected = model.model(**{k: sample[k][None] for k in ("caps", "cmasks", "vfeats", "vmasks")})
    close(model.encode_video(video[None]), expected["pooled_video"])


def test_texts_in_batches_equal_texts_one_by_one(model):
    texts = ["cut the onion", "stir", "now we put the pan on the stove and then we wait for it " * 3, ""]
    close(model.encode_text(texts, batch_size=3), torch.cat([model.encode_text([text]) for text in texts]))


def test_the_model_runs_in_the_precision_it_is_moved_to(task):
    model, _, _ = MMPTModel.from_pretrained(task)
    expected = model.encode_video(frames(2))
    found = model.to(torch.bfloat16).encode_video(frames(2))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.1, rtol=0.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_model_runs_on_the_device_it_is_moved_to(task):
    model, _, _ = MMPTModel.from_pretrained(task)
    texts = ["cut the onion", "stir"]
    expected = model.encode_video(frames(2, 5)) @ model.encode_text(texts).t()
    model.to("cuda")
    found = model.encode_video(frames(2, 5)) @ model.encode_text(texts).t()
    torch.testing.assert_close(found.cpu(), expected, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("shape", [(0, 512), (3, FPS + 1, SIZE, SIZE, 3), (3, FPS, SIZE, SIZE), (512,)])
def test_a_video_of_another_shape_is_refused_with_the_shape_that_is_meant(model, shape):
    with pytest.raises(DataError, match=r"frames \(seconds, 4, height, width, 3\) or features"):
        model.encode_video([torch.zeros(shape)])


def test_no_video_and_a_bare_string_are_refused(model):
    with pytest.raises(DataError, match="No video was given"):
        model.encode_video([])
    with pytest.raises(DataError, match="takes a list of one or more sentences"):
        model.encode_text("cut the onion")


def test_videos_and_texts_must_be_pairs(model):
    with pytest.raises(DataError, match="2 videos and 1 texts"):
        model(torch.stack(frames(2, 2)), torch.tensor([[2, 3, 3]]), torch.ones(1, 3).bool())


def test_a_checkpoint_that_is_nowhere_names_the_places(task):
    with pytest.raises(CheckpointError, match=r"checkpoint_9.pt is not there. Looked for: .*eval.*task"):
        MMPTModel.from_pretrained(task, checkpoint="checkpoint_9.pt")


def test_a_checkpoint_can_be_given_by_path(task):
    model, _, _ = MMPTModel.from_pretrained(task, checkpoint=task.parent / "checkpoint_best.pt")
    assert isinstance(model, MMPTModel)


def test_an_incomplete_checkpoint_is_refused(task):
    state = torch.load(task.parent / "checkpoint_best.pt")["model"]
    del state["mmmodel.video_encoder.videomlp.linear1.weight"]
    torch.save({"model": state}, task.parent / "cut.pt")
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors .*videomlp.linear1.weight"):
        MMPTModel.from_pretrained(task, checkpoint="cut.pt")


def test_a_project_is_no_task():
    with pytest.raises(ConfigError, match="is a project; give one of its task files"):
        MMPTModel.from_pretrained("projects/retri/videoclip.yaml")


def test_features_do_without_the_weights_of_the_video_encoder(task, tmp_path):
    values = yaml.safe_load(task.read_text())
    values["extractor"]["weights"] = str(tmp_path / "none.pth")
    other = tmp_path / "task.yaml"
    other.write_text(yaml.safe_dump(values))
    model, _, _ = MMPTModel.from_pretrained(other)
    assert model.encode_video([torch.ones(3, 512)]).shape == (1, 48)
    with pytest.raises(CheckpointError, match=r"none\.pth do not exist"):
        model.encode_video(frames(1))


def test_an_encoder_of_another_width_than_the_features_is_refused(task, tmp_path):
    values = yaml.safe_load(task.read_text())
    values["extractor"]["options"] = {"output": "mixed_5c"}
    values["dataset"]["vfeat_dim"] = 512
    other = tmp_path / "task.yaml"
    other.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"'s3d.mixed_5c' .* gives vectors of 128 numbers, .* reads 512"):
        MMPTModel.from_pretrained(other)


def test_a_file_that_is_not_there_is_named(model):
    with pytest.raises(DataError, match=r"The video v\.mp4 does not exist"):
        model.encode_video(["v.mp4"])
    with pytest.raises(DataError, match=r"The file v\.npy does not exist"):
        model.encode_video(["v.npy"])


def test_a_file_name_alone_is_no_list_of_videos(model):
    with pytest.raises(DataError, match=r"'v\.mp4', was given where several may stand; put it in a list"):
        model.encode_video("v.mp4")
