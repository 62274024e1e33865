"""Write the tables of CONFIG.md: python scripts/config_tables.py.

They come from the docstrings of mmpt/config/schema.py, from mmpt/catalog.py and mmpt_cli/localjob.py.
Each stands between ``<!-- table: Class -->`` and ``<!-- end -->``; the text around it is kept.
"""

import ast
from pathlib import Path

from mmpt.catalog import REGISTRIES
from mmpt.utils.files import atomic_write
from mmpt_cli.localjob import JOB_TYPES

__all__ = ["class_table", "fill", "job_table", "tables"]

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "mmpt" / "config" / "schema.py"
QUOTES = "'\""
DOCUMENT = ROOT / "CONFIG.md"


def tables(source: str) -> dict[str, str]:
    """Return a Markdown table of the documented fields of every dataclass in ``source``."""
    return {
        node.name: _table(node)
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Config")
    }


def _table(cls: ast.ClassDef) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for field, docstring in zip(cls.body, cls.body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(docstring, ast.Expr):
            continue
        text = ast.literal_eval(docstring.value).replace("``", "`").replace("\n    ", " ")
        kind = _kind(ast.unparse(field.annotation).removesuffix(" | None"))
        rows.append(f"| `{ast.unparse(field.target)}` | {kind} | {_default(field.value)} | {text} |")
    return "\n".join(rows)


def _kind(annotation: str) -> str:
    if annotation.startswith("Literal["):
        return " or ".join(f"`{value}`" for value in ast.literal_eval(f"({annotation[8:-1]})"))
    return f"`{annotation}`".replace("|", "\\|")


def _default(value: ast.expr | None) -> str:
    if value is None:
        return "required"
    text = ast.unparse(value)
    if text.startswith("field("):
        return "empty"
    return (
        "" if text == "None" else f"`{text.strip(QUOTES).replace('True', 'true').replace('False', 'false')}`"
    )


def class_table() -> str:
    """Return the Markdown table of all class names by key."""
    rows = ["| key | classes |", "|---|---|"]
    for (section, key), registry in REGISTRIES.items():
        names = ", ".join(f"`{name}`" for name in registry.names())
        rows.append(f"| `{f'{section}.{key}'.removeprefix('.')}` | {names} |")
    return "\n".join(rows)


def job_table() -> str:
    """Return the Markdown table of all job types."""
    rows = ["| job type | what runs |", "|---|---|"]
    for name, job in JOB_TYPES.items():
        processes = f"{job.world_size} processes" if job.world_size else "one process per GPU that there is"
        what = f"`fairseq-train`, {processes}"
        if job.predict:
            what = "`mmpt predict`"
        elif job.cpu:
            what = "`fairseq-train --cpu` without `fp16`, GPUs hidden; `mmpt predict` if there is a predictor"
        if job.slurm:
            gpus = f"{job.gpus} GPU{'s' * (job.gpus > 1)} of each machine" if job.gpus else "no GPU"
            what = f"the same as `{name.replace('slurm', 'local')}`, as a job of Slurm with {gpus}"
        rows.append(f"| `{name}` | {what} |")
    return "\n".join(rows)


def fill(document: str, source: str) -> str:
    """Return ``document`` with every table replaced by the one that the code gives."""
    for name, table in {**tables(source), "classes": class_table(), "job types": job_table()}.items():
        mark = f"<!-- table: {name} -->\n"
        before, rest = document.split(mark, 1)
        document = f"{before}{mark}{table}\n{rest[rest.index('<!-- end -->') :]}"
    return document


if __name__ == "__main__":
    filled = fill(DOCUMENT.read_text(encoding="utf-8"), SCHEMA.read_text(encoding="utf-8"))
    with atomic_write(DOCUMENT, "w") as stream:
        stream.write(filled)
    print(f"wrote {DOCUMENT.name}")
