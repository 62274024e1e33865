"""The model card: README.md of a saved model, for people and for hubs.

Comes in: the facts of the manifest. Goes out: Markdown, with the block of metadata that hubs read.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mmpt.config.yamlfile import dump_yaml
from mmpt.utils.units import format_bytes, metric_name

__all__ = ["model_card"]

_USE = """```python
from mmpt.models import MMPTModel

model, tokenizer, aligner = MMPTModel.from_pretrained("path/of/this/folder")
videos = model.encode_video(["a.mp4", "b.mp4"])  # (2, {dim})
texts = model.encode_text(["someone slices an onion"])  # (1, {dim})
scores = texts @ videos.T
model.moments("a.mp4", "someone slices an onion")  # [(start, end, score), ...], best first
```"""


def model_card(facts: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the card.

    Args:
        facts: What the manifest says, see :func:`mmpt.models.saving.save_model`.
        files: Names of the files that the card stands beside, with ``bytes`` and ``sha256``.
    """
    licence = facts["licence"]
    head = {"library_name": "mmpt", "tags": ["video-text-retrieval", facts["model"]]}
    if licence:
        head = {"license": licence, **head}
    parts = [
        f"---\n{dump_yaml(head)}---",
        f"# {facts['model']}",
        f"Turns videos and texts into vectors of {facts['dim']} numbers; the dot product of a video's and a "
        "text's says how well they match, and that of a second of the video, when.",
        f"## Use\n\n{_USE.format(dim=facts['dim'])}",
        f"## What it reads\n\n{_table(facts['reads'].items(), ('', ''))}",
        f"## Training\n\n{_training(facts.get('training'))}",
        f"## Results\n\n{_results(facts.get('results') or [])}",
        f"## Licence\n\n{licence or 'Not stated: ask whoever gave you these weights.'}",
        f"## Files\n\n{facts['parameters']:,} parameters; `{facts['identity']}`.\n\n"
        + _table(
            ((name, format_bytes(each["bytes"]), f"`{each['sha256']}`") for name, each in files.items()),
            ("file", "size", "SHA-256"),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _training(facts: Mapping[str, Any] | None) -> str:
    return _table(facts.items(), ("", "")) if facts else "Not recorded."


def _results(results: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{result['data']} ({result['split']})",
            metric_name(name),
            _number(metric["value"], metric["percent"]),
            _number(metric["baseline"], metric["percent"]),
            ", ".join(f"{count} {what}" for what, count in result["counts"].items()),
        )
        for result in results
        for name, metric in result["metrics"].items()
    ]
    if not rows:
        return "None were found beside the checkpoint."
    note = "The baseline is what a trivial answer scores on the same items."
    if any(result["selected_from"] > 1 for result in results):
        note += " Some checkpoints were chosen on the same items that they are measured on."
    return _table(rows, ("data", "metric", "value", "baseline", "items")) + f"\n\n{note}"


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.1f} %" if percent else f"{value:.4g}"


def _table(rows: Iterable[Iterable[Any]], heads: tuple[str, ...]) -> str:
    lines = [heads, ["--"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
