"""What a run answers with: the fine-tuned model or the best cheap way, and all that is needed to ask it and to score it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from advisor.alternative import SavedWay, load_alternative
from advisor.rulebook import say_way
from advisor.run_folder import RunFolder
from pipeline.embeddings import Embedder
from pipeline.errors import DataError, ModelError
from pipeline.metric import Metric
from pipeline.models import locate
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.records import ModelSource, Plan, TextPreparation
from pipeline.storage import load_record
from pipeline.task import Predict, Task, load_task

FINE_TUNED = "fine_tuned"


@dataclass(frozen=True)
class Way:
    """One way of a run to answer.

    Attributes:
        key: Its name in the run's records.
        folder: The run.
        task: What it answers.
        columns: Of the training data, by role.
        classes: In the order of its outputs.
        metric: The score that counts in this run.
        predict: Answers rows.
        model: Whose frozen features the run measured with.
        preparation: What is done to texts before those features are read.
        pooling: How they become one vector.
        show_rows: False where the data is personal.
        seed: Of every draw.
    """

    key: str
    folder: RunFolder
    task: Task
    columns: dict[str, Any]
    classes: list[str]
    metric: Metric
    predict: Predict
    model: ModelSource
    preparation: TextPreparation
    pooling: str
    show_rows: bool
    seed: int
    frozen: Embedder | None = None
    """The frozen model where the way reads it too, so that no text is read twice."""

    @property
    def title(self) -> str:
        """What it is called."""
        return say_way(self.key)

    def reading(self, named: Mapping[str, Any]) -> "Way":
        """The same way for a file whose columns are named otherwise.

        Raises:
            DataError: It has no such column.
        """
        unknown = sorted(set(named) - {key for key, column in self.columns.items() if isinstance(column, str)})
        if unknown:
            raise DataError(
                f"This run has no column for '{unknown[0]}'.",
                f"It reads {', '.join(self.columns)}; name those with --column.",
            )
        columns = {**self.columns, **named}
        return replace(self, columns=columns, task=load_task(self.task.key, self.task.options, columns))

    @property
    def truth(self) -> list[str]:
        """Columns that hold the truth."""
        roles = [role.key for layout in self.task.layouts for role in layout.roles if not role.required_to_predict]
        given = [self.columns[key] for key in dict.fromkeys(roles) if key in self.columns]
        return [name for each in given for name in ([each] if isinstance(each, str) else each)]

    @property
    def inputs(self) -> dict[str, str]:
        """Columns that hold what is read, by role, in their order."""
        roles = [role.key for layout in self.task.layouts for role in layout.roles if role.required_to_predict]
        return {key: str(self.columns[key]) for key in dict.fromkeys(roles) if key in self.columns}

    def embedder(self) -> Embedder:
        """The frozen model; what was computed while measuring is read from the run's cache.

        Raises:
            ModelError: It is not on this machine.
        """
        if self.frozen is not None:
            return self.frozen
        found = _embedder(self.folder, self.model, self.preparation)
        if found is None:
            raise ModelError(
                f"The model '{self.model.name}' that this run read its rows with is not on this machine.",
                "Install or download it; `advisor doctor` says what is missing.",
            )
        return found


def _embedder(folder: RunFolder, model: ModelSource, preparation: TextPreparation) -> Embedder | None:
    path = locate(model, folder.path)
    return None if path is None else Embedder(path, model, preparation, folder.cache, quick=True)


def open_way(folder: RunFolder, *, cheap: bool = False, keep: bool = False) -> Way:
    """The fine-tuned model of a run where there is one, else its best cheap way.

    Args:
        folder: The run.
        cheap: The cheap way even when there is a fine-tuned model.
        keep: Whether features that a cheap way reads come from the run's cache and go there; they stay in memory then.

    Raises:
        RunFolderError: The run has neither.
        ModelError: A model that it reads with is not at hand.
    """
    model = folder.path / "model"
    plan = load_record(Plan, folder.path / "plan.json") if folder.has("plan.json") else None
    if not cheap and plan is not None and (model / "config.json").is_file() and folder.has("result.json"):
        source = plan.model.model_copy(update={"pooling": plan.zero_shot_pooling})
        return _way(folder, FINE_TUNED, plan, load_fine_tuned(model), (source, plan.preparation))
    frozen = None
    if keep and folder.has("alternative/way.json"):
        described = load_record(SavedWay, folder.path / "alternative" / "way.json")
        frozen = _embedder(folder, described.model, described.preparation)
    saved, answer = load_alternative(folder.path, frozen)
    way = _way(folder, saved.name, saved, answer, (saved.model, saved.preparation))
    return replace(way, frozen=frozen)


def _way(
    folder: RunFolder,
    key: str,
    made: Plan | SavedWay,
    predict: Predict,
    frozen: tuple[ModelSource, TextPreparation],
) -> Way:
    answers = folder.answers
    columns = dict(made.data.columns) if isinstance(made, Plan) else dict(made.columns)
    options = made.task_options if isinstance(made, Plan) else made.options
    personal = (made.data_sheet if isinstance(made, Plan) else answers.provenance).personal_data
    task = load_task(made.task, options, columns)
    return Way(
        key=key,
        folder=folder,
        task=task,
        columns=columns,
        classes=list(made.classes),
        metric=task.metrics[answers.goal.metric or next(iter(task.metrics))],
        predict=predict,
        model=frozen[0],
        preparation=frozen[1],
        pooling=frozen[0].pooling,
        show_rows=personal != "yes",
        seed=answers.seed,
    )
