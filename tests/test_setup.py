"""Packaging: everything that setup.py asks for is pinned, and the install script is sound."""

import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"^([A-Za-z0-9_.-]+)\s*(.*?)\s*(#.*)?$")


def name_of(requirement):
    return re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower().replace("_", "-")


def pins(file):
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    matches = [LINE.match(line) for line in lines if line and not line.startswith("#")]
    return {name_of(match[1]): match[2] for match in matches}


@pytest.fixture
def arguments(monkeypatch):
    """What setup.py passes to setuptools."""
    caught = {}
    monkeypatch.setattr(setuptools, "setup", caught.update)
    runpy.run_path(str(ROOT / "setup.py"))
    return caught


def test_every_requirement_of_make_setup_has_one_exact_version(arguments):
    extras = arguments["extras_require"].values()
    wanted = {name_of(each) for each in sum(extras, arguments["install_requires"])}
    assert wanted <= pins("lock.txt").keys()


@pytest.mark.parametrize("file", ["lock.txt", "no-deps.txt"])
def test_pins_are_exact_and_name_no_index(file):
    assert all(re.fullmatch(r"==[\w.]+", version) for version in pins(file).values())


def test_the_core_needs_neither_fairseq_nor_a_decoder(arguments):
    core = {name_of(each) for each in arguments["install_requires"]}
    assert core == {
        "torch",
        "transformers",
        "numpy",
        "nltk",
        "pandas",
        "pyyaml",
        "safetensors",
        "tqdm",
        "jinja2",  # of the pages; torch brings it, too
    }


def test_every_package_folder_is_installed(arguments):
    folders = {path.parent for top in ("mmpt", "mmpt_cli") for path in (ROOT / top).rglob("*.py")}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in folders} <= set(arguments["packages"])


def test_a_script_beside_an_editable_checkout_finds_the_package(tmp_path):
    # Without the checkout on the path, the folder mmpt beside the script would be taken for the package.
    checkout, wheel = tmp_path / "mmpt", tmp_path / "wheel"
    (checkout / "mmpt").mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "LICENSE", "mmpt/__init__.py"):
        shutil.copy(ROOT / name, checkout / name)
    build = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, wheel], cwd=checkout, check=True, capture_output=True)
    zipfile.ZipFile(*wheel.glob("*.whl")).extractall(tmp_path / "site")
    script = (
        "import site, sys; sys.path[:0] = ['.']; site.addsitedir('site'); import mmpt; print(mmpt.__file__)"
    )
    run = [sys.executable, "-I", "-S", "-c", script]
    found = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert Path(found.strip()) == checkout / "mmpt" / "__init__.py"


def test_the_install_script_has_no_syntax_error():
    subprocess.run(["bash", "-n", str(ROOT / "scripts" / "install.sh")], check=True)


def test_the_install_script_refuses_an_old_python(tmp_path):
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = subprocess.run(
        ["bash", str(ROOT / "scripts" / "install.sh")],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old), "VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "older than Python 3.11; run: PYTHON=" in run.stderr
    assert not (tmp_path / "venv").exists()


PYTHON = """#!/bin/sh
echo "$@" >>"{log}"
if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
"""


@pytest.fixture
def installed(tmp_path):
    """Run the install script with a Python that only notes what it is told; return the extras it is told."""
    log, python = tmp_path / "log", tmp_path / "python"
    python.write_text(PYTHON.format(log=log))
    python.chmod(0o755)

    def run(*kind):
        log.unlink(missing_ok=True)
        subprocess.run(
            ["bash", str(ROOT / "scripts" / "install.sh"), *kind],
            env={"PATH": "/usr/bin:/bin", "PYTHON": str(python), "VENV": str(tmp_path / "venv")},
            check=True,
            capture_output=True,
        )
        told = re.search(r"--editable \.\[(.*)\]", log.read_text()) if log.exists() else None
        return set(told[1].split(",")) if told else set()

    return run


def test_make_setup_installs_what_the_commands_use_and_dev_everything(installed, arguments):
    use = {"fairseq", "extract", "demo", "index", "serve", "completion"}
    assert installed() == use
    assert installed() == set()  # up to date
    assert installed("dev") == set(arguments["extras_require"])
    assert installed() == set()  # dev has all
