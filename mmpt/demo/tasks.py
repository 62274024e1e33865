"""What the table of the two demo projects shows, and what is known about its weak spots."""

from pathlib import Path

from mmpt.demo.scoreboard import Entry

__all__ = ["ENTRIES"]

_ALIGNS_NOTHING = (
    "masked pre-training never compares a whole video with a whole text, so their pooled vectors share no "
    "space before fine-tuning."
)


_ALL_BACKGROUND = (
    "without fine-tuning a second is background unless a label fits it better than any two labels fit each "
    "other; {most_predicted_class[share]:.0%} of the answers are one class."
)


def _result(model: str, folder: str, checkpoint: str) -> Path:
    return Path("runs", model, folder, "eval", f"{checkpoint}.result.json")


def _entry(
    model: str,
    task: str,
    folder: str,
    *measured: str,
    without: tuple[str, ...] = (),
    reasons: dict[str, str] | None = None,
) -> Entry:
    """Return an entry whose results are where the projects put them.

    Args:
        model: Name of the model; its project is ``demo_<name>``.
        task: What the row is called.
        folder: Run folder of the fine-tuned model; zero-shot results are in ``<folder>_zs``.
        measured: Metric, count, and name of the trivial answer.
        without: Which of ``zero_shot`` and ``fine_tuned`` there is not.
        reasons: See :class:`Entry`.
    """
    project = f"demo_{model.lower()}"
    metric, count, trivial = measured
    return Entry(
        model,
        task,
        metric,
        count,
        trivial,
        None if "zero_shot" in without else _result(project, f"{folder}_zs", "checkpoint_best"),
        None if "fine_tuned" in without else _result(project, folder, "checkpoint_last"),
        of_items=metric != "CIDEr-D",
        reasons=reasons or {},
    )


_RETRIEVAL = ("R1", "queries", "chance")
_QA = ("acc", "questions", "commonest place")
_STEPS = ("recall", "steps", "evenly spread")
_SECONDS = ("frame_acc", "seconds", "majority class")
_FOREGROUND = ("foreground_acc", "foreground seconds", "majority class")
_MOMENTS = ("rank1", "sentences", "commonest moments")
_NEW_CLASSIFIER = {"zero_shot": "the classifier of VLM is new in fine-tuning."}
_TEST_ONLY = {"fine_tuned": "DiDeMo is a test only."}

ENTRIES: tuple[Entry, ...] = (
    _entry("VideoCLIP", "MSR-VTT retrieval", "vtt", *_RETRIEVAL),
    _entry("VideoCLIP", "MSR-VTT multiple choice of 5", "vttqa", *_QA),
    _entry("VideoCLIP", "YouCook2 retrieval", "youcook", *_RETRIEVAL),
    _entry("VideoCLIP", "CrossTask steps", "crosstask", *_STEPS),
    _entry("VideoCLIP", "COIN labels", "coin", *_SECONDS, reasons={"zero_shot_low": _ALL_BACKGROUND}),
    _entry(
        "VideoCLIP",
        "COIN labels but background",
        "coin",
        *_FOREGROUND,
        reasons={"zero_shot_low": _ALL_BACKGROUND},
    ),
    _entry("VideoCLIP", "DiDeMo moments", "didemo", *_MOMENTS, without=("fine_tuned",), reasons=_TEST_ONLY),
    _entry("VLM", "MSR-VTT retrieval", "vtt", *_RETRIEVAL, reasons={"zero_shot_low": _ALIGNS_NOTHING}),
    _entry("VLM", "MSR-VTT multiple choice of 5", "vttqa", *_QA, reasons={"zero_shot_low": _ALIGNS_NOTHING}),
    _entry("VLM", "YouCook2 retrieval", "youcook", *_RETRIEVAL, reasons={"zero_shot_low": _ALIGNS_NOTHING}),
    _entry("VLM", "CrossTask steps", "crosstask", *_STEPS, reasons={"zero_shot_low": _ALIGNS_NOTHING}),
    _entry("VLM", "COIN labels", "coin", *_SECONDS, without=("zero_shot",), reasons=_NEW_CLASSIFIER),
    _entry(
        "VLM",
        "COIN labels but background",
        "coin",
        *_FOREGROUND,
        without=("zero_shot",),
        reasons=_NEW_CLASSIFIER,
    ),
    _entry(
        "VLM",
        "YouCook2 captions",
        "youcookcap",
        *("CIDEr-D", "clips", "one caption for all"),
        without=("zero_shot",),
        reasons={"zero_shot": "VLM learns to write in fine-tuning."},
    ),
    _entry(
        "VLM",
        "DiDeMo moments",
        "didemo",
        *_MOMENTS,
        without=("fine_tuned",),
        reasons=_TEST_ONLY | {"zero_shot_low": _ALIGNS_NOTHING},
    ),
)
"""One entry per row of the table."""
