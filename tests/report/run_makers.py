"""What evaluations leave behind, and pages as a browser reads them."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.evaluators.metric import RetrievalMetric
from mmpt.evaluators.results import EvaluationResult, MetricValue, write_result
from mmpt.utils.files import write_json

HARDWARE = {
    "processor": "Fast CPU",
    "cores": 4,
    "memory": 8 << 30,
    "gpus": ["Big GPU", "Big GPU"],
    "versions": {"torch": "2"},
}


class Page(HTMLParser):
    """A page: its tags are closed in order, and nothing is fetched."""

    VOID = frozenset({"meta", "img", "line", "circle", "path", "polygon", "br", "link"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(self.html)
        assert self.open == []
        for _, attributes in self.tags:
            for name in {"src", "href"} & attributes.keys():
                assert not str(attributes[name]).startswith(("http", "//"))
        assert "url(" not in self.html
        assert "@import" not in self.html

    @property
    def text(self) -> str:
        """What is written on it, on one line."""
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)


def evaluated(
    folder: Path,
    arrays: dict[str, np.ndarray] | None = None,
    metric: Any = RetrievalMetric,
    name: str = "checkpoint_best",
    items: Any = None,
    **changes: Any,
) -> None:
    """Write what an evaluation of these predictions leaves behind."""
    arrays = {"scores": np.eye(4, dtype=np.float32)} if arrays is None else arrays
    folder.mkdir(parents=True, exist_ok=True)
    for key, array in arrays.items():
        np.save(folder / f"{name}.{key}.npy", array)
    if items is not None:
        write_json(folder / f"{name}.items.json", items)
    rule = metric()
    values, baseline = rule.compute(**arrays), rule.baseline(**arrays)
    fields = {
        "name": name,
        "split": "test",
        "predictor": "P",
        "metric": metric.__name__,
        "metrics": {key: MetricValue(values[key], baseline[key], key in rule.percent) for key in values},
        "counts": {"queries": 4},
        "skipped": {},
        "features": {"folder": None, "files": 3, "bytes": 10, "sha256": "f0" * 32},
        "checkpoint": {"path": "checkpoint_best.pt", "sha256": "c0" * 32},
        "code": {"mmpt": "0.1.0", "commit": None},
        "device": "cpu, float32",
        "predictions": {key: f"{name}.{key}.npy" for key in arrays},
        "date": "2024-05-01T12:00:00Z",
        "details": rule.details(**arrays),
        "seconds": 70.0,
        "hardware": HARDWARE,
    }
    write_result(folder / f"{name}.result.json", EvaluationResult(**fields | changes))
