"""Trainings in a fresh process: what they are asked, how they are waited for, and how their outcome comes back.

The process reads `request.json` and `rows.parquet` of a folder and writes `outcome.json` there.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pipeline.errors import RunFailed
from pipeline.memory import KEPT_IN_TRAINING, keep_memory_flat
from pipeline.records import ModelSource, Recipe, Record, TextPreparation
from pipeline.storage import load_record, load_rows, save_record, save_rows
from pipeline.task import Array, RivalSetting, Rows, Task

if TYPE_CHECKING:
    from pipeline.training.job import TrainingJob

PROGRESS = "progress.txt"
"""Steps done and steps in all, for the process that waits."""


class TrainingRequest(Record):
    """How to train."""

    task: str
    options: dict[str, str]
    model: ModelSource
    """With the pooling of the probe."""
    head_pooling: str
    """Pooling of the fine-tuned model."""
    encoder: str
    """Folder of the model."""
    preparation: TextPreparation
    recipe: Recipe
    classes: list[str]
    metric: str
    phrases: dict[str, str]
    """What labels mean, for a probe that starts from there."""
    templates: list[str]
    cache: str
    """Folder of the embeddings that are already there."""
    seed: int

    @classmethod
    def of(cls, task: Task, setting: RivalSetting, **others: Any) -> Self:
        """One whose probe is fitted as this setting says; all else is given."""
        embedder = setting.embedder
        return cls(
            task=task.key,
            options=dict(task.options),
            model=embedder.source.model_copy(update={"pooling": setting.pooling}),
            encoder=str(embedder.path),
            preparation=embedder.preparation,
            classes=list(setting.classes),
            metric=setting.metric.name,
            phrases=dict(setting.phrases),
            templates=list(setting.templates),
            **others,
        )

    def setting(self, task: Task) -> RivalSetting:
        """What a probe is fitted with."""
        from pipeline.embeddings import Embedder

        embedder = Embedder(Path(self.encoder), self.model, self.preparation, Path(self.cache), quick=True)
        return RivalSetting(
            embedder=embedder,
            classes=self.classes,
            metric=task.metrics[self.metric],
            phrases=self.phrases,
            templates=self.templates,
            pooling=self.model.pooling,
        )

    def job(self, task: Task, rows: Rows, validation: Rows, head: tuple[Array, Array] | None = None) -> "TrainingJob":
        """What is trained.

        Args:
            task: That of the request.
            rows: To train on.
            validation: To choose the epoch by.
            head: What the head starts from.
        """
        from pipeline.training.job import TrainingJob

        return TrainingJob(
            task=task,
            encoder=Path(self.encoder),
            recipe=self.recipe,
            preparation=self.preparation,
            pooling=self.head_pooling,
            classes=self.classes,
            metric=task.metrics[self.metric],
            train=rows,
            validation=validation,
            seed=self.seed,
            head=head,
        )


Request = TypeVar("Request", bound=TrainingRequest)
Outcome = TypeVar("Outcome", bound=Record)


@dataclass(frozen=True)
class Errand(Generic[Request, Outcome]):
    """What a module does in a fresh process.

    Attributes:
        module: Run as `python -m module folder`.
        title: What it is called in an error.
        request: Kind of what it reads.
        outcome: Kind of what it writes.
    """

    module: str
    title: str
    request: type[Request]
    outcome: type[Outcome]

    def send(
        self, request: Request, rows: Rows, parts: Sequence[int], folder: Path, advance: Callable[[int, int], None]
    ) -> Outcome:
        """Have it done in a fresh process, and wait for it.

        Args:
            request: How to train.
            rows: Labelled rows.
            parts: For each row the part that it belongs to.
            folder: For the exchange; removed afterwards.
            advance: Told how many of the steps are done.

        Raises:
            RunFailed: The process broke.
        """
        folder.mkdir(parents=True, exist_ok=True)
        save_rows(rows, folder / "rows.parquet", part=list(parts))
        save_record(request, folder / "request.json")
        self._wait(folder, advance)
        outcome = load_record(self.outcome, folder / "outcome.json")
        shutil.rmtree(folder, ignore_errors=True)
        return outcome

    def carry_out(self, folder: Path, work: Callable[[Request, Rows, Array, Path], Outcome]) -> None:
        """Do it in this process: the request, its rows, their parts and the folder go to `work`."""
        keep_memory_flat(KEPT_IN_TRAINING)
        request = load_record(self.request, folder / "request.json")
        rows, beside = load_rows(folder / "rows.parquet")
        save_record(work(request, rows, beside["part"].to_numpy(), folder), folder / "outcome.json")

    def _wait(self, folder: Path, advance: Callable[[int, int], None]) -> None:
        command = [sys.executable, "-P", "-m", self.module, str(folder)]
        with (folder / "messages.txt").open("w+", encoding="utf-8") as messages:
            child = subprocess.Popen(command, stdout=messages, stderr=messages)
            try:
                _watch(child, folder / PROGRESS, advance)
            except BaseException:
                child.kill()
                raise
            messages.seek(0)
            said = messages.read().strip().splitlines() or ["no message"]
        if child.returncode != 0:
            hint = "killed: most likely memory ran out" if child.returncode < 0 else said[-1]
            raise RunFailed(
                f"{self.title} broke: {hint.rstrip('.')}.",
                "Choose a smaller model or shorter texts, or close other programs.",
            )


def _watch(child: "subprocess.Popen[bytes]", progress: Path, advance: Callable[[int, int], None]) -> None:
    """Wait for the child, and pass on how far it says it is."""
    while child.poll() is None:
        time.sleep(0.2)
        words = progress.read_text(encoding="utf-8").split() if progress.is_file() else []
        if len(words) == 2:
            advance(int(words[0]), int(words[1]))
