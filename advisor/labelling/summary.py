"""How things stand when a sitting ends: what is labelled, what is still wanted, whether more helps, and the next command."""

from advisor.labelling.handover import hand_over
from advisor.labelling.second_opinion import read_answers_back, say_agreement
from advisor.labelling.session import Sitting
from advisor.labelling.target import Goal
from advisor.report.blocks import Block, Command, Items, Paragraph
from advisor.run_folder import shown_path

MOST_GOALS = 5


def is_enough(sitting: Sitting) -> bool:
    """Whether the labels would no longer stand in the way of a verdict."""
    return all(goal.reached for goal in sitting.goals())


def sum_up(sitting: Sitting) -> list[Block]:
    """End the sitting, write what the next assessment needs, and say how things stand."""
    if not any(line.act == "answered" for line in sitting.file.standing()):
        sitting.abandon()
        return [Paragraph("No row is labelled yet.")]
    return _agreement(sitting) if sitting.known.first is not None else _progress(sitting)


def _agreement(sitting: Sitting) -> list[Block]:
    known = sitting.known
    assert known.first is not None
    sitting.abandon()
    second, _ = read_answers_back(sitting.file.path, known.task, known.columns)
    agreed = say_agreement(known.task, known.first, second, known.measuring.answers.seed)
    answered = f"{_rows(len(second))} answered again in '{shown_path(sitting.file.path)}'."
    return [Paragraph(answered), Items(agreed)]


def _progress(sitting: Sitting) -> list[Block]:
    known, target = sitting.known, sitting.known.target
    standing = [line for line in sitting.file.standing() if line.act == "answered"]
    sealed = sum(line.side == "test" for line in standing)
    drawn = f", {sealed:,} of them drawn at random to be sealed" if sealed else ""
    lines = _goals(sitting.goals())
    if target.wants_sealed:
        wanted = f"about {target.sealed_wanted:,} would prove a useful gain"
        lines.append(f"sealed rows: {target.sealed + sealed:,}; {wanted}")
    rise = sitting.finish()
    if rise is not None:
        lines.append(rise.say(known.metric.facts))
    path = hand_over(known.folder, known.task.key, known.columns, sitting.file)
    enough = "That is enough for a new verdict:"
    more = "The same command goes on with more rows. To assess what is there:"
    return [
        Paragraph(f"{_rows(len(standing))} labelled in '{shown_path(sitting.file.path)}'{drawn}."),
        Items(lines),
        Paragraph(enough if is_enough(sitting) else more),
        Command(f"advisor assess {shown_path(path)}"),
    ]


def _goals(goals: list[Goal]) -> list[str]:
    """What is there of what is asked; of many short classes the first."""
    short = [goal for goal in goals if not goal.reached]
    shown = [*(goal for goal in goals if goal.reached), *short[:MOST_GOALS]]
    lines = [
        f"{goal.title}: {goal.have:,}, asked {goal.need:,}{'' if goal.reached else ', still short'}" for goal in shown
    ]
    return [
        *lines,
        *([f"and {len(short) - MOST_GOALS:,} more that are still short"] if len(short) > MOST_GOALS else []),
    ]


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"
