"""The rules of the house: who may import whom, what stays light, and that every name leads somewhere."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from mmpt.catalog import REGISTRIES

ROOT = Path(__file__).parent.parent
MODULES = sorted(p for folder in ("mmpt", "mmpt_cli") for p in (ROOT / folder).rglob("*.py"))

# A part may import itself and the parts named here; see "Find your way" in CONTRIBUTING.md.
FOUNDATION = {"", "errors", "registry", "catalog", "types", "utils", "config"}
MAY_IMPORT = {
    "": set(),
    "errors": set(),
    "registry": {"errors"},
    "catalog": {"registry"},
    "types": set(),
    # mmpt.utils re-exports ShardedTensor and load_config, names that users import from there.
    "utils": {"", "errors", "config", "store"},
    "config": {"", "errors", "registry", "catalog", "utils"},
    "pages": FOUNDATION,
    "store": FOUNDATION | {"pages"},
    "encoders": FOUNDATION | {"store"},
    "modules": FOUNDATION,
    "processors": FOUNDATION | {"store", "encoders"},
    "datasets": FOUNDATION | {"store", "processors"},
    "models": FOUNDATION | {"store", "encoders", "modules", "processors"},
    "losses": FOUNDATION,
    "retrieval": FOUNDATION | {"store", "datasets"},
    "tasks": FOUNDATION | {"store", "datasets", "models", "losses", "retrieval"},
    "evaluators": FOUNDATION | {"store", "modules", "processors", "datasets", "models", "tasks"},
    "search": FOUNDATION | {"store", "encoders", "modules", "models", "retrieval"},
    "doctor": FOUNDATION | {"store", "models"},
    "web": FOUNDATION | {"store", "search"},
    "report": FOUNDATION | {"pages", "store", "evaluators"},
    "demo": FOUNDATION
    | {"pages", "store", "encoders", "modules", "models", "datasets", "evaluators", "report"},
    "fairseq_plugin": FOUNDATION | {"store", "tasks", "datasets", "models", "losses"},
}
# Old public names that need fairseq resolve lazily to the plugin.
LAZY_TO_PLUGIN = {"tasks", "datasets", "losses", "models"}
# Optional or slow packages, and the only places that may import them.
CONFINED = {
    "fairseq": {"mmpt/fairseq_plugin"},
    "faiss": {"mmpt/retrieval/faissindex.py"},
    "h5py": {"mmpt/store/h5source.py"},
    "lmdb": {"mmpt/store/lmdbsource.py"},
    "lz4": {"mmpt/store/lmdbsource.py"},
    "msgpack": {"mmpt/store/lmdbsource.py"},
    "av": {"mmpt/store/decode.py", "mmpt/store/thumbnails.py", "mmpt/store/videofile.py", "mmpt/demo"},
    "starlette": {"mmpt/web"},
    "uvicorn": {"mmpt/web/server.py"},
    "torchcodec": {"mmpt/store/decode_torchcodec.py"},
    "mteb": {"mmpt/evaluators/mteb_encoder.py"},
    "datasets": {"mmpt/evaluators/mteb_encoder.py"},
    "submitit": {"mmpt_cli/slurm.py"},
    "ray": {"mmpt_cli/raycluster.py"},
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part_of(module: str) -> str:
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", [p for p in MODULES if p.is_relative_to(ROOT / "mmpt")], ids=name_of)
def test_a_part_imports_only_the_parts_below_it(path):
    module = name_of(path)
    part = part_of(module)
    allowed = MAY_IMPORT[part] | {part}
    for imported in imports_of(path):
        if imported.split(".")[0] == "mmpt_cli":
            pytest.fail(f"{module} imports the command line: {imported}")
        if imported.split(".")[0] != "mmpt":
            continue
        target = part_of(imported)
        if target == "fairseq_plugin" and part in LAZY_TO_PLUGIN:
            continue
        assert target in allowed, f"{module} imports {imported}; {part} may import {sorted(allowed)}"


@pytest.mark.parametrize("package", CONFINED)
def test_an_optional_package_is_imported_in_one_place(package):
    for path in MODULES:
        if package in {imported.split(".")[0] for imported in imports_of(path)}:
            place = path.relative_to(ROOT).as_posix()
            assert any(place.startswith(home) for home in CONFINED[package]), f"{place} imports {package}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no module docstring"
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    names = {target.id for node in assigned for target in node.targets if hasattr(target, "id")}
    public = [n.name for n in tree.body if hasattr(n, "name") and not n.name.startswith("_")]
    assert not public or "__all__" in names, f"{path} defines {public} without __all__"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_imports(path):
    importlib.import_module(name_of(path))


def test_the_launcher_and_the_validator_start_without_torch():
    code = (
        "import sys, mmpt.config, mmpt.catalog, mmpt.utils;"
        "import mmpt_cli.doctor, mmpt_cli.localjob, mmpt_cli.project, mmpt_cli.validate;"
        "print([m for m in ('torch', 'transformers', 'pandas', 'fairseq', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("registry", "name"),
    [(registry, name) for registry in dict.fromkeys(REGISTRIES.values()) for name in registry.names()],
    ids=lambda value: value if isinstance(value, str) else value.key,
)
def test_every_catalogued_name_leads_to_its_class(registry, name):
    assert registry.get(name).__name__ == name
