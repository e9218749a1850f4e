"""Where a model that tags words still fails: by type, by kind of mistake, by length and letters, and sentence by sentence."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.data.personal_data import mask
from pipeline.evaluation.metrics import right_or_wrong
from pipeline.results import ClassErrors, ErrorAnalysis, ErrorCase, ErrorTable
from pipeline.task import Answer, Array, Predictions, Rows
from pipeline.tasks.labels import LONGEST_SHOWN, WORST_ROWS, count_confusion, errors_by_class
from pipeline.tasks.spans import Span, as_tags, same_spans, spans_of

MOST_CONFUSED = 60
"""Tags up to which a table of each against each can be read."""
LENGTHS = ("1 word", "2 words", "3 and more")
LETTERS = ("small letters", "first letter a capital", "all capitals", "mixed", "no letters")
Pair = tuple[set[Span], set[Span]]
"""True and answered spans of a sentence."""
AreRight = Callable[[Sequence[Answer], Sequence[Answer]], Array]
"""(truth, answers) -> (rows,) booleans."""


def span_errors(
    rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
) -> ErrorAnalysis:
    """Scores of each type, kinds of mistakes, scores by length, confident mistakes, and what changed against the rival."""
    del classes
    pairs = [
        (set(spans_of(as_tags(truth))), set(spans_of(as_tags(answer))))
        for truth, answer in zip(rows.answers, fine_tuned.answers, strict=True)
    ]
    kinds = sorted({span.kind for pair in pairs for spans in pair for span in spans})
    return ErrorAnalysis(
        by_class=_scores(kinds, pairs, lambda span: span.kind),
        tables=[*_kinds_of_mistakes(pairs), *_by_length(pairs)],
        worst=_worst(rows, fine_tuned, same_spans, lambda words, tags, _: say_spans(words, tags)) if show_rows else [],
        **_changes(rows, fine_tuned, rival, same_spans),
    )


def word_errors(
    rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
) -> ErrorAnalysis:
    """Confusion and scores of each tag, accuracy by letters, confident mistakes, and what changed against the rival."""
    truth, answers = ([tag for answer in each.answers for tag in as_tags(answer)] for each in (rows, fine_tuned))
    confusion = count_confusion(truth, answers, classes)
    return ErrorAnalysis(
        confusion=confusion.tolist() if len(classes) <= MOST_CONFUSED else [],
        by_class=errors_by_class(
            classes, np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0), share_rows=True
        ),
        tables=_by_letters(rows, fine_tuned),
        worst=_worst(rows, fine_tuned, right_or_wrong, say_differences) if show_rows else [],
        **_changes(rows, fine_tuned, rival, right_or_wrong),
    )


def _changes(rows: Rows, fine_tuned: Predictions, rival: Predictions, are_right: AreRight) -> dict[str, int]:
    """Sentences that one way got wholly right and the other did not."""
    ours, theirs = (are_right(rows.answers, each.answers) for each in (fine_tuned, rival))
    return {"mended": int((ours & ~theirs).sum()), "broken": int((~ours & theirs).sum())}


def _scores(names: Sequence[str], pairs: Sequence[Pair], name_of: Callable[[Span], str]) -> list[ClassErrors]:
    """Precision, recall and F1 of the spans that bear each name."""
    true = Counter(name_of(span) for expected, _ in pairs for span in expected)
    answered = Counter(name_of(span) for _, given in pairs for span in given)
    right = Counter(name_of(span) for expected, given in pairs for span in expected & given)
    hits, truths, answers = (np.array([counts[name] for name in names]) for counts in (right, true, answered))
    return errors_by_class(names, hits, truths, answers)


def _kinds_of_mistakes(pairs: Sequence[Pair]) -> list[ErrorTable]:
    """What became of true spans that were not found, and answered spans that touch no true one."""
    counts: Counter[str] = Counter()
    for true, answered in pairs:
        counts.update(_mistake(span, answered - true) for span in true - answered)
        counts["invented"] += sum(not any(_touch(span, other) for other in true) for span in answered)
    kinds = ("right border, wrong type", "right type, wrong border", "wrong type and border", "missed", "invented")
    rows = [[kind, str(counts[kind])] for kind in kinds if counts[kind]]
    note = "Each true span that was not found counts once; invented are answered spans that touch no true one."
    return [ErrorTable(title="Kinds of mistakes", note=note, columns=["mistake", "spans"], rows=rows)] if rows else []


def _mistake(span: Span, answered: set[Span]) -> str:
    touching = [other for other in answered if _touch(span, other)]
    if any((other.start, other.end) == (span.start, span.end) for other in touching):
        return "right border, wrong type"
    if any(other.kind == span.kind for other in touching):
        return "right type, wrong border"
    return "wrong type and border" if touching else "missed"


def _touch(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _by_length(pairs: Sequence[Pair]) -> list[ErrorTable]:
    found = _scores(LENGTHS, pairs, lambda span: LENGTHS[min(span.end - span.start, len(LENGTHS)) - 1])
    rows = [
        [each.label, str(each.rows), f"{each.precision:.2f}", f"{each.recall:.2f}", f"{each.f1:.2f}"]
        for each in found
        if each.rows
    ]
    columns = ["length", "true spans", "precision", "recall", "F1"]
    return [ErrorTable(title="Spans by length", columns=columns, rows=rows)] if rows else []


def _by_letters(rows: Rows, predictions: Predictions) -> list[ErrorTable]:
    words: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for given, truth, answer in zip(rows.inputs, rows.answers, predictions.answers, strict=True):
        for word, expected, tag in zip(given, as_tags(truth), as_tags(answer), strict=True):
            letters = _letters(word)
            words[letters] += 1
            right[letters] += expected == tag
    found = [
        [letters, str(words[letters]), f"{right[letters] / words[letters]:.3f}"]
        for letters in LETTERS
        if words[letters]
    ]
    columns = ["written in", "words", "accuracy"]
    return [ErrorTable(title="Words by their letters", columns=columns, rows=found)] if found else []


def _letters(word: str) -> str:
    if not any(letter.isalpha() for letter in word):
        return "no letters"
    if not any(letter.isupper() for letter in word):
        return "small letters"
    if word[0].isupper() and not any(letter.isupper() for letter in word[1:]):
        return "first letter a capital"
    return "all capitals" if not any(letter.islower() for letter in word) else "mixed"


def _worst(rows: Rows, predictions: Predictions, are_right: AreRight, say: Callable[..., str]) -> list[ErrorCase]:
    """The sentences that were answered wrong with most confidence, surest first."""
    assert predictions.confidence is not None
    right = are_right(rows.answers, predictions.answers)
    order: Array = np.argsort(-predictions.confidence, kind="stable")
    found = []
    for place in [place for place in order if not right[place]][:WORST_ROWS]:
        both = as_tags(rows.answers[place]), as_tags(predictions.answers[place])
        truth, answer = say(rows.inputs[place], *both), say(rows.inputs[place], *reversed(both))
        found.append(
            ErrorCase(
                row_id=rows.ids[place],
                text=mask(" ".join(rows.inputs[place]))[:LONGEST_SHOWN],
                truth=mask(truth)[:LONGEST_SHOWN],
                answer=mask(answer)[:LONGEST_SHOWN],
                confidence=float(predictions.confidence[place]),
            )
        )
    return found


def say_spans(words: Sequence[str], tags: Sequence[str]) -> str:
    """The spans of a sentence, each with its type."""
    return "; ".join(f"{' '.join(words[start:end])} ({kind})" for start, end, kind in spans_of(tags)) or "none"


def say_differences(words: Sequence[str], tags: Sequence[str], other: Sequence[str]) -> str:
    """The words whose tags differ from the others, with these tags; all words where none does."""
    differing = [place for place, tag in enumerate(tags) if tag != other[place]] or range(len(tags))
    return "; ".join(f"{words[place]} ({tags[place]})" for place in differing)
