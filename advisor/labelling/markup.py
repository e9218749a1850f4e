"""Spans of a sentence as text that a person can type: `[New York](city) never sleeps`."""

import re
from collections.abc import Iterable, Sequence

from advisor.errors import AnswersError
from advisor.report.safe_text import visible
from pipeline.tasks.spans import OUTSIDE, Span, begin_inside, letters_of, spans_of

_MARKS = re.compile(r"\\(?P<plain>[\\\[\]])|(?P<open>\[)|\]\((?P<kind>[^()\[\]\n]*)\)|(?P<stray>\])")


def mark_up(words: Sequence[str], tags: Sequence[str]) -> str:
    """The sentence with its spans in brackets; brackets of its own stand behind a backslash."""
    shown = [_escaped(word) for word in words]
    for start, end, kind in spans_of(tags):
        shown[start] = "[" + shown[start]
        shown[end - 1] += f"]({kind})"
    return " ".join(shown)


def read_markup(typed: str, words: Sequence[str]) -> list[Span]:
    """The spans that a person marked; a span that begins or ends inside a word is widened to the whole word.

    Raises:
        AnswersError: Brackets do not pair, a label is missing, spans overlap, or the sentence itself was changed.
    """
    plain, found = _take_marks_off(typed)
    ends = _word_ends(plain, words)
    spans: list[Span] = []
    for start, end, kind in found:
        touched = [place for place, (begin, behind) in enumerate(ends) if begin < end and behind > start]
        if not touched:
            raise AnswersError("A pair of brackets holds no word.", "Put them around words, or take them out.")
        span = Span(touched[0], touched[-1] + 1, kind)
        if spans and span.start < spans[-1].end:
            raise AnswersError(f"Two spans share '{words[span.start]}'.", "Each word can be in one span only.")
        spans.append(span)
    return spans


def as_scheme(words: int, spans: Iterable[Span], known: Iterable[str]) -> tuple[str, ...]:
    """Tags for spans in the scheme of the tags that are known: BIO, or with letters for ends and for words alone, or bare types."""
    letters = set(letters_of(known))
    if not letters and any(tag != OUTSIDE for tag in known):
        tags = [OUTSIDE] * words
        for start, end, kind in spans:
            tags[start:end] = [kind] * (end - start)
        return tuple(tags)
    last = next((letter for letter in "EL" if letter in letters), "I")
    alone = next((letter for letter in "SU" if letter in letters), "B")
    inside = "M" if "M" in letters else "I"
    if not letters & set("ELSUM"):
        return begin_inside(words, spans)
    tags = [OUTSIDE] * words
    first = "B" if "B" in letters else "I"
    for start, end, kind in spans:
        middle = [f"{inside}-{kind}"] * max(end - start - 2, 0)
        whole = [f"{alone}-{kind}"] if end - start == 1 else [f"{first}-{kind}", *middle, f"{last}-{kind}"]
        tags[start:end] = whole
    return tuple(tags)


def _escaped(word: str) -> str:
    return re.sub(r"([\\\[\]])", r"\\\1", visible(word))


def _take_marks_off(typed: str) -> tuple[str, list[tuple[int, int, str]]]:
    plain, place = "", 0
    opened: int | None = None
    found: list[tuple[int, int, str]] = []
    for mark in _MARKS.finditer(typed):
        plain += typed[place : mark.start()]
        place = mark.end()
        if mark["plain"]:
            plain += mark["plain"]
        elif mark["open"] and opened is None:
            opened = len(plain)
        elif mark["kind"] is not None and opened is not None and mark["kind"].strip():
            found.append((opened, len(plain), mark["kind"].strip()))
            opened = None
        else:
            raise AnswersError(
                f"The marks do not pair at '{typed[max(mark.start() - 10, 0) : mark.end() + 10]}'.",
                r"Write [words](label); a bracket of the text itself is \[ or \].",
            )
    if opened is not None:
        raise AnswersError("A bracket is not closed.", "Write [words](label).")
    return plain + typed[place:], found


def _word_ends(plain: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """First character of each word in the text that was typed, and the one behind its last."""
    found, place = [], 0
    for word in words:
        shown = visible(word)
        begin = place + len(plain[place:]) - len(plain[place:].lstrip())
        if plain[begin : begin + len(shown)] != shown:
            raise AnswersError(
                f"The sentence itself has changed at '{plain[begin : begin + 20].strip()}', where '{shown[:20]}' stands.",
                "Change the marks only; Ctrl-R brings the sentence back.",
            )
        found.append((begin, begin + len(shown)))
        place = begin + len(shown)
    if plain[place:].strip():
        raise AnswersError(
            f"The sentence itself goes on with '{plain[place:].strip()[:20]}'.",
            "Change the marks only; Ctrl-R brings the sentence back.",
        )
    return found


def kinds_of(tags: Iterable[str]) -> list[str]:
    """The types of spans that these tags know."""
    return sorted({span.kind for tag in tags for span in spans_of([tag])})


def say_spans(words: Sequence[str], tags: Sequence[str]) -> str:
    """The spans of a sentence in one line."""
    return "; ".join(f"{' '.join(words[start:end])} ({kind})" for start, end, kind in spans_of(tags)) or "no span"
