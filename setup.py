"""Packaging of mmpt: the core needs no compiler; extras bring training, extraction and development tools."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# What configs, models, evaluation and inference import.
CORE = [
    "torch>=2.6",
    "transformers>5.2",
    "jinja2>=3.1",
    "numpy>=1.26",
    "nltk>=3.9",
    "pandas>=2.2",
    "pyyaml>=6.0",
    "safetensors>=0.4.3",
    "tqdm>=4.66",
]
EXTRAS = {
    # What fairseq really imports. fairseq itself (requirements/no-deps.txt) cannot stand here: its own
    # requirements pull in torchaudio, which does not import beside a CPU torch. scripts/install.sh adds it.
    "fairseq": [
        "bitarray",
        "hydra-core>=1.3.8,<1.4",
        "omegaconf>=2.3.0,<2.4",
        "packaging",
        "regex",
        "sacrebleu>=2.0",
        "scikit-learn",
        "tensorboardX",
    ],
    # Videos to features: PyAV carries its own FFmpeg.
    "extract": ["av>=14", "pillow>=10"],
    # The videos of the demo.
    "demo": ["av>=14", "pillow>=10"],
    # Features that other projects ship: HDF5, LMDB, and what is in its records.
    "convert": ["h5py>=3.10", "lmdb>=1.4", "lz4>=4.3", "msgpack>=1.0"],
    # Indexes that find neighbouring videos among very many.
    "index": ["faiss-cpu>=1.8"],
    # The page in which an index is searched, and the frames and kinds of videos that it shows.
    "serve": ["av>=14", "starlette>=0.49.1", "uvicorn>=0.30"],
    # Frames decoded on a GPU; it uses an FFmpeg of the system.
    "torchcodec": ["torchcodec>=0.11"],
    # Jobs on clusters: training and extraction through Slurm, extraction on Ray.
    "slurm": ["submitit>=1.5"],
    "ray": ["ray>=2.40"],
    # The public benchmark library for embeddings, with tasks of video and text.
    "mteb": ["mteb>=2.20"],
    # Completion of the command mmpt in a shell.
    "completion": ["shtab>=1.7"],
    "dev": [
        "hypothesis>=6.100",
        "mypy>=1.10",
        # The page is tested in Chromium, which is the system's.
        "playwright>=1.45",
        "pytest>=8.0",
        "pytest-xdist>=3.8",
        "ruff>=0.5",
        "types-PyYAML>=6.0",
    ],
}


def version() -> str:
    """Return ``mmpt.__version__`` without importing the package."""
    text = (ROOT / "mmpt" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise RuntimeError("mmpt/__init__.py holds no __version__ line.")
    return found.group(1)


setup(
    name="mmpt",
    version=version(),
    description="Video-language pre-training (VideoCLIP, VLM) as a fairseq user package",
    license="MIT",
    license_files=["LICENSE"],
    package_dir={"": "."},  # editable installs put the checkout itself on the path: a script beside it works
    packages=find_packages(include=["mmpt", "mmpt.*", "mmpt_cli", "mmpt_cli.*"]),
    package_data={"": ["*.css", "*.html", "*.j2", "*.js", "static/*"]},
    python_requires=">=3.11",
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mmpt = mmpt_cli.main:run"]},
)
