"""Names of people in texts, found by the model of a run whose tags mark them."""

import shlex
from collections.abc import Sequence

from advisor.errors import RunFolderError
from advisor.run_folder import RunFolder, shown_path
from advisor.way import open_way
from pipeline.data.personal_data import Span
from pipeline.task import Rows
from pipeline.tasks.spans import OUTSIDE, as_tags, spans_of, type_of
from pipeline.tasks.token_classification import TokenClassification
from pipeline.tasks.word_splitting import split_words

PERSON_TAGS = frozenset({"per", "pers", "person", "people", "name", "fullname", "firstname", "lastname", "surname"})
"""What types of spans are called that are people, in small letters without anything between words.

Source: the tags of CoNLL-2003 (PER), OntoNotes (PERSON) and WNUT-17 (person), https://arxiv.org/abs/1812.09449, and set by us.
"""


class People:
    """Finds names of people; what it found in the texts that were read last is kept until others are.

    Args:
        folder: A finished run that tags spans.

    Raises:
        RunFolderError: The run does not tag spans, or none that are people.
    """

    def __init__(self, folder: RunFolder) -> None:
        way = open_way(folder)
        if not isinstance(way.task, TokenClassification) or not way.task.by_spans:
            raise RunFolderError(
                f"'{folder.path}' cannot find names: its task is {way.task.key}, without spans.",
                "Name with --names a run of token-classification whose tags mark people.",
            )
        kinds = {type_of(tag) for tag in way.classes if tag != OUTSIDE}
        if not any(map(is_person, kinds)):
            raise RunFolderError(
                f"'{folder.path}' cannot find names: none of its tags is called after people. It has: {', '.join(sorted(kinds))}.",
                f"Name with --names a run that has one of these: {', '.join(sorted(PERSON_TAGS))}.",
            )
        self.run = shlex.quote(shown_path(folder.path))
        self._answer = way.predict
        self._found: dict[str, list[Span]] = {}

    def read(self, texts: Sequence[str]) -> None:
        """Look for names in many texts at once."""
        new = sorted(set(texts) - set(self._found))
        places = [split_words(text) for text in new]
        words = [tuple(text[start:end] for start, end in found) for text, found in zip(new, places, strict=True)]
        answers = self._answer(Rows(ids=tuple(map(str, range(len(new)))), inputs=tuple(words), answers=())).answers
        self._found = {text: self._found[text] for text in texts if text in self._found}
        for text, found, answer in zip(new, places, answers, strict=True):
            spans = [span for span in spans_of(as_tags(answer)) if is_person(span.kind)]
            self._found[text] = [Span("name", found[span.start][0], found[span.end - 1][1]) for span in spans]

    def __call__(self, text: str) -> list[Span]:
        """The names in a text."""
        if text not in self._found:
            known = self._found
            self.read([text])
            self._found = known | self._found
        return self._found[text]


def is_person(kind: str) -> bool:
    """Whether a type of span is called after people."""
    return "".join(filter(str.isalpha, kind.lower())) in PERSON_TAGS
