"""The keys that a task or project YAML may hold: one dataclass per section, one field per key.

Comes in: the plain mapping that YAML gives. Goes out: objects with one attribute per key, defaults
filled in, so that a key which the file leaves out reads as its default (mostly ``None``). Sections
are treated as immutable: use :meth:`Section.replace` for a changed copy.

The text under each field is its documentation; CONFIG.md holds the same text as tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import NoneType
from typing import Any, Literal, Self, get_args

from mmpt.config.userkeys import users_defaults
from mmpt.errors import ConfigError

__all__ = [
    "SECTIONS",
    "DatasetConfig",
    "EvalConfig",
    "ExtractorConfig",
    "LossConfig",
    "ModelConfig",
    "ProjectConfig",
    "Section",
    "TaskConfig",
]


@dataclass(kw_only=True)
class Section:
    """Base of all sections: attribute access, :meth:`get`, :meth:`replace`, and undeclared keys."""

    extra: dict[str, Any] = field(default_factory=dict)
    """Keys of the file that this section does not declare (those of users' own classes)."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build the section from what YAML gave.

        Undeclared keys go to ``extra``. Null stands for the default where a field cannot be None.
        """
        names = cls.keys()
        nullable = {name for name in names if NoneType in get_args(cls.__annotations__[name])}
        known = {
            key: value
            for key, value in values.items()
            if key in names and (value is not None or key in nullable)
        }
        return cls(**known, extra={key: value for key, value in values.items() if key not in names})

    @classmethod
    def keys(cls) -> list[str]:
        """Return the declared keys."""
        return [each.name for each in fields(cls) if each.name != "extra"]

    def __getattr__(self, name: str) -> Any:
        # Only called for what is no field; ``__dict__`` is empty while an object is being unpickled.
        extra = self.__dict__.get("extra", {})
        if name in extra:
            return extra[name]
        raise AttributeError(f"{type(self).__name__} has no key '{name}'.")

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key``, or ``default`` if it is absent or null."""
        value = getattr(self, key, None)
        return default if value is None else value

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some keys changed, declared ones or others."""
        names = self.keys()
        declared = {key: value for key, value in changes.items() if key in names}
        other = {key: value for key, value in changes.items() if key not in names}
        return replace(self, **declared, extra={**self.extra, **other})


@dataclass(kw_only=True)
class DatasetConfig(Section):
    """``dataset:`` which data, how it is read, and how a model input is made of it."""

    split: Literal["train", "valid", "test"] | None = None
    """The split that a processor reads. Set by the toolkit; test tasks write ``test``."""
    bert_name: str = "bert-base-uncased"
    """Tokenizer and initial weights: a folder, or a name on the Hugging Face hub."""
    use_fast: bool = True
    """Use the fast (Rust) tokenizer."""
    meta_processor: str | None = None
    """Class that lists the (video, text) pairs of a split."""
    video_processor: str | None = None
    """Class that reads the features of one video."""
    text_processor: str | None = None
    """Class that reads and tokenises the text of one video."""
    aligner: str | None = None
    """Class that makes one example of a video and its text."""
    train_path: str | None = None
    """List of the training videos (its format is the meta processor's)."""
    val_path: str | None = None
    """List of the validation videos."""
    test_path: str | None = None
    """List of the test videos."""
    vfeat_dir: str | None = None
    """Folder of the video features: one ``<video_id>.npy`` per video, or shards."""
    vfeat_dim: int | None = None
    """Numbers in a feature vector. By default what the features in ``vfeat_dir`` have, and 512 (S3D) without
    any; if set, it must be theirs."""
    tfeat_dir: str | None = None
    """Prefix (not a folder) of the token shards; ``<split>_<shard>`` follows it."""
    read_mode: Literal["auto", "mmap", "pread"] = "auto"
    """How shards are read: mapped into memory, at their place (more data than memory), or chosen by size."""
    caption_path: str | None = None
    """File of captions (``.json``, ``.jsonl`` or ``.pkl``) for ``PKLJSONStrTextProcessor``."""
    max_video_len: int = 32
    """Most seconds of video in one example."""
    max_len: int = 96
    """Length of the whole sequence: video tokens, text tokens and [CLS] [SEP] [SEP]."""
    num_iso_layer: int | None = None
    """First layers of a joint model in which video and text see only themselves."""
    subsampling: int | None = None
    """Clips drawn from one item; the fairseq batch size, which counts clips, is divided by it."""
    clip_per_video: int | None = None
    """Clips drawn from each video of a batch of neighbouring videos."""
    num_video_per_batch: int | None = None
    """Videos in one batch of neighbouring videos."""
    sampled_min_len: int | None = None
    """Fewest text tokens that the random text length of a clip may be."""
    sampled_max_len: int | None = None
    """Most text tokens that the random text length of a clip may be."""
    sampled_video_min_len: int | None = None
    """Fewest seconds of a random video clip."""
    sampled_video_max_len: int | None = None
    """Most seconds of a random video clip."""
    max_span: float = 256.0
    """Most seconds between the first and the last caption of a clip."""
    mfm_probability: float = 0.15
    """Share of video frames that masked frame modelling masks."""
    mlm_probability: float = 0.15
    """Share of text tokens that masked language modelling masks."""
    mm_prob: float | None = None
    """Probability of masking a whole modality instead of single frames and tokens."""
    mm_type: Literal["full", "textgen"] | None = None
    """How a whole modality is masked: ``full`` (if not given) hides it; ``textgen`` generates the text out of
    the video word by word, and the video out of the text, under 2-D attention masks."""
    lazy_vfeat_mask: bool = False
    """Let the model zero the masked frames, so that their features stay available as targets; masked frame
    modelling needs it."""
    sliding_window: int | None = None
    """Seconds between the starts of two windows over a long video."""
    sliding_window_size: int | None = None
    """Seconds of one window over a long video."""
    json_path: str | None = None
    """MSR-VTT: the JSON file with all captions."""
    jsfusion_path: str | None = None
    """MSR-VTT: list of the 1k-A test videos, which training leaves out."""
    full_test_path: str | None = None
    """MSR-VTT: list of the full test split, whose other videos join the training set."""
    dup: int | None = None
    """MSR-VTT: how often the list of training videos is repeated in one epoch."""
    trainval_annotation: str | None = None
    """YouCook2: the JSON file with the segments of all videos."""
    use_annotation_text: bool = False
    """YouCook2: take the sentence from the annotation file instead of the pickle."""
    train_csv_path: str | None = None
    """CrossTask: ``videos.csv``."""
    val_csv_path: str | None = None
    """CrossTask: ``videos_val.csv``, whose videos training leaves out."""
    primary_path: str | None = None
    """CrossTask: ``tasks_primary.txt``."""
    related_path: str | None = None
    """CrossTask: ``tasks_related.txt``."""
    annotation_path: str | None = None
    """CrossTask: folder of the annotation files."""
    n_train: int | None = None
    """CrossTask: training videos per primary task."""


@dataclass(kw_only=True)
class ModelConfig(Section):
    """``model:`` the network."""

    model_cls: str | None = None
    """Class of the whole model."""
    mm_encoder_cls: str | None = None
    """Encoder that sees video and text (joint and shared models)."""
    video_encoder_cls: str | None = None
    """Video tower of a separate model."""
    text_encoder_cls: str | None = None
    """Text tower of a separate model; ``BertModel`` is transformers' own."""
    num_hidden_video_layers: int = 6
    """Layers of the video tower: the first ones of BERT."""
    normalize: bool = False
    """Two-tower models: scale pooled vectors to length 1, so that scores are cosines."""
    use_seg_emb: bool = False
    """Create the unused ``seg_embeddings`` that VLM checkpoints hold."""
    autocast: Literal["bfloat16", "float16"] | None = None
    """Train in this type where it is safe (torch.autocast), on CPU or GPU; weights stay float32."""
    num_labels: int | None = None
    """Action segmentation: number of classes, background included; by default counted in the annotations."""
    max_decode_length: int | None = None
    """Captioning: longest generated sequence, the prompt included."""
    remove_padding: bool | None = None
    """Compute real tokens only (equal results, less work); by default while training.
    Hidden states of padding are then zeros."""


@dataclass(kw_only=True)
class LossConfig(Section):
    """``loss:`` the training objective."""

    loss_cls: str | None = None
    """Class of the loss."""
    gather: bool = False
    """Contrastive losses: train with the pairs of all workers as negatives, equal to one worker with the
    whole batch. By default, and in validation, a worker sees its own."""
    temperature: float | None = None
    """Contrastive losses: learn a scale of the scores, which starts at 1 ÷ this and ends at 100 (CLIP)."""
    bias: float | None = None
    """``MMSigmoidLoss``: where the learned bias starts; -10 if not given, its temperature 0.1 (SigLIP)."""
    grad_cache_chunk: int | None = None
    """Contrastive losses and ``MILNCE``, two-tower models: videos and texts that are encoded at a time.
    Memory is that of a chunk, loss and gradient are those of the whole batch; each row is encoded twice
    (GradCache)."""


@dataclass(kw_only=True)
class EvalConfig(Section):
    """``eval:`` where predictions and results go."""

    save_path: str | None = None
    """Folder of predictions and results; ``from_pretrained`` looks for the checkpoint here first."""


@dataclass(kw_only=True)
class ExtractorConfig(Section):
    """``extractor:`` the network that turns frames into one feature per second."""

    type: str = "s3d"
    """Encoder: ``s3d``, ``huggingface``, or one that a plugin registers."""
    weights: str = "pretrained_models/s3d_howto100m.pth"
    """File or folder of its weights."""
    dict_path: str | None = "pretrained_models/s3d_dict.npy"
    """Word list of S3D's text side; features do not need it, so it is not read."""
    width: float | None = None
    """S3D: factor on the number of channels; by default 1, the published network."""
    fps: int | None = None
    """Frames per second that it reads; by default its own number, 30 for S3D."""
    size: int | None = None
    """Height and width of a frame in pixels; by default its own, 224 for S3D."""
    l2_normalize: bool | None = None
    """Scale every feature vector to length 1; by default as extraction does with this encoder."""
    options: dict[str, Any] = field(default_factory=dict)
    """What the encoder takes beside, such as ``precision: bfloat16``."""


@dataclass(kw_only=True)
class TaskConfig(Section):
    """A task file: one training or evaluation job."""

    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """Data and processors, see ``dataset``."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The network, see ``model``."""
    loss: LossConfig = field(default_factory=LossConfig)
    """The objective, see ``loss``."""
    eval: EvalConfig = field(default_factory=EvalConfig)
    """Result folders, see ``eval``."""
    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    """The feature extractor, see ``extractor``."""
    fairseq: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options of ``fairseq-train`` in groups, see ``fairseq``."""
    task: str = "Task"
    """Class that ties data, model and loss together."""
    task_type: str | None = None
    """Job type when ``--jobtype`` is not given, such as ``local_single`` or ``local_predict``."""
    slurm_config: str | None = None
    """Name of a cluster configuration; local jobs ignore it."""
    metric: str | None = None
    """Class that turns predictions into numbers."""
    predictor: str | None = None
    """Class that turns model outputs into predictions."""
    gen_param: dict[str, Any] = field(default_factory=dict)
    """Captioning: options of generation, such as ``num_beams``."""
    retri_epoch: int | None = None
    """First epoch that draws batches of neighbouring videos."""
    vectorpool_cls: str | None = None
    """Class that pools clip vectors to one vector per video."""
    retriever_cls: str | None = None
    """Class that finds neighbouring videos."""
    retri_index: Literal["flatl2", "pq", "exact"] | None = None
    """How neighbours are found: ``flatl2`` and ``pq`` (1/96 of the memory) nearly, with FAISS; ``exact``
    without. By default ``exact`` up to 100 000 videos, then ``flatl2`` if FAISS is installed."""
    num_cands: int | None = None
    """Neighbours from which a batch of neighbouring videos is drawn."""
    plugins: list[str] = field(default_factory=list)
    """Python files or modules to load first; they register your own classes and encoders."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build the configuration from what YAML gave.

        Raises:
            ConfigError: If a section is no mapping.
        """
        typed = {**users_defaults("", values), **values}
        for name, section in SECTIONS.items():
            given = values.get(name) or {}
            if not isinstance(given, Mapping):
                raise ConfigError(f"{name}: must be a mapping of keys to values, got {given!r}.")
            typed[name] = section.from_mapping({**users_defaults(name, given), **given})
        return super().from_mapping(typed)


@dataclass(kw_only=True)
class ProjectConfig(Section):
    """A project file: it has ``base_dir`` and expands to many task files."""

    project_dir: str
    """The task files are written to ``projects/<project_dir>``; runs go to ``runs/<project_dir>``."""
    base_dir: str
    """The templates are in ``projects/<base_dir>``."""
    data_dir: str = "data"
    """Where the data are: in every text of the templates ``data`` at the start becomes this folder."""
    run_task: list[str | list[str]] = field(default_factory=list)
    """Task files in the order in which ``--run`` runs them; a nested list runs in parallel."""
    task_group: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name of a group -> ``task_list`` and the keys that the group sets in each of its tasks."""


SECTIONS: dict[str, type[Section]] = {
    "dataset": DatasetConfig,
    "model": ModelConfig,
    "loss": LossConfig,
    "eval": EvalConfig,
    "extractor": ExtractorConfig,
}
"""Name of a section of the task file -> its dataclass."""
