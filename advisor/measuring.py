"""Everything that is measured for one run, each thing once: what was saved by an earlier session is read back."""

import datetime
import functools
import hashlib
import os
import platform
import shlex
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from advisor.aim import Aim, make_aim
from advisor.columns import settle_columns
from advisor.data_sheet import make_sheet
from advisor.errors import RunFolderError
from advisor.measurements.bench import Bench, make_bench
from advisor.other_data import other_tasks
from advisor.recommendation import at_hand, shortlist
from advisor.records import (
    Answers,
    Audit,
    Candidate,
    DatasetMeasurement,
    HardwareMeasurement,
    ModelMeasurement,
    PilotMeasurement,
    Prospects,
    RivalMeasurement,
)
from advisor.rule_records import Rules
from advisor.run_folder import RunFolder
from pipeline.data.columns import Reading
from pipeline.data.dataset import Dataset, load_dataset, log_test_reading
from pipeline.data.personal_data import Names
from pipeline.data.splitting import load_splits, save_splits
from pipeline.embeddings import Embedder
from pipeline.metric import Metric
from pipeline.models import check_weights, locate
from pipeline.predictors.fine_tuned import padded_tokens
from pipeline.records import DataSheet, DataSource, Recipe, Record, TextPreparation
from pipeline.storage import save_text
from pipeline.task import RivalSetting, Task, load_task
from pipeline.training.journal import Journal

if TYPE_CHECKING:
    from advisor.audit.inspection import Subject
    from advisor.audit.material import Material
    from pipeline.data.preview import Preview

R = TypeVar("R", bound=Record)

MOST_TOKENS = 512
"""Texts are cut here even when a model reads more; a longer limit costs memory for every row."""
PROFILED_ROWS = 2_000
"""Rows from which the columns of a file are described."""


class Progress(Protocol):
    """Shows a person what is going on."""

    def step(self, name: str) -> None:
        """A new phase begins."""

    def advance(self, done: int, total: int) -> None:
        """So much of the phase is done."""


def typed(given: str | list[str], folder: Path) -> str:
    """Data files as one would type them in a command from here."""
    return " ".join(_typed(name, folder) for name in ([given] if isinstance(given, str) else given))


def _typed(name: str, folder: Path) -> str:
    path = (folder / name).resolve()
    relative = os.path.relpath(path)
    return shlex.quote(name if not path.exists() else str(path) if relative.startswith("..") else relative)


class Measuring:
    """The measurements of one run.

    Args:
        folder: The run folder, with its answers.
        rules: For languages and the catalogue.
        progress: Told of every phase.
        check: Refuse data that cannot be learned from as it is; an audit reports it instead.
        examples: Whether rows may be shown.
        names: Finds names of people, where a model for them was named.
        features: Folder for frozen features, where several runs read the same texts; the run's cache when not given.
    """

    def __init__(
        self,
        folder: RunFolder,
        rules: Rules,
        progress: Progress,
        *,
        check: bool = True,
        examples: bool = True,
        names: Names | None = None,
        features: Path | None = None,
    ) -> None:
        folder.make()
        self.folder, self.rules, self.progress = folder, rules, progress
        self.check, self.examples, self.names, self.features = check, examples, names, features or folder.cache
        self.answers: Answers = settle_columns(folder.answers, folder.path).answers
        self.task: Task = load_task(self.answers.settled_task, self.answers.options, self.answers.data.columns)
        self.metric: Metric = self.task.metrics[self.answers.goal.metric or next(iter(self.task.metrics))]
        self.candidates: list[Candidate] = shortlist(self.answers, rules, folder.path)
        self._forget_what_was_measured_otherwise()
        self.journal = Journal(folder.cache / "measuring.jsonl")

    @cached_property
    def data(self) -> Dataset:
        """All rows with their sides; `splits.parquet` is written on the way.

        Raises:
            DataError: The data cannot be used.
            RunFolderError: The data is not what the run began with.
        """
        self.progress.step("reading the data")
        data = self._load()
        purpose = "hash texts and compare labels, words and lengths, to group duplicates and find leaks and drift"
        log_test_reading(self.folder.path, purpose, sum(side == "test" for side in data.sides))
        path = self.folder.path / "splits.parquet"
        if not path.is_file():
            save_splits(path, data.rows.ids, data.groups, data.sides)
        elif list(load_splits(path)["row_id"]) != list(data.rows.ids):
            raise RunFolderError(
                f"'{self.answers.data.name}' has changed since this run began.",
                "Assess it into a new folder; `[data] splits` with this run's splits.parquet keeps its test rows sealed.",
            )
        return data

    def _load(self) -> Dataset:
        """All rows, or the sample of them that fitted when the run began, which is then asked for by its number."""
        source, path = self.answers.data, self.folder.cache / "kept_rows.txt"
        if source.max_rows is None and path.is_file():
            source = source.model_copy(update={"max_rows": int(path.read_text(encoding="utf-8"))})
        given = self.answers.budget.memory_gib
        memory = None if given is None else round(given * 2**30)
        folder, seed = self.folder.path, self.answers.seed
        data = load_dataset(source, self.task, folder, seed, check=self.check, memory_bytes=memory)
        kept = data.census.sampled_train_rows
        if kept is not None:
            save_text(str(kept), path)
            source = source.model_copy(update={"max_rows": kept})
            self.answers = self.answers.model_copy(update={"data": source})
        return data

    def _forget_what_was_measured_otherwise(self) -> None:
        """Measurements of other answers, rules or another machine are made again; embeddings have keys of their own."""
        answers = self.answers.model_dump_json(exclude={"launch", "name"})
        key = hashlib.sha256(f"{answers} {self.rules.model_dump_json()} {platform.node()}".encode()).hexdigest()
        path = self.folder.cache / "made_for.txt"
        if not path.is_file() or path.read_text(encoding="utf-8") != key:
            for record in self.folder.cache.glob("*.json"):
                record.unlink()
            path.parent.mkdir(parents=True, exist_ok=True)
            save_text(key, path)

    def _keep(self, name: str, kind: type[R], title: str, make: Callable[[], R]) -> R:
        """What an earlier session measured, or a new measurement."""
        fresh = not (self.folder.cache / f"{name}.json").is_file()
        if fresh:
            self.progress.step(title)
        found = self.folder.remember(name, kind, make)
        if fresh:
            self.journal.write("measured", name=name)
        return found

    @cached_property
    def dataset(self) -> DatasetMeasurement:
        """What the data holds."""
        from advisor.measurements.dataset import measure_dataset

        data = self.data
        return self._keep(
            "dataset",
            DatasetMeasurement,
            "counting rows, copies and conflicts",
            lambda: measure_dataset(data, self.task, self.answers, self.rules.domains).model_copy(
                update={"reading": self.folder.load("reading", Reading) if self.folder.has("reading.json") else None}
            ),
        )

    @cached_property
    def other_tasks(self) -> list[DataSource]:
        """Labelled rows of other tasks, to measure later what was forgotten of them.

        Raises:
            DataError: A file cannot be read, or its columns are not clear.
        """
        return other_tasks(self.answers.data, self.folder.path, self.rules.columns)

    @cached_property
    def data_sheet(self) -> DataSheet:
        """What a reader asks of the data."""
        title = self.rules.tasks[self.task.key].title
        day = datetime.date.today().isoformat()
        findings = self.audit.findings
        return make_sheet(self.answers, self.dataset, findings, self.rules.licences, title, day)

    @cached_property
    def aim(self) -> Aim:
        """What is good enough and what a useful gain is, as the user said or as the score's defaults are."""
        classes = self.task.classes(self.data.unsealed())
        return make_aim(self.answers.goal, self.metric, self.data.on("train", "validation"), classes)

    @cached_property
    def hardware(self) -> HardwareMeasurement:
        """The machine."""
        from advisor.measurements.hardware import measure_hardware

        return self._keep(
            "hardware", HardwareMeasurement, "measuring the machine", lambda: measure_hardware(self.folder.path)
        )

    @cached_property
    def bench(self) -> Bench | None:
        """Rows and folds on which ways are compared, or None when there are too few."""
        from advisor.audit.counts import usable_positions

        return make_bench(self.task, self.data, usable_positions(self.data, self.task), self.metric, self.answers.seed)

    @cached_property
    def at_hand(self) -> list[Candidate]:
        """The models that can be measured now."""
        return at_hand(self.candidates, self.rules.models, self.dataset.language)

    @cached_property
    def audit(self) -> Audit:
        """What is wrong with the data; no model at hand only means that fewer checks are made."""
        from advisor.audit.inspection import inspect

        title = "looking for what is wrong with the data"
        data, _ = self.data, self.dataset  # the phases before it, each with its own title
        return self._keep("audit", Audit, title, lambda: inspect(self._material(data), self._subject()))

    def _material(self, data: Dataset) -> "Material":
        from advisor.audit.annotators import read_annotations
        from advisor.audit.material import Material

        here = any(candidate.at_hand for candidate in self.candidates)
        return Material(
            data=data,
            task=self.task,
            answers=self.answers,
            rules=self.rules,
            candidates=self.at_hand if here else [],
            embedder=functools.partial(self.embedder, self.at_hand[0]) if here else lambda: None,
            annotations=read_annotations(self.answers.data, self.folder.path, self.seen.columns),
            names=self.names,
        )

    @cached_property
    def seen(self) -> "Preview":
        """Some rows of the training file as they are, taken from all of it."""
        from pipeline.data.preview import preview

        return preview(self.answers.data, self.folder.path, PROFILED_ROWS, whole=True)

    def _subject(self) -> "Subject":
        from advisor.audit.inspection import Subject
        from advisor.audit.profiles import profile_columns

        data = self.answers.data
        files = {"train": data.train, "validation": data.validation, "test": data.test}
        return Subject(
            files={side: typed(name, self.folder.path) for side, name in files.items() if name is not None},
            candidates=self.candidates,
            profiles=profile_columns(self.seen.rows, self.seen.columns, data.columns),
            show_rows=self.examples and self.answers.provenance.personal_data != "yes",
        )

    @functools.cache  # noqa: B019 - lives as long as the run
    def embedder(self, candidate: Candidate) -> Embedder:
        """Frozen features of a model at hand, its weights checked against the pin."""
        path = locate(candidate.source, self.folder.path)
        assert path is not None, "only models at hand are measured"
        source = candidate.source.model_copy(update={"sha256": check_weights(path, candidate.source)})
        preparation = TextPreparation(max_tokens=min(candidate.source.max_tokens, MOST_TOKENS))
        found = Embedder(path, source, preparation, self.features, quick=True)
        found.progress = self.progress.advance
        return found

    @cached_property
    def models(self) -> list[ModelMeasurement]:
        """Every model at hand, measured on the training rows; empty when there is no bench."""
        from advisor.measurements.similarity import measure_model

        bench = self.bench
        if bench is None:
            return []
        return [
            self._keep(
                f"model-{candidate.name}",
                ModelMeasurement,
                f"reading the training rows with {candidate.name}",
                functools.partial(
                    measure_model,
                    candidate,
                    self.embedder(candidate),
                    bench,
                    functools.partial(self.setting, candidate),
                ),
            )
            for candidate in self.at_hand
        ]

    def setting(self, candidate: Candidate, pooling: str) -> RivalSetting:
        """What the cheap ways may use with this model."""
        return RivalSetting(
            embedder=self.embedder(candidate),
            classes=self.task.classes(self.data.unsealed()),
            metric=self.metric,
            phrases=self.answers.data.phrases,
            templates=self.rules.tasks[self.task.key].templates,
            pooling=pooling,
        )

    def rivals(self, candidate: Candidate, pooling: str) -> RivalMeasurement | None:
        """The cheap ways, with the features of the recommended model."""
        from advisor.measurements.rivals import measure_rivals

        bench = self.bench
        if bench is None:
            return None
        setting = self.setting(candidate, pooling)
        title = "cross-validating the cheap ways"
        return self._keep(
            f"rivals-{candidate.name}-{pooling}",
            RivalMeasurement,
            title,
            lambda: measure_rivals(bench, setting, self.progress.advance),
        )

    def prospects(self, candidate: Candidate, pooling: str) -> Prospects:
        """What more rows and better labels would bring."""
        from advisor.measurements.prospects import measure_prospects

        bench, fit = self.bench, self.task.fit_rival("probe", self.setting(candidate, pooling))
        assert bench is not None, "prospects follow rivals that could be measured"
        doubtful = [suspect.row_id for suspect in self.audit.suspects]
        return self._keep(
            f"prospects-{candidate.name}-{pooling}",
            Prospects,
            "drawing the learning curve",
            lambda: measure_prospects(bench, fit, doubtful, self.progress.advance),
        )

    def head_pooling(self, candidate: Candidate, probed: str) -> str:
        """How the fine-tuned model pools: as the probe that its head starts from, else as the model was trained to."""
        return probed if self.task.starts_from_probe else candidate.source.pooling

    def pilot(self, candidate: Candidate, pooling: str, recipe: Recipe) -> PilotMeasurement:
        """A short real fine-tuning of the recommended model."""
        from advisor.measurements.pilot import Trial, measure_pilot

        bench = self.bench
        assert bench is not None, "a pilot follows rivals that could be measured"
        trial = Trial(
            recipe=recipe,
            setting=self.setting(candidate, pooling),
            head_pooling=self.head_pooling(candidate, pooling),
            budget_seconds=60 * self.answers.budget.train_minutes,
            spent=(self.journal.wall_seconds, self.journal.cpu_seconds),
            tokens=self.training_tokens(candidate)[0],
            train_rows=len(self.data.positions("train")),
        )
        return self._keep(
            f"pilot-{candidate.name}-{pooling}",
            PilotMeasurement,
            "fine-tuning on a few rows, in a fresh process",
            lambda: measure_pilot(bench, trial, self.folder.cache / "pilot", self.progress.advance),
        )

    @functools.cache  # noqa: B019 - lives as long as the run
    def training_tokens(self, candidate: Candidate) -> tuple[int, int]:
        """Tokens of the training and of the validation rows, as many as a batch of like lengths pads them to."""
        from pipeline.preparation import as_one_text, prepare

        embedder = self.embedder(candidate)
        found = []
        for side in ("train", "validation"):
            rows = self.data.on(side)
            texts = [as_one_text(prepare(given, embedder.preparation)) for given in rows.inputs]
            limit = embedder.preparation.max_tokens
            encoded = embedder.tokenizer(texts, truncation=True, max_length=limit)["input_ids"] if texts else []
            found.append(padded_tokens([len(tokens) for tokens in encoded], batch_size=16))
        return found[0], found[1]
