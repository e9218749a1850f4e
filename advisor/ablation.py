"""What each strategy brings on the user's own data: chosen, timed and launched here, trained by the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from advisor.answers_file import did_you_mean
from advisor.errors import AnswersError, RunFolderError
from advisor.report.wording import say_seconds
from advisor.rule_records import AblationRule
from advisor.run_folder import RunFolder
from pipeline.ablation import FOLDER, REQUEST, AblationRequest, Variant
from pipeline.extras import NEEDED_BY, is_installed
from pipeline.records import Plan, Recipe
from pipeline.run import load_plan
from pipeline.storage import save_record
from pipeline.task import task_of
from pipeline.training.journal import read_log


@dataclass(frozen=True)
class Trials:
    """What will be trained.

    Attributes:
        variants: The strategies.
        folds: In how many folds each.
        seconds: Expected for all of it.
        left_out: Strategies that cannot be tried here, and why.
    """

    variants: list[Variant]
    folds: int
    seconds: float
    left_out: dict[str, str]

    def announcement(self) -> list[str]:
        """What will be done and how long it takes, before it starts."""
        count = (len(self.variants) + 1) * self.folds
        return [
            f"{count} trainings: the recipe as it is, and with each of {len(self.variants)} strategies left out or put in, in "
            f"{self.folds} folds each. "
            f"By the run's own clock that takes about {say_seconds(self.seconds)}; what an earlier try finished is not trained "
            "again. Ctrl-C keeps what is finished.",
            *(f"Not tried: {name}, since {why}." for name, why in self.left_out.items()),
        ]


def plan_trials(folder: RunFolder, rules: Sequence[AblationRule], only: Sequence[str], folds: int) -> Trials:
    """What is to be trained, and how long that takes by the run's own clock.

    Raises:
        PlanError: There is no plan.
        RunFolderError: The run is not finished.
        AnswersError: There is no strategy of a name in `only`, or it cannot be tried.
    """
    plan = load_plan(folder.path / "plan.json")
    if not folder.has("result.json"):
        raise RunFolderError(
            f"The run in '{folder.path}' is not finished, so that its own time is not known.",
            f"Finish it first: `advisor train {folder.path}`.",
        )
    names = [rule.field for rule in rules]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise AnswersError(f"There is no strategy '{unknown[0]}' to try.", did_you_mean(unknown[0], names))
    variants, left_out = choose_variants(plan, [rule for rule in rules if not only or rule.field in only])
    for name in only:
        if name in left_out:
            raise AnswersError(f"'{name}' cannot be tried here: {left_out[name]}.", "Name another one with --only.")
    once = (
        training_seconds(folder) / plan.recipe.trainings * (folds - 1) / folds
    )  # each learns from so many of the rows
    return Trials(variants, folds, once * (len(variants) + 1) * folds, left_out)


def choose_variants(plan: Plan, rules: Sequence[AblationRule]) -> tuple[list[Variant], dict[str, str]]:
    """For each strategy the change that leaves it out, or puts it in where the recipe has it off.

    Returns:
        The changes, and for each strategy without one why.
    """
    found: list[Variant] = []
    left_out: dict[str, str] = {}
    for rule in rules:
        used = getattr(plan.recipe, rule.field) != rule.off
        value = rule.off if used else rule.on
        why = None if value is not None else "the recipe has it off, and there is no usual value to put in"
        why = why or _in_the_way(plan, rule.field, value)
        if value is None or why is not None:
            left_out[rule.field] = why or ""
        else:
            found.append(Variant(field=rule.field, title=rule.title, put_in=not used, value=value))
    return found, left_out


def _in_the_way(plan: Plan, field: str, value: object) -> str | None:
    """Why a value cannot be trained with, if it cannot."""
    if value == "probe_then_fine_tune" and not task_of(plan).starts_from_probe:
        return "the model does not read as the probe does"
    if field == "class_weights" and not plan.classes:
        return "there are no classes"
    package, extra = NEEDED_BY.get(field, ("", ""))
    if value and package and not is_installed(package):
        return f"it needs the extra '{extra}'"
    try:
        Recipe.model_validate({**plan.recipe.model_dump(), field: value})
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return None


def training_seconds(folder: RunFolder) -> float:
    """Wall seconds that the run itself trained: from its data read to its model trained, stops apart."""
    log = read_log(folder.path / "log.jsonl")
    begun = next((line["wall_seconds"] for line in log if line["event"] == "prepared"), 0.0)
    ended = [line["wall_seconds"] for line in log if line["event"] in ("probing", "reload")]
    return float(ended[0] - begun) if ended else 0.0


def save_request(folder: RunFolder, trials: Trials) -> None:
    """Write what is to be trained where the pipeline reads it."""
    place = folder.path / FOLDER
    place.mkdir(exist_ok=True)
    save_record(AblationRequest(variants=trials.variants, folds=trials.folds), place / REQUEST)
