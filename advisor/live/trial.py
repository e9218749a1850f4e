"""`advisor try`: a person types, sees the answer with what it rests on, and says whether it is right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.errors import AnswersError
from advisor.interview import ask_text, has_terminal
from advisor.labelling import prompts
from advisor.labelling.asking import number_reader, tag_reader
from advisor.labelling.labelled_file import LabelledFile, LogLine, now
from advisor.labelling.markup import kinds_of, mark_up, say_spans
from advisor.labelling.pool import truth_cells
from advisor.live.neighbourhood import Neighbourhood
from advisor.live.typed import TOKENS, Told, cells_of, rows_of, told
from advisor.measuring import Progress
from advisor.report.blocks import Bar, Block, Command, Heading, Items, Paragraph
from advisor.report.safe_text import clip
from advisor.report.wording import say_probability, say_score
from advisor.rulebook import load_tasks
from advisor.run_folder import RunFolder, shown_path
from advisor.way import Way, open_way
from pipeline.data.duplicates import text_hash
from pipeline.task import Answer, Rows

FILE = "marks.jsonl"
TYPED = "typed"
MOST_BARS = 8
MOST_CHARACTERS = 160
KEYS = {"r": "right", "w": "wrong", "enter": "pass", " ": "pass"}
Show = Callable[[Sequence[Block]], None]


@dataclass
class Trial:
    """One sitting.

    Attributes:
        way: What answers.
        file: Where marks are kept.
        neighbourhood: The rows that the run learned from.
        annotator: Who marks; None when nobody said.
    """

    way: Way
    file: LabelledFile
    neighbourhood: Neighbourhood
    annotator: str | None = None
    right: int = 0
    wrong: int = 0


def refuse_without_terminal() -> None:
    """Say what to do instead where nobody can type.

    Raises:
        AnswersError: There is no terminal.
    """
    if not has_terminal():
        raise AnswersError(
            "Trying a model asks in the terminal, and there is none.",
            "Answer a file with `advisor predict RUN --data FILE --out FILE`, or serve it with `advisor serve RUN`.",
        )


def prepare(folder: RunFolder, progress: Progress, *, cheap: bool, annotator: str | None) -> Trial:
    """Load what answers and what its answers are shown with.

    Raises:
        RunFolderError: The run has nothing that answers.
        StorageError: The run folder cannot take marks.
    """
    way = open_way(folder, cheap=cheap)
    file = LabelledFile.open(folder.path / FILE)
    neighbourhood = Neighbourhood(way)
    neighbourhood.read(progress)
    return Trial(way, file, neighbourhood, annotator)


def try_out(trial: Trial, show: Show) -> None:
    """Ask, answer and mark until the person stops; every mark is on the disk before the next question."""
    try:
        while True:
            _ask_once(trial, show)
    except KeyboardInterrupt:
        pass
    finally:
        trial.file.close()
    show(_closing(trial))


def _ask_once(trial: Trial, show: Show) -> None:
    given = {role: _typed(role, len(trial.way.inputs)) for role in trial.way.inputs}
    if not all(text.strip() for text in given.values()):
        show([Paragraph("Type something, then press Enter; Ctrl-C stops.", quiet=True)])
        return
    cells = cells_of(trial.way, given)
    row = rows_of(trial.way, [cells])
    (answer,) = told(trial.way, trial.way.predict(row))
    show(answer_blocks(trial, row, answer))
    pressed = prompts.press_key("r right · w wrong · Enter goes on without a mark · Ctrl-C stops", KEYS)
    if pressed == "right":
        _keep(trial, cells, row, answer, answer.answer)
        trial.right += 1
    elif pressed == "wrong":
        show([Paragraph(_mend(trial, cells, row, answer), quiet=True)])


def _mend(trial: Trial, cells: Mapping[str, Any], row: Rows, found: Told) -> str:
    """Ask what would have been right, and keep it; what came of it.

    Raises:
        KeyboardInterrupt: The person stopped.
    """
    if trial.way.task.options.get("tags") == "words":
        return "Not kept: a tag for every word cannot be typed here; take such rows into a labelling tool."
    reply = _right_answer(trial.way, row, found)
    if reply.act == "stop":
        raise KeyboardInterrupt
    if reply.act != "answer":
        return "Not marked."
    assert isinstance(reply.answer, str | float | tuple)
    _keep(trial, cells, row, found, reply.answer)
    trial.right += reply.answer == found.answer
    trial.wrong += reply.answer != found.answer
    return f"Kept: {_say(trial.way, row, reply.answer)}"


def _typed(role: str, texts: int) -> str:
    names = {"text": "First text" if texts > 1 else "Text", "text_pair": "Second text", TOKENS: "Sentence"}
    return ask_text(names.get(role, role))


def answer_blocks(trial: Trial, row: Rows, found: Told) -> list[Block]:
    """The answer with the probabilities of the likeliest classes, and the training rows nearest to what was typed."""
    way = trial.way
    sure = "" if found.confidence is None else f"{say_probability(found.confidence)} sure"
    blocks: list[Block] = [Heading(clip(_say(way, row, found.answer), MOST_CHARACTERS), sure)]
    blocks += [
        Bar(clip(label, 40), chance, 1.0, say_probability(chance), "")
        for label, chance in found.probabilities[:MOST_BARS]
    ]
    if len(found.probabilities) > MOST_BARS:
        blocks.append(Paragraph(f"and {len(found.probabilities) - MOST_BARS} less likely", quiet=True))
    return [*blocks, *_nearest(trial, row)]


def _nearest(trial: Trial, row: Rows) -> list[Block]:
    found = trial.neighbourhood.of(row)
    if not found.rows:
        return [Paragraph(found.why_none, quiet=True)]
    lines = [f"{near.answer}, similarity {near.similarity:.2f}: {near.text}" for near in found.rows]
    return [Paragraph("Nearest training rows:", quiet=True), Items(lines)]


def _say(way: Way, row: Rows, answer: Answer) -> str:
    if isinstance(answer, float):
        return say_score(answer)
    if way.task.by_words and isinstance(answer, tuple):
        return say_spans([str(word) for word in row.inputs[0]], answer)
    return ", ".join(answer) or "no label" if isinstance(answer, tuple) else str(answer)


def _right_answer(way: Way, row: Rows, found: Told) -> prompts.Reply:
    """Ask what would have been right, as its task is answered."""
    given, answer = row.inputs[0], found.answer
    texts = [" ".join(given)] if way.task.by_words else [given] if isinstance(given, str) else list(given)
    card = prompts.Card("What would be right?", texts, f"answered: {_say(way, row, answer)}")
    chances: Mapping[str, float] = dict(found.probabilities)
    choices = [(label, chances.get(label)) for label in (chances or way.classes)]
    asked = load_tasks()[way.task.key].answered_by
    if asked == "number":
        return prompts.type_answer(card, "a number", "", number_reader(way.task.options))
    if asked == "spans":
        words = [str(word) for word in given]
        marked = mark_up(words, [str(tag) for tag in answer] if isinstance(answer, tuple) else [])
        title = f"[words](label), labels: {', '.join(kinds_of(way.classes))}"
        return prompts.type_answer(card, title, marked, tag_reader(words, way.classes))
    if asked == "labels":
        return prompts.choose_labels(card, choices, list(answer) if isinstance(answer, tuple) else [])
    return prompts.choose_label(card, choices)


def _keep(trial: Trial, cells: Mapping[str, Any], row: Rows, found: Told, truth: Answer) -> None:
    """Write the row with its right answer, as `advisor label` does."""
    way = trial.way
    held = truth_cells(way.task, way.columns, cells, row, truth)
    line = LogLine(
        when=now(),
        act="answered",
        text_hash=text_hash(row.inputs[0]),
        file=TYPED,
        row=str(len(trial.file.lines) + 1),
        side="train",
        reason="marked right" if truth == found.answer else "marked wrong",
        suggested=_say(way, row, found.answer),
        probability=None if found.confidence is None else round(found.confidence, 4),
        annotator=trial.annotator,
        cells=held,
    )
    trial.file.keep(line, {**cells, **held})


def _closing(trial: Trial) -> list[Block]:
    marked = trial.right + trial.wrong
    if not marked:
        return [Paragraph("Nothing was marked.")]
    path, folder = shown_path(trial.file.path), shown_path(trial.way.folder.path)
    kept = f"{marked} marked, {trial.right} of them right; kept in '{path}' with their right answers, as rows to train or score with:"
    return [Paragraph(kept), Command(f"advisor evaluate {folder} --data {path}")]
