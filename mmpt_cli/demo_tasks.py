"""Running the stages of a project so that a second run repeats only what is not there yet.

A task that has ended well is noted in a record with a fingerprint of what went into it: its
configuration and the checkpoint that it started from. It runs again when one of these changes.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmpt.config.derive import training_options
from mmpt.errors import ConfigError, MMPTError
from mmpt.utils.files import read_json, sha256, write_json
from mmpt.utils.parallel import core_count
from mmpt_cli.localjob import LocalJob
from mmpt_cli.stages import run_stage

__all__ = ["fingerprint", "run_tasks"]


def run_tasks(tasks: Sequence[str], record: Path) -> None:
    """Run the tasks of one stage side by side, one per core, except those that are done.

    Args:
        tasks: Task files.
        record: JSON file of what is done: task file -> fingerprint.

    Raises:
        MMPTError: If a task fails; it has said why.
        ConfigError: If a pre-training stands half-way or finished with other settings.
    """
    done: dict[str, str] = read_json(record) if record.exists() else {}

    def note(job: LocalJob) -> None:
        done[job.path] = fingerprint(job)
        write_json(record, done)

    jobs = [LocalJob(task) for task in tasks]
    missing = [job for job in jobs if done.get(job.path) != fingerprint(job) or not _has_results(job)]
    for job in jobs:
        if job not in missing:
            print(f"{job.path}: done before, nothing has changed")
        elif job.path in done:
            _refuse_to_resume(job)
    parallel = min(len(missing), core_count())
    with _cores_shared_by(parallel):
        failed = run_stage(missing, parallel, note)
    if failed:
        raise MMPTError(
            f"{', '.join(job.path for job in failed)} failed; what is wrong stands above. "
            "Run the same command again to go on from there."
        )


def fingerprint(job: LocalJob) -> str:
    """Return a SHA-256 of a task's configuration and of the checkpoint that it reads."""
    digest = hashlib.sha256(json.dumps(job.values, sort_keys=True).encode())
    checkpoint = _checkpoint(job)
    if checkpoint is not None and Path(checkpoint).is_file():
        digest.update(sha256(checkpoint).encode())
    return digest.hexdigest()


def _checkpoint(job: LocalJob) -> str | None:
    """Return the checkpoint that a task starts from; none for pre-training."""
    return training_options(job.values.get("fairseq")).get("path" if job.predicts else "restore_file")


def _has_results(job: LocalJob) -> bool:
    if job.predicts:
        return any(Path(job.values["eval"]["save_path"]).glob("*.result.json"))
    return (Path(job.save_dir or "") / "checkpoint_last.pt").is_file()


def _refuse_to_resume(job: LocalJob) -> None:
    """Stop before fairseq takes a pre-training with other settings for this one, and goes on from its end."""
    if not job.predicts and _checkpoint(job) is None and _has_results(job):
        raise ConfigError(
            f"{job.save_dir} holds a training with other settings than those of {job.path}. "
            "Remove that folder to train again, or undo the change."
        )


@contextmanager
def _cores_shared_by(parallel: int) -> Iterator[None]:
    """Give each of several processes its share of the cores; one alone takes what it wants."""
    name = "OMP_NUM_THREADS"
    before = os.environ.get(name)
    if parallel > 1 and before is None:
        os.environ[name] = str(max(1, core_count() // parallel))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
