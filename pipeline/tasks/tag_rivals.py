"""The cheap ways to tag words: the commonest tag, what each word was, known names, and a linear model on frozen features."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import softmax

from pipeline.embeddings import Embedder
from pipeline.errors import ModelError
from pipeline.predictors.linear import Kind, Linear, OneLabel, fit_logistic, fit_standardised
from pipeline.task import Answer, Array, Fit, Predict, Predictions, RivalSetting, Rows
from pipeline.tasks.spans import as_tags, spans_of

LONGEST_NAME = 10
"""Words of the longest name that is looked for."""
STRENGTH = 0.01
"""scikit-learn's C. Measured on WNUT-17 with all-MiniLM-L6-v2, train to validation: 0.003, 0.01 and 0.03 give span F1 .39, .39
and .38 on the last layer, .43, .45 and .47 on the mean of all layers; with 5,000 words 0.001, 0.01 and 0.1 give .05, .29, .28."""
MOST_WORDS = 40_000
"""Words that the probe is fitted to. Measured as above, mean of all layers: 20,000, 40,000 and 63,000 words give .42, .45, .47
in 1, 1 and 4 seconds."""
MOST_ITERATIONS = 100
_PROBE = "probe.json"


@dataclass(frozen=True)
class MajorityTag:
    """Gives every word the commonest tag."""

    file: ClassVar[str] = "majority_tag.json"
    tag: str

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return Predictions(rows.ids, tuple((self.tag,) * len(given) for given in rows.inputs))

    def save(self, folder: Path) -> None:
        """Write the tag."""
        _write(folder / self.file, asdict(self))

    @classmethod
    def fit(cls, rows: Rows, classes: Sequence[str]) -> Self:
        """Count tags."""
        return cls(_commonest(Counter(tag for answer in rows.answers for tag in as_tags(answer)), classes))


@dataclass(frozen=True)
class WordTags:
    """Gives a word the tag that it had most often, else what it had in other letters, else the commonest of all."""

    file: ClassVar[str] = "word_tags.json"
    exact: dict[str, str]
    lower: dict[str, str]
    otherwise: str

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        answers = tuple(
            tuple(self.exact.get(word) or self.lower.get(word.lower(), self.otherwise) for word in given)
            for given in rows.inputs
        )
        return Predictions(rows.ids, answers)

    def save(self, folder: Path) -> None:
        """Write the words."""
        _write(folder / self.file, asdict(self))

    @classmethod
    def fit(cls, rows: Rows, classes: Sequence[str]) -> Self:
        """Count the tags of each word."""
        exact: defaultdict[str, Counter[str]] = defaultdict(Counter)
        lower: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for given, answer in zip(rows.inputs, rows.answers, strict=True):
            for word, tag in zip(given, as_tags(answer), strict=True):
                exact[word][tag] += 1
                lower[word.lower()][tag] += 1
        return cls(
            {word: _commonest(tags, classes) for word, tags in exact.items()},
            {word: _commonest(tags, classes) for word, tags in lower.items()},
            MajorityTag.fit(rows, classes).tag,
        )


@dataclass(frozen=True)
class Gazetteer:
    """Finds the names that it knows, the longest first, whatever the case; the rest belongs to none.

    It knows what is a name in more than half of the places where it stands, and gives it the tags that it had most often.
    Measured on WNUT-17, five folds of the training rows: span F1 .29, minding case .27; on the validation rows, which were
    chosen to hold other names, .04 and 0.
    """

    file: ClassVar[str] = "gazetteer.json"
    names: dict[tuple[str, ...], tuple[str, ...]]
    otherwise: str

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return Predictions(rows.ids, tuple(self._tags(_lower(given)) for given in rows.inputs))

    def _tags(self, words: tuple[str, ...]) -> tuple[str, ...]:
        tags: list[str] = []
        while (place := len(tags)) < len(words):
            longest = next((run for run in reversed(list(_runs(words, place))) if run in self.names), None)
            tags += self.names[longest] if longest is not None else [self.otherwise]
        return tuple(tags)

    def save(self, folder: Path) -> None:
        """Write the names."""
        _write(folder / self.file, asdict(self) | {"names": list(self.names.items())})

    @classmethod
    def fit(cls, rows: Rows, classes: Sequence[str]) -> Self:
        """Count names, and how often the same words stand anywhere."""
        sentences = [_lower(given) for given in rows.inputs]
        named: defaultdict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        for words, answer in zip(sentences, rows.answers, strict=True):
            for start, end, _ in spans_of(as_tags(answer)):
                named[words[start:end]][as_tags(answer)[start:end]] += 1
        stands = Counter(
            run for words in sentences for place in range(len(words)) for run in _runs(words, place) if run in named
        )
        known = {run: tags.most_common(1)[0][0] for run, tags in named.items() if 2 * tags.total() > stands[run] > 0}
        return cls(known, classes[0])


@dataclass(frozen=True)
class TagProbe:
    """Reads the frozen features of each word and adds up what each says for a tag."""

    file: ClassVar[str] = _PROBE
    embedder: Embedder
    pooling: str
    linear: Linear
    classes: list[str]

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        features = self.embedder.words(rows.inputs, self.pooling)
        outputs = [np.where(are_read(words)[:, None], self.linear(words), 0.0) for words in features]
        return decode_tags(rows.ids, outputs, self.classes)

    def save(self, folder: Path) -> None:
        """Write weights and pooling; the encoder itself stays where it is."""
        _write(folder / self.file, {"classes": self.classes, "pooling": self.pooling})
        self.linear.save(folder / "linear.safetensors")


class TagReadout(OneLabel):
    """One tag a word by multinomial logistic regression, all words alike.

    Classes do not weigh alike: most words are outside of any span, and balanced weights find spans everywhere. Measured on
    WNUT-17, train to validation, last layer and mean of all layers: span F1 .39 and .45, balanced .12 and .23; on the mean of
    all layers .41 with the square root of balanced weights.
    """

    def fit(self, features: Array, answers: Sequence[Answer], classes: Sequence[str], kind: Kind, seed: int) -> Linear:
        """Fit on features (words, features) and one tag for each; a tag without words is never answered."""
        del kind
        tags = [str(answer) for answer in answers]
        return fit_logistic(features, tags, classes, STRENGTH, seed, weights=None, iterations=MOST_ITERATIONS)


def decode_tags(row_ids: Sequence[str], outputs: Sequence[Array], classes: Sequence[str]) -> Predictions:
    """The tag with the highest output for each word; a sentence is as sure as its words are on average.

    Outputs that are all zero, of words that were not read, give the first class.

    Shapes: one array (words, classes) for each sentence.
    """
    answers, confidence = [], []
    for output in outputs:
        answers.append(tuple(classes[place] for place in output.argmax(axis=1)))
        highest = softmax(np.asarray(output, dtype=float), axis=1).max(axis=1, initial=0.0)
        confidence.append(float(highest.mean()) if len(highest) else 1.0)
    return Predictions(tuple(row_ids), tuple(answers), confidence=np.array(confidence))


def are_read(features: Array) -> Array:
    """Whether each word was read by the model; (words,) booleans."""
    return np.asarray(features.any(axis=1))


def tag_probe(setting: RivalSetting) -> Fit:
    """The fit of the probe, to whole sentences up to `MOST_WORDS` words."""

    def fit(rows: Rows, seed: int) -> TagProbe:
        drawn = draw_sentences(rows, seed)
        embedded = setting.embedder.words(drawn.inputs, setting.pooling)
        features = np.concatenate(embedded)
        read = are_read(features)
        tags = [tag for answer in drawn.answers for tag in as_tags(answer)]
        kept = [tag for tag, known in zip(tags, read, strict=True) if known]
        classes = list(setting.classes)
        readout = TagReadout()
        linear = (
            fit_standardised(readout, features[read], kept, classes, seed)
            if kept
            else readout.fit(features[read], kept, classes, "probe", seed)
        )
        return TagProbe(setting.embedder, setting.pooling, linear, classes)

    return fit


def draw_sentences(rows: Rows, seed: int, most: int = MOST_WORDS) -> Rows:
    """Sentences up to so many words, some with each tag first: a head that starts from the probe must know them all."""
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    needed = set({tag: row for row in reversed(order) for tag in as_tags(rows.answers[row])}.values())
    order.sort(key=lambda row: row not in needed)
    reach = np.cumsum([len(rows.inputs[row]) for row in order])
    return rows.take(sorted(order[: max(int((reach <= most).sum()), 1)]))


_COUNTED: Mapping[str, Callable[[Rows, Sequence[str]], MajorityTag | WordTags | Gazetteer]] = {
    "majority_tag": MajorityTag.fit,
    "word_tags": WordTags.fit,
    "gazetteer": Gazetteer.fit,
}


def fit_tag_rival(name: str, setting: RivalSetting) -> Fit:
    """The cheap way of that name."""
    if name == "probe":
        return tag_probe(setting)

    def fit(rows: Rows, seed: int) -> MajorityTag | WordTags | Gazetteer:
        del seed
        return _COUNTED[name](rows, setting.classes)

    return fit


def load_tag_rival(folder: Path, embedder: Embedder | None) -> Predict:
    """A cheap way that was saved.

    Raises:
        ModelError: It reads features of a model that is not at hand.
    """
    file = next(way.file for way in (MajorityTag, WordTags, Gazetteer, TagProbe) if (folder / way.file).is_file())
    values = json.loads((folder / file).read_text(encoding="utf-8"))
    if file == MajorityTag.file:
        return MajorityTag(**values)
    if file == WordTags.file:
        return WordTags(**values)
    if file == Gazetteer.file:
        return Gazetteer({tuple(run): tuple(tags) for run, tags in values["names"]}, values["otherwise"])
    if embedder is None:
        raise ModelError("The saved way reads features of a model that is not here.", "Install or download that model.")
    return TagProbe(embedder, values["pooling"], Linear.load(folder / "linear.safetensors"), values["classes"])


def _commonest(counts: Counter[str], classes: Sequence[str]) -> str:
    return max(classes, key=lambda tag: counts[tag])


def _lower(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in given)


def _runs(words: tuple[str, ...], place: int) -> Iterator[tuple[str, ...]]:
    """Words from a place on, from one up to as many as a name may have."""
    return (words[place:end] for end in range(place + 1, min(place + LONGEST_NAME, len(words)) + 1))


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
