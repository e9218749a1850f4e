"""What to do next after a verdict or a result, best first. Pure."""

from collections.abc import Sequence

from advisor.records import Decision
from advisor.rule_records import Advice
from advisor.rulebook import say_way
from pipeline.evaluation.comparison import say_amount
from pipeline.records import NextStep, NextSteps
from pipeline.results import ClassErrors, Result

LABELS_WANTED = frozenset(
    {"too_few_rows", "class_without_rows", "few_rows_per_class", "nothing_to_compare", "go_points"}
)
"""Reasons for a not-yet that more labelled rows take away."""


def after_decision(decision: Decision, folder: str, advice: Sequence[Advice] = ()) -> NextSteps:
    """What to do after a verdict.

    Args:
        decision: The verdict.
        folder: The run's.
        advice: Good practice on collecting rows, said where labels are what is wanted.
    """
    if decision.verdict == "go":
        return NextSteps.of(
            NextStep(
                title="Start the run",
                because="The plan is written; it can also be copied to another machine.",
                command=f"advisor train {folder}",
            ),
            NextStep(
                title="Or run it elsewhere",
                because="Copy the run folder and the data; the rows are verified by their hashes.",
                command=f"python -m pipeline {folder}/plan.json --data FILE",
            ),
        )
    steps = [
        NextStep(title="Change what stands in the way", because=flip.because, command=None) for flip in decision.flips
    ]
    ready = _use_alternative(decision, folder)
    if decision.verdict == "not_yet":
        wanted = LABELS_WANTED & {reason.code for reason in decision.reasons}
        return NextSteps.of(*steps, ready, *(_label_more(folder, advice) if wanted else []))
    another = _measure_another(decision, "Another model may see more in these texts.") if decision.forecast else []
    return NextSteps.of(ready, *steps, *another)


def _label_more(folder: str, advice: Sequence[Advice]) -> list[NextStep]:
    """The command that asks for the rows that would help most, and how to come by good ones."""
    label = NextStep(
        title="Label the rows that would help most",
        because="It asks for them one by one, suggests an answer, saves each at once, and says when they are enough.",
        command=f"advisor label {folder} --data unlabelled.csv",
    )
    return [label, *(NextStep(title=each.title, because=each.because, source=each.source) for each in advice)]


def _use_alternative(decision: Decision, folder: str) -> NextStep:
    way = decision.alternative
    name = say_way(way.name) if way else "cheap way"
    score = (
        f" ({decision.metric_facts.title} {way.score:.3f}, cross-validated)" if way and way.score is not None else ""
    )
    return NextStep(
        title=f"Use the {name} now",
        because=f"It is the best cheap way{score}, fitted on all training rows and saved ready to use.",
        command=f"advisor predict {folder} --data in.csv --out out.csv",
    )


def after_result(decision: Decision, result: Result, folder: str) -> NextSteps:
    """What to do after a run."""
    use = f"advisor predict {folder} --data in.csv --out out.csv"
    steps = []
    if result.verdict == "improved":
        steps.append(NextStep(title="Use the fine-tuned model", because=result.because, command=use))
    else:
        way = say_way(result.chosen_rival)
        steps.append(
            NextStep(
                title=f"Prefer the {way}",
                because=f"{result.because} The {way} is cheaper to run and to keep.",
                command=f"{use} --cheap",
            )
        )
    if result.verdict == "insufficient_evidence" and decision.smallest_provable_gain is not None:
        wanted = result.test_rows * (decision.smallest_provable_gain / decision.useful_gain) ** 2
        gain = say_amount(decision.useful_gain, decision.metric_facts)
        steps.append(
            NextStep(
                title="Label more rows to be sure",
                because=f"About {wanted:,.0f} sealed rows would show a gain of {gain}; "
                f"there are {result.test_rows:,}. Keep these sealed with `[data] splits` and this run's splits.parquet.",
            )
        )
    steps += _weakest_class(result)
    enough, reached = decision.good_enough, result.fine_tuned.score
    if enough == decision.metric_facts.lowest:  # nobody said what is good enough, and no model is without error
        return NextSteps.of(*steps)
    if (reached < enough) if decision.metric_facts.higher_is_better else (reached > enough):
        short = f"{reached:.3f} is still short of the {enough:.3f} that is good enough."
        steps += _measure_another(decision, short)
    return NextSteps.of(*steps)


def _measure_another(decision: Decision, why: str) -> list[NextStep]:
    """The best model of the ranking that was not measured, with the command that gets it."""
    other = next((ranked for ranked in decision.recommendation.ranking if not ranked.measured), None)
    if other is None:
        return []
    return [
        NextStep(
            title=f"Measure {other.model} too",
            because=f"{why} By facts it is the best of the models that are not on this machine; once it is here, assess again.",
            command=f"advisor models --fetch {other.model}",
        )
    ]


def _weakest_class(result: Result) -> list[NextStep]:
    """The class that costs most, with the class that it is most taken for."""
    classes = [row for row in result.errors.by_class if row.rows > 0]
    if not classes:
        return []
    worst = min(classes, key=lambda row: row.f1)
    taken_for = _taken_for(result, worst) if result.errors.confusion else ""
    return [
        NextStep(
            title=f"Look at the class '{worst.label}'",
            because=f"Its F1 is the lowest, {worst.f1:.3f}{taken_for}. More rows or clearer labels there help most.",
        )
    ]


def _taken_for(result: Result, worst: ClassErrors) -> str:
    place = result.classes.index(worst.label)
    mistaken = [count if other != place else 0 for other, count in enumerate(result.errors.confusion[place])]
    if not max(mistaken):
        return ""
    other = result.classes[mistaken.index(max(mistaken))]
    return f", most often taken for '{other}' ({max(mistaken)} of {worst.rows} rows)"
