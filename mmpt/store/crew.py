"""Several workers on one machine: started, watched, replaced when they are killed, their work added up."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from mmpt.errors import DataError
from mmpt.store.claims import Claims
from mmpt.store.extraction_report import REPORT_NAME, ExtractionReport
from mmpt.store.failures import Failures
from mmpt.store.features import Sibling
from mmpt.store.paths import PathPlan, VideoJob
from mmpt.store.sources import SETTINGS_NAME, read_settings
from mmpt.store.worklist import ATTEMPTS, is_whole, name_problems
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress

__all__ = ["extract_with_workers", "stop_with_parent"]

POLL_SECONDS = 0.2

logger = get_logger(__name__)


def extract_with_workers(
    jobs: Sequence[VideoJob],
    command: Callable[[Sibling, Path], Sequence[str]],
    workers: int,
    report_name: str = REPORT_NAME,
) -> ExtractionReport:
    """Make the features of all videos that have none, with several processes.

    Args:
        jobs: Videos with their feature files, all in one folder.
        command: From a sibling and a plan (see :class:`mmpt.store.paths.PathPlan`) to the command of that
            worker. It calls :func:`stop_with_parent`, runs :func:`mmpt.store.features.extract_features`
            on the videos of the plan as that sibling, and ends with 0 at the end of the list.
        workers: How many.
        report_name: Name of the report, in the folder of the features.

    Raises:
        DataError: If a worker stops with an error, or workers are killed again and again.
    """
    report, begin = ExtractionReport(), time.perf_counter()
    if not jobs:
        return report
    folder = jobs[0].feature.parent
    with Claims(folder) as claims:
        if not any(folder.glob("*.npy")) and not claims.others():
            (folder / SETTINGS_NAME).unlink(missing_ok=True)  # of a run that made nothing
        todo = {job.video_id: job for job in jobs if not is_whole(job.feature)}
        report.skipped = len(jobs) - len(todo)
        unusable = name_problems(todo.values())
        plan = claims.plan_path()
        PathPlan(list(todo.values())).save(plan, claims.ticket.temporary)
        failures, diary = Failures(folder, claims.run), _Diary(claims)
        try:
            bar = progress((), "features", total=len(jobs), unit="video", initial=report.skipped)
            with bar, _Crew(lambda sibling: command(sibling, plan), workers, claims.run) as crew:
                while crew.works(diary.settled):
                    time.sleep(POLL_SECONDS)
                    diary.read()
                    bar.set_postfix(vectors=diary.vectors, failed=diary.failed, refresh=False)
                    bar.update(report.skipped + diary.settled - bar.n)
            # All are settled now, also those of which a killed worker could not tell.
            report.done = len(todo) - len(failures.of(todo) | unusable)
        finally:
            diary.read()
            report.done = report.done or diary.done
            made = read_settings(folder)
            report.video_seconds = diary.vectors * made.get("seconds", 1)
            report.encoding_seconds, report.waiting_seconds = diary.encoding, diary.waiting
            report.failed = failures.of(todo) | unusable
            report.wall_seconds = time.perf_counter() - begin
            report.save(folder / report_name, made, claims.ticket.temporary)
            failures.tidy()
            plan.unlink()
    return report


def stop_with_parent() -> None:
    """End this worker, as a polite kill does, when the process that started it has ended in any way.

    That process holds the other end of the standard input; the system closes it.
    """

    def wait() -> None:
        # Unbuffered: a thread that holds the buffer's lock would abort the interpreter at its end.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


class _Diary:
    """What the workers have told; what a killed one has told counts too."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._read: Counter[Path] = Counter()
        self.done = self.failed = self.vectors = 0
        self.encoding = self.waiting = 0.0

    @property
    def settled(self) -> int:
        return self.done + self.failed

    def read(self) -> None:
        """Read what is new."""
        for path in self._claims.logs():
            with open(path, encoding="ascii") as stream:
                stream.seek(self._read[path])
                text = stream.read()
            whole = text[: text.rfind("\n") + 1]
            self._read[path] += len(whole)
            for line in whole.splitlines():
                self._note(*line.split())

    def _note(self, what: str, *numbers: str) -> None:
        if what == "failed":
            self.failed += 1
        elif what == "done":
            self.done += 1
            self.vectors += int(numbers[0])
        else:
            self.encoding += float(numbers[0])
            self.waiting += float(numbers[1])


class _Crew:
    """The processes of the workers; leaving the ``with`` block ends them."""

    def __init__(self, command: Callable[[Sibling], Sequence[str]], workers: int, run: int) -> None:
        self._command = command
        self._siblings = [Sibling(number, workers, run) for number in range(workers)]
        self._processes: dict[Sibling, subprocess.Popen[bytes]] = {}
        self._deaths = self._settled = 0

    def __enter__(self) -> Self:
        for sibling in self._siblings:
            self._start(sibling)
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.communicate()

    def works(self, settled: int) -> bool:
        """Look after the workers; return whether any works.

        Args:
            settled: Videos that are done or failed by now.
        """
        if settled > self._settled:
            self._settled, self._deaths = settled, 0
        for sibling, process in list(self._processes.items()):
            code = process.poll()
            if code is None:
                continue
            process.communicate()
            del self._processes[sibling]
            if code > 0:
                raise DataError(
                    f"Worker {sibling.number} of {sibling.of} ended with exit code {code}; its own message "
                    "is above. The other workers were stopped."
                )
            if code < 0:
                self._replace(sibling, signal.Signals(-code).name)
        return bool(self._processes)

    def _replace(self, sibling: Sibling, by: str) -> None:
        self._deaths += 1
        if self._deaths > ATTEMPTS * (len(self._siblings) + 1):
            raise DataError(
                f"Workers were killed {self._deaths} times, the last by {by}, and no video got done in the "
                "meantime. The machine may lack memory: give fewer --num_workers or a smaller --batch_size."
            )
        logger.warning("Worker %d of %d was killed by %s; another goes on.", sibling.number, sibling.of, by)
        self._start(sibling)

    def _start(self, sibling: Sibling) -> None:
        # A session of their own: Ctrl-C reaches this process alone, which ends them in order.
        self._processes[sibling] = subprocess.Popen(
            self._command(sibling), stdin=subprocess.PIPE, start_new_session=True
        )
