import dataclasses
import json

import pytest

from mmpt.catalog import ALIGNERS, LOSSES, META_PROCESSORS, MODELS, PREDICTORS
from mmpt.config.includes import Layer
from mmpt.config.validate import check_file, check_task
from mmpt.utils import load_config

GOOD = {
    "dataset": {
        "meta_processor": "ShardedHow2MetaProcessor",
        "aligner": "OverlappedAligner",
        "sampled_min_len": 8,
        "sampled_max_len": 64,
        "sampled_video_min_len": 3,
        "sampled_video_max_len": 32,
        "subsampling": 16,
    },
    "model": {
        "model_cls": "MMFusionSeparate",
        "video_encoder_cls": "MMBertForEncoder",
        "text_encoder_cls": "BertModel",
    },
    "loss": {"loss_cls": "MMContraLoss"},
    "fairseq": {
        "dataset": {"batch_size": 32, "num_workers": 0},
        "optimization": {"lr": [1e-3], "max_epoch": 2, "update-freq": [1]},
        "checkpoint": {"save_dir": "runs/a"},
    },
}


def with_value(key, value):
    """Return GOOD with the dotted key set."""
    *parents, last = key.split(".")
    copy = {name: dict(section) for name, section in GOOD.items()}
    copy["fairseq"] = {name: dict(group) for name, group in GOOD["fairseq"].items()}
    section = copy
    for name in parents:
        section = section.setdefault(name, {})
    section[last] = value
    return copy


def problems(values):
    return [str(problem) for problem in check_task([Layer("t.yaml", values)])]


def test_a_right_task_has_no_problem():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("datset", {}, "t.yaml: datset: unknown key; did you mean 'dataset'? Allowed: dataset, eval"),
        ("dataset.alinger", "x", "dataset.alinger: unknown key; did you mean 'aligner'?"),
        ("loss.los_cls", "BCE", "loss.los_cls: unknown key; did you mean 'loss_cls'? Allowed: bias, "),
        ("dataset.aligner", "OverlapedAligner", "did you mean 'OverlappedAligner'? Known: "),
        ("task", "Tusk", "t.yaml: task: unknown task 'Tusk'; did you mean 'Task'?"),
        ("dataset.max_len", "96", "dataset.max_len: must be a whole number, got the text '96'."),
        ("dataset.max_len", 96.5, "dataset.max_len: must be a whole number, got 96.5."),
        ("dataset.dup", True, "dataset.dup: must be a whole number, got True."),
        ("dataset.use_fast", 1, "dataset.use_fast: must be true or false, got 1."),
        ("dataset.vfeat_dir", 3, "dataset.vfeat_dir: must be text, got 3."),
        (
            "dataset.read_mode",
            "fast",
            "dataset.read_mode: must be auto or mmap or pread, got the text 'fast'.",
        ),
        ("dataset.mm_prob", "half", "dataset.mm_prob: must be a number, got the text 'half'."),
        ("model", ["a"], "t.yaml: model: must be a mapping, got ['a']."),
        ("plugins", "a", "plugins: must be a list of texts, got the text 'a'."),
        ("plugins", ["none.py"], "There is no file none.py to load as a plugin"),
        ("plugins", [".x"], "'.x' cannot be loaded: There is no module '.x' to load as a plugin; install it"),
        ("plugins", ["no_such_module_here"], "There is no module 'no_such_module_here'"),
        ("dataset.mlm_probability", 15, "dataset.mlm_probability: must be between 0 and 1, got 15."),
        ("dataset.subsampling", 0, "dataset.subsampling: must be at least 1, got 0."),
        ("dataset.max_len", 35, "is 35 and must be at least 36: max_video_len 32, [CLS], two [SEP]"),
        ("dataset.sampled_min_len", 65, "is 65, more than dataset.sampled_max_len, which is 64."),
        ("dataset.sampled_video_max_len", 40, "is 40, more than dataset.max_video_len, which is 32."),
        ("dataset.sampled_video_min_len", None, "must be set, OverlappedAligner needs it."),
        ("model.text_encoder_cls", None, "model.text_encoder_cls: must be set, MMFusionSeparate needs it."),
        ("loss.temperature", 0.001, "loss.temperature: must be at least 0.01, got 0.001."),
        ("loss.bias", 0.0, "loss_cls 'MMContraLoss' does not use it; it is for MMSigmoidLoss."),
        ("loss.grad_cache_chunk", 0, "loss.grad_cache_chunk: must be at least 1, got 0."),
        ("metric", "RetrievalMetric", "predictor: must be set: the metric measures what it predicts."),
        ("fairseq", [], "fairseq: must be a mapping, got []."),
        ("fairseq.comon", {}, "fairseq.comon: unknown group; did you mean 'common'?"),
        ("fairseq.common", 3, "fairseq.common: must be a mapping of options, got 3."),
        ("fairseq.dataset.batch_sise", 3, "is no option of fairseq-train; did you mean 'batch_size'?"),
        ("fairseq.dataset.batch_size", "3", "batch_size: must be a whole number, got the text '3'."),
        ("fairseq.dataset.batch_size", 8, "is 8 and must be at least 16: it counts clips"),
        ("fairseq.optimization.lr", [], "must be a list of numbers or a number, got []."),
        ("fairseq.common.user_dir", "x", "fairseq.common.user_dir: is set by the launcher; remove it."),
        ("fairseq.checkpoint.save_dir", None, "fairseq.checkpoint.save_dir: must be set: training writes"),
    ],
)
def test_a_wrong_value_is_one_problem_that_says_what_is_allowed(key, value, message):
    found = problems(with_value(key, value))
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("key", "value", "place", "chosen", "message"),
    [
        (
            "loss.gather",
            True,
            "loss.loss_cls",
            "BCE",
            "is set, and loss_cls 'BCE' does not use it; it is for MM",
        ),
        ("loss.temperature", 1.0, "loss.loss_cls", "NLGLoss", "and loss_cls 'NLGLoss' does not use it"),
        ("loss.grad_cache_chunk", 8, "loss.loss_cls", "CrossEntropy", "and loss_cls 'CrossEntropy' does not"),
        (
            "loss.grad_cache_chunk",
            8,
            "model.model_cls",
            "MMFusionJoint",
            "for MMFusionSeparate, MMFusionShare.",
        ),
        ("model.normalize", True, "model.model_cls", "MMFusionJoint", "for MMFusionSeparate, MMFusionShare."),
    ],
)
def test_a_key_that_the_chosen_class_does_not_use_is_refused(key, value, place, chosen, message):
    values = with_value(place, chosen)
    values["model"]["mm_encoder_cls"] = "MMBertForJoint"
    section, name = key.split(".")
    values[section][name] = value
    (found,) = problems(values)
    assert found.startswith(f"t.yaml: {key}: is set")
    assert message in found


def test_masked_frames_that_the_aligner_erases_are_refused_where_the_model_is_to_recognise_them():
    values = with_value("dataset.aligner", "MFMMLMAligner")
    values["model"] = {"model_cls": "MMFusionMTM", "mm_encoder_cls": "MMBertForMTM"}
    assert problems(values) == [
        "t.yaml: dataset.lazy_vfeat_mask: must be true: MMFusionMTM learns to recognise masked frames, and "
        "otherwise the aligner erases them."
    ]
    values["dataset"]["lazy_vfeat_mask"] = True
    assert problems(values) == []


def test_numbers_that_may_be_negative_are_let_through():
    values = with_value("loss.loss_cls", "MMSigmoidLoss")
    values["loss"] |= {"bias": -10, "temperature": 1, "gather": True}
    assert problems(values) == []


def test_all_problems_are_reported_at_once_with_the_file_that_causes_each(write):
    write("base.yaml", "dataset:\n  aligner: Nope\n  max_len: many\n")
    write("top.yaml", "includes: base.yaml\ndataset:\n  vfeat: x\n")
    with pytest.raises(Exception, match=r"top\.yaml has 3 problems") as caught:
        load_config("top.yaml")
    message = str(caught.value)
    assert "base.yaml: dataset.aligner: unknown aligner 'Nope'" in message
    assert "base.yaml: dataset.max_len: must be a whole number, got the text 'many'." in message
    assert "top.yaml: dataset.vfeat: unknown key; did you mean 'vfeat_dir'?" in message


def test_a_problem_in_a_project_names_the_group(write):
    write("projects/task/a.yaml", "dataset:\n  max_len: 96\n")
    write("projects/task/b.yaml", "dataset:\n  max_len: 96\n")
    write(
        "projects/p.yaml",
        "project_dir: p\nbase_dir: task\n"
        "task_group:\n  one:\n    task_list: [a.yaml, b.yaml]\n    dataset: {max_len: 10}\n",
    )
    (found,) = check_file("projects/p.yaml")  # both tasks have it, it is told once
    assert str(found).startswith(
        "projects/p.yaml: task_group.one.dataset.max_len: is 10 and must be at least 36"
    )


@pytest.fixture
def users_class(request):
    cls = request.param
    META_PROCESSORS.register("UsersMeta")(cls)
    yield cls
    del META_PROCESSORS._classes["UsersMeta"]


class Plain:
    pass


class Declared:
    @dataclasses.dataclass
    class Config:
        my_list: str | None = None


def users_task(**keys):
    return {"dataset": {"meta_processor": "UsersMeta", **keys}}


@pytest.mark.parametrize("users_class", [Declared], indirect=True)
def test_the_config_of_a_users_class_declares_further_keys(users_class):
    assert problems(users_task(my_list="a")) == []
    (message,) = problems(users_task(my_lst="a"))
    assert "dataset.my_lst: unknown key; did you mean 'my_list'?" in message


@pytest.mark.parametrize("users_class", [Plain], indirect=True)
def test_a_users_class_without_config_turns_unknown_keys_into_warnings(users_class, write, caplog):
    (found,) = check_task([Layer("t.yaml", users_task(anything=1))])
    assert found.severity == "warning"
    config = load_config(write("t.yaml", "dataset: {meta_processor: UsersMeta, anything: 1}\n"))
    assert config.dataset.anything == 1
    assert "dataset.anything: is no key of the toolkit" in caplog.text


class Sized:
    @dataclasses.dataclass
    class Config:
        width: int
        depth: int = 2
        names: list[str] = dataclasses.field(default_factory=lambda: ["a"])


@pytest.mark.parametrize(
    ("section", "key", "registry"),
    [
        ("dataset", "aligner", ALIGNERS),
        ("model", "model_cls", MODELS),
        ("loss", "loss_cls", LOSSES),
        ("", "predictor", PREDICTORS),
    ],
)
def test_every_class_declares_keys_of_its_section_with_their_defaults(
    section, key, registry, monkeypatch, write
):
    monkeypatch.setitem(registry._classes, "Sized", Sized)

    def task(**keys):
        keys = {key: "Sized", **keys}
        return {section: keys} if section else keys

    prefix = f"{section}." if section else ""
    assert problems(task(width=3, names=["b"])) == []
    assert (
        problems(task())
        == problems(task(width=None))
        == [f"t.yaml: {prefix}width: must be set, it has no default in the Config of your class."]
    )
    (message,) = problems(task(width=3, dept=1))
    assert f"{prefix}dept: unknown key; did you mean 'depth'?" in message
    config = load_config(write("t.yaml", json.dumps(task(width=3))))
    found = getattr(config, section) if section else config
    assert (found.width, found.depth, found.names) == (3, 2, ["a"])


@pytest.mark.parametrize("users_class", [Plain], indirect=True)
def test_a_class_without_config_casts_no_doubt_on_keys_that_another_declares(users_class, monkeypatch):
    monkeypatch.setitem(ALIGNERS._classes, "Sized", Sized)
    task = users_task(aligner="Sized", width=3, anything=1)
    assert [problem.key for problem in check_task([Layer("t.yaml", task)])] == ["dataset.anything"]


def test_a_plugin_registers_its_classes_before_validation(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write(
        "users_plugin.py",
        "from mmpt.catalog import META_PROCESSORS\n"
        "@META_PROCESSORS.register()\n"
        "class PluginMeta:\n"
        "    pass\n",
    )
    config = load_config(write("t.yaml", "plugins: [users_plugin]\ndataset: {meta_processor: PluginMeta}\n"))
    assert META_PROCESSORS.get(config.dataset.meta_processor).__module__ == "users_plugin"


def test_a_task_of_neighbours_needs_its_numbers_in_order():
    task = GOOD | {"task": "VideoRetriTask", "num_cands": 16}
    task["dataset"] = GOOD["dataset"] | {"num_video_per_batch": 32}
    assert problems(task) == [
        "t.yaml: dataset.num_video_per_batch: is 32, more than num_cands, which is 16.",
        "t.yaml: retri_epoch: must be set, VideoRetriTask needs it.",
    ]
