"""A Slurm cluster that only writes down what it is given."""

import os

import pytest


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A cluster that accepts scripts and does nothing: returns the folder in which they are kept."""
    programs, kept = tmp_path / "bin", tmp_path / "queue"
    programs.mkdir()
    kept.mkdir()
    (programs / "srun").write_text("#!/bin/sh\n")
    (programs / "sbatch").write_text(
        f'#!/bin/sh\nn=$(ls {kept} | wc -l)\ncp "$1" {kept}/$n\necho Submitted batch job 70$n\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return kept
