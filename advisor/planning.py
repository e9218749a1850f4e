"""Writes the plan of a go: everything that the run needs, here or on another machine."""

from advisor.decision import Verdict
from advisor.investigation import Facts
from advisor.measuring import Measuring
from advisor.run_folder import run_name
from pipeline.data.splitting import FEWEST_ROWS_FOR_A_PROOF, load_splits, rows_checksum
from pipeline.records import Plan


def make_plan(measuring: Measuring, facts: Facts, verdict: Verdict) -> Plan:
    """The plan of a go: everything that the run needs, here or on another machine."""
    assert facts.model is not None
    assert facts.rivals is not None
    assert facts.recipe is not None
    assert facts.forecast is not None
    answers, data = measuring.answers, measuring.data
    splits = load_splits(measuring.folder.path / "splits.parquet")
    entry = measuring.rules.models.get(facts.candidate.name)
    few = len(data.rows) < FEWEST_ROWS_FOR_A_PROOF
    return Plan(
        name=run_name(answers),
        task=measuring.task.key,
        task_options=dict(measuring.task.options),
        data=answers.data,
        classes=measuring.task.classes(data.unsealed()),
        rows_sha256=rows_checksum(list(splits["row_id"]), list(splits["side"])),
        model=measuring.embedder(facts.candidate).source.model_copy(update={"pooling": facts.model.pooling}),
        head_pooling=measuring.head_pooling(facts.candidate, facts.model.pooling),
        zero_shot_pooling=facts.candidate.source.pooling,
        preparation=measuring.embedder(facts.candidate).preparation,
        recipe=facts.recipe,
        rivals=list(measuring.task.rivals),
        chosen_rival=facts.rivals.best,
        templates=measuring.rules.tasks[measuring.task.key].templates,
        metric=measuring.metric.name,
        useful_gain=measuring.aim.useful_gain,
        good_enough=measuring.aim.good_enough,
        result_ceiling="insufficient_evidence" if few else "none",
        seed=answers.seed,
        data_sheet=measuring.data_sheet,
        language=measuring.dataset.language,
        languages=measuring.rules.columns.signs.common_words,
        model_licence=entry.licence.value if entry else "unknown",
        budget_seconds=60 * answers.budget.train_minutes,
        other_tasks=measuring.other_tasks,
        forgetting=measuring.rules.forgetting,
        forecast=facts.forecast,
        because=[reason.because for reason in verdict.reasons],
    )
