"""What gives the answer away without being what was said: a label that stands in its text, a tag or a token that one class alone has."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from advisor.audit.material import Found, Material
from advisor.audit.noise import has_tags
from pipeline.data.personal_data import mask
from pipeline.evaluation.intervals import wilson
from pipeline.task import Answer

LOOKED_AT_ROWS = 4_000
"""Rows among whose tokens one is looked for that gives a class away; beyond it a seeded sample."""
MOST_NAMED = 5
"""Classes that are named with their token."""
LEVEL = 0.95
MOST_LABEL_WORDS = 8
TAG_MARK, FIRST, LAST = "\x00", "\x01", "\x02"
"""What stands before a token that is no word, and before one that begins or ends a text."""
ENDS = {FIRST: "beginning", LAST: "end"}
Row = tuple[frozenset[str], frozenset[str]]
"""Tokens of a text, and its labels."""
_PIECES = re.compile(r"\w+|[^\w\s]+")
_TAG = re.compile(
    r"[\[<{#@].*|\(.*\)|.*[\]>}]|\w+:|\w+=\S+|\S*\w_\d\S*|\S*[a-z]-\d\S*|\S+/\S+|[\w.-]+\.[a-z]{2,4}\d?|\d+|(?=\S*\d)(?=\S*[a-z])\w{4,}"
)
"""What people do not write as words: tags in brackets, hash tags, keys, names of files, ids, paths."""


@dataclass(frozen=True)
class Telltale:
    """A token that nearly every row of a class has and hardly another row.

    Attributes:
        token: The token, with where it stands.
        label: The class.
        rows: Rows with the token.
        right: Those of the class.
        of: Rows of the class.
    """

    token: str
    label: str
    rows: int
    right: int
    of: int

    @property
    def is_tag(self) -> bool:
        """Whether it is something that people do not write as a word."""
        return _is_tag(self.token)

    def __str__(self) -> str:
        return f"{_shown(self.token)}: {self.right:,} of the {self.of:,} rows of '{self.label}', and {self.rows - self.right:,} others"


def find_labels_in_texts(material: Material) -> list[Found]:
    """Texts that state their own label in a fixed form: in brackets, after a key, as a first word with a colon or a last one."""
    if has_tags(material.rows):
        return []
    labels = [_names(material, answer) for answer in material.rows.answers]
    known = {name for names in labels for name in names}
    stated = {place: said for place, text in enumerate(material.texts) if (said := _stated(text) & known)}
    right = [place for place, said in stated.items() if not said.isdisjoint(labels[place])]
    numbers = material.rules.audit.numbers
    commonest = max(Counter(name for names in labels for name in names).values(), default=0) / max(len(labels), 1)
    surely = wilson(len(right), len(stated), LEVEL).low
    if len(right) < numbers["stated_label_rows"].value or surely < max(
        commonest, numbers["stated_label_precision"].value
    ):
        return []
    values = {"right": f"{100 * len(right) / len(stated):.1f} %", "stated": f"{len(stated):,}"}
    return [Found("label_in_text", len(right), len(material.texts), material.shown(right), values)]


def _names(material: Material, answer: Answer) -> frozenset[str]:
    """How an answer may be written in a text."""
    if isinstance(answer, float):
        return frozenset({f"{answer:g}", f"{answer:.1f}"})
    return frozenset(map(_even, material.task.kinds(answer)))


def _even(label: str) -> str:
    return " ".join(re.findall(r"\w+(?:\.\d+)?", label.lower().replace("_", " ")))


_FORMS = (
    re.compile(r"[\[<({#|]+\s*([\w. /-]+?)\s*[\])}>|]"),
    re.compile(r"#(\w+)"),
    re.compile(r"^\W*([\w. /-]+?)\s*[:|>\]]"),
    re.compile(r"[:|=>]\s*([\w. /-]+?)\W*$"),
    re.compile(r"^([a-z ]+?)[ -]?\d+\.[a-z]{2,4}\b"),
)
"""Where a text may state its label, set off on both sides; the group is what stands there."""
_AFTER_KEY = re.compile(
    r"\b(?:label|class|category|target|sentiment|intent|topic|score|rating|grade|answer|tag|type|stars|truth)\s*[:=]+\s*[\"']?([\w. /-]+)"
)


def _stated(text: str) -> set[str]:
    """What stands in a text where labels are stated; after a key each beginning of it, since nothing marks where a label ends."""
    even = " ".join(text.lower().replace("_", " ").split())
    found = {_even(said) for form in _FORMS for said in form.findall(even)}
    for said in _AFTER_KEY.findall(even):
        words = _even(said).split()[:MOST_LABEL_WORDS]
        found |= {" ".join(words[:length]) for length in range(1, len(words) + 1)}
    return found


def find_telltales(material: Material) -> list[Found]:
    """Tokens by which a class can be told nearly without fail: half of the rows show them, and the other half must confirm them."""
    kinds = [material.task.kinds(answer) for answer in material.rows.answers]
    if has_tags(material.rows) or not any(kinds):
        return []
    drawn = np.random.default_rng(material.answers.seed).permutation(len(kinds))[:LOOKED_AT_ROWS]
    places = sorted(int(place) for place in drawn)
    rows = [(frozenset(_tokens(material.texts[place])), kinds[place]) for place in places]
    keys = [material.data.groups.keys[material.positions[place]] for place in places]
    halves = {key: place % 2 for place, key in enumerate(sorted(set(keys)))}
    shown, held_out = ([row for row, key in zip(rows, keys, strict=True) if halves[key] == half] for half in (0, 1))
    numbers = {name: number.value for name, number in material.rules.audit.numbers.items()}
    found = _confirm(_suspects(shown, numbers), rows, held_out, numbers)
    tags = [each for each in found if each.is_tag]
    words = [each for each in found if each.label not in {tag.label for tag in tags}]
    return [
        Found(code, len(told), len(rows), material.shown([places[row] for row in told]), {"tokens": _listed(each)})
        for code, each in (("telling_tags", tags), ("telling_tokens", words))
        if (told := _told_rows(each, rows))
    ]


def _told_rows(found: Sequence[Telltale], rows: Sequence[Row]) -> list[int]:
    """The rows that these tokens give away."""
    return [
        row
        for row, (tokens, labels) in enumerate(rows)
        if any(each.token in tokens and each.label in labels for each in found)
    ]


def _listed(found: Sequence[Telltale]) -> str:
    """Of each class the shortest of the tokens that most of its rows have."""
    named: dict[str, Telltale] = {}
    for each in sorted(found, key=lambda each: (-each.right, len(each.token))):
        named.setdefault(each.label, each)
    return "; ".join(str(each) for each in list(named.values())[:MOST_NAMED])


def _tokens(text: str) -> Iterator[str]:
    """Words and pairs of words, those at both ends with their place, and what is no word with its digits evened out."""
    words = _PIECES.findall(text.lower())
    yield from words
    for one, other in pairwise(words):
        yield f"{one} {other}"
    if words:
        yield from (FIRST + words[0], LAST + words[-1])
        yield from (FIRST + " ".join(words[:2]), LAST + " ".join(words[-2:]))
    for token in text.lower().split():
        if _TAG.fullmatch(token):
            yield f"{TAG_MARK}{re.sub(r'[0-9]+', '0', token)}"


def _suspects(rows: Sequence[Row], numbers: Mapping[str, float]) -> list[tuple[str, str]]:
    """Tokens, each with its class, that tell it in these rows."""
    sizes = Counter(label for _, labels in rows for label in labels)
    held = Counter(token for tokens, _ in rows for token in tokens)
    often = {token for token, count in held.items() if count >= numbers["telltale_rows"]}
    together = Counter((token, label) for tokens, labels in rows for token in tokens & often for label in labels)
    return [
        (token, label)
        for (token, label), right in together.items()
        if right >= _precision(token, numbers) * held[token]
        and right >= _coverage(token, numbers) * sizes[label]
        and sizes[label]
        >= numbers["telltale_tag_class_share" if _is_tag(token) else "telltale_class_share"] * len(rows)
        and sizes[label] <= numbers["telltale_largest_share"] * len(rows)
    ]


def _confirm(
    suspects: Sequence[tuple[str, str]], rows: Sequence[Row], held_out: Sequence[Row], numbers: Mapping[str, float]
) -> list[Telltale]:
    """Those that surely tell their class in rows held out too, with their counts in all rows; corrected for how many were tried."""
    level = 1 - (1 - LEVEL) / max(len(suspects), 1)
    found = []
    for token, label in suspects:
        held, right, of = _count(token, label, held_out)
        surely = wilson(right, held, level).low >= numbers["telltale_sure_share"] * _precision(token, numbers)
        if surely and wilson(right, of, level).low >= numbers["telltale_sure_share"] * _coverage(token, numbers):
            found.append(Telltale(token, label, *_count(token, label, rows)))
    return found


def _count(token: str, label: str, rows: Sequence[Row]) -> tuple[int, int, int]:
    """Rows with the token, those of them in the class, and the class."""
    own = [label in labels for _, labels in rows]
    with_token = [token in tokens for tokens, _ in rows]
    return sum(with_token), sum(one and other for one, other in zip(own, with_token, strict=True)), sum(own)


def _is_tag(token: str) -> bool:
    return token.startswith(TAG_MARK)


def _shown(token: str) -> str:
    """A token as a person reads it; of what is no word all digits are 0."""
    place = ENDS.get(token[0])
    bare = f"“{mask(token.lstrip(''.join((TAG_MARK, *ENDS))))}”"
    return f"{bare} at the {place}" if place else bare


def _coverage(token: str, numbers: Mapping[str, float]) -> float:
    return numbers["telltale_tag_coverage"] if _is_tag(token) else numbers["telltale_coverage"]


def _precision(token: str, numbers: Mapping[str, float]) -> float:
    return numbers["telltale_tag_precision"] if _is_tag(token) else numbers["telltale_precision"]
