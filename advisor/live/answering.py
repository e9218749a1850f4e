"""Answers rows of many requests together: one thread owns the model, and what waits at the same time is answered at once."""

import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from advisor.errors import Busy
from advisor.live.gauges import Gauges
from advisor.live.served import ServedFile
from advisor.live.typed import Told, rows_of, told
from advisor.way import Way
from pipeline.task import Rows

MOST_AT_ONCE = 64
"""Rows after which no further request joins."""
Answered = list[tuple[str, Told]]
"""Id and answer of each row."""


@dataclass(frozen=True)
class _Job:
    cells: Sequence[dict[str, Any]]
    rows: Rows
    done: "Future[Answered]" = field(default_factory=Future)


class Answering:
    """Answers rows, and keeps each on the disk before it is handed out.

    Args:
        way: What answers.
        file: Where rows and answers are kept.
        gauges: Told of every batch.
        most_waiting: Requests that may wait.
    """

    def __init__(self, way: Way, file: ServedFile, gauges: Gauges, most_waiting: int) -> None:
        self.way, self.file, self.gauges = way, file, gauges
        self._jobs: queue.Queue[_Job | None] = queue.Queue(most_waiting)
        self._thread = threading.Thread(target=self._work, name="answering", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return self._jobs.qsize()

    def ask(self, cells: Sequence[Mapping[str, Any]]) -> "Future[Answered]":
        """Hand rows over.

        Raises:
            DataError: A cell cannot be read.
            Busy: Too many requests wait.
        """
        job = _Job([dict(each) for each in cells], rows_of(self.way, cells))
        try:
            self._jobs.put_nowait(job)
        except queue.Full as error:
            raise Busy("Too many requests wait.", "Ask again in a second.") from error
        return job.done

    def stop(self) -> None:
        """Answer what waits, then end."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        stopping = False
        while not stopping:
            jobs = [self._jobs.get()]
            while jobs[-1] is not None and sum(len(job.rows) for job in jobs if job is not None) < MOST_AT_ONCE:
                try:
                    jobs.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            stopping = jobs[-1] is None
            wanted = [job for job in jobs if job is not None and job.done.set_running_or_notify_cancel()]
            if wanted:
                self._answer(wanted)

    def _answer(self, jobs: Sequence[_Job]) -> None:
        try:
            inputs = [given for job in jobs for given in job.rows.inputs]
            together = Rows(tuple(map(str, range(len(inputs)))), tuple(inputs), ())
            answers = told(self.way, self.way.predict(together))
            ids = self.file.keep(self.way.key, [cells for job in jobs for cells in job.cells], answers)
        except (
            Exception
        ) as error:  # a door: it is the requests that fail, and not the thread that answers all later ones
            for job in jobs:
                job.done.set_exception(error)
            return
        self.gauges.batch(len(inputs))
        given = list(zip(ids, answers, strict=True))
        for job in jobs:
            job.done.set_result(given[: len(job.rows)])
            del given[: len(job.rows)]
