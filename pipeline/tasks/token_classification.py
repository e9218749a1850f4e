"""A sentence in, a tag for each of its words out: names and other spans, or one tag a word such as parts of speech."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pipeline.data.personal_data import mask
from pipeline.data.values import as_text
from pipeline.errors import PlanError
from pipeline.evaluation.metrics import named, right_or_wrong
from pipeline.findings import Found
from pipeline.metric import Metric
from pipeline.results import ErrorAnalysis
from pipeline.task import (
    Answer,
    Array,
    Features,
    Fit,
    Input,
    Layout,
    Predict,
    Predictions,
    RivalSetting,
    Role,
    Rows,
    Signal,
    Task,
    TrainingSetting,
)
from pipeline.tasks.pooled import PooledTask
from pipeline.tasks.spans import (
    OUTSIDE,
    SPAN_F1,
    SPAN_PRECISION,
    SPAN_RECALL,
    TAG_F1,
    TYPE_F1,
    WHOLE_SENTENCES,
    WORD_ACCURACY,
    as_tags,
    same_spans,
    spans_of,
)
from pipeline.tasks.tag_checks import audit_tags, check_tags
from pipeline.tasks.tag_reading import Sentence, read_tagged_words, read_texts_with_spans
from pipeline.tasks.word_splitting import split_words

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel

    from pipeline.embeddings import Embedder

CHOICES = ("spans", "words")
LENGTHS = ("short", "middle", "long")


class TokenClassification(PooledTask):
    """A sentence in, a tag for each of its words out.

    Args:
        options: `tags` says what tags are: `spans` (as when it is left out) of words that belong together under a scheme such
            as BIO, or one tag for each of the `words` by itself.
    """

    key = "token-classification"
    hub_tag = "token-classification"
    head_module = "pipeline.word_head"
    by_words = True
    confidence_of = "the tag of a word being right, mean over the sentence"
    usage = (
        'tag = transformers.pipeline("token-classification", model="model", aggregation_strategy="first")\n'
        'tag("a sentence")'
    )
    layouts = (
        Layout(
            "the words of a sentence and a tag for each",
            (
                Role("tokens", "the words of a sentence, as a list", required_to_predict=True),
                Role("tags", "the tag of each word, as a list", required_to_predict=False),
            ),
        ),
        Layout(
            "a text and the spans in it",
            (
                Role("text", "the text", required_to_predict=True),
                Role("spans", "its spans: a list of start, end and label", required_to_predict=False),
            ),
        ),
    )

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.options = dict(options or {})
        self.by_spans = self.options.get("tags") != "words"
        self.metrics: Mapping[str, Metric] = (
            named(SPAN_F1, WORD_ACCURACY, TYPE_F1) if self.by_spans else named(WORD_ACCURACY, TAG_F1)
        )
        self.beside: Mapping[str, Metric] = (
            named(SPAN_PRECISION, SPAN_RECALL) if self.by_spans else named(WHOLE_SENTENCES)
        )
        self.rivals = ("majority_tag", "word_tags", *(("gazetteer",) if self.by_spans else ()), "probe")
        self._widened: dict[Sentence, list[str]] = {}

    def configure(self, options: Mapping[str, str], columns: Mapping[str, Any]) -> Self:
        """The task for tags that are spans, or one a word; a `spans` column holds spans.

        Raises:
            PlanError: The answer is unknown, or the columns contradict it.
        """
        said = options.get("tags")
        if said not in (None, *CHOICES):
            raise PlanError(f"task_options.tags is '{said}'.", f"It can be: {', '.join(CHOICES)}.")
        if "spans" in columns and said == "words":
            raise PlanError(
                "task_options.tags is 'words', but the data has a column of spans.",
                "Leave task_options.tags out, or name columns for tokens and tags.",
            )
        tags = "spans" if "spans" in columns else said
        return type(self)({"tags": tags} if tags else {})

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Rows with words and, when asked for, their tags; rows without an answer are left out.

        A span that begins or ends inside a word is widened to the words that it touches, and the audit counts it.

        Raises:
            DataError: A column is missing, or rows cannot be read; names them.
        """
        if "text" not in columns:
            return read_tagged_words(table, columns, file, labelled=labelled)
        rows, widened = read_texts_with_spans(table, columns, file, labelled=labelled)
        self._widened |= widened
        return rows

    def check(self, rows: Rows, file: str) -> None:
        """Refuse one tag only, tags that differ by case or space, and for spans tags that are in no scheme.

        Raises:
            DataError: Names the tags, with the mend.
        """
        check_tags([as_tags(answer) for answer in rows.answers], file, by_spans=self.by_spans)

    def audit(self, rows: Rows) -> list[Found]:
        """Spans that were widened, tags that may not follow each other, words without text."""
        return audit_tags(rows, self._widened, by_spans=self.by_spans)

    def classes(self, rows: Rows) -> list[str]:
        """All tags in alphabetical order, after the one that words get which the model cannot read.

        That is `O`, or where no word has it the commonest tag.
        """
        counts = Counter(tag for answer in rows.answers for tag in as_tags(answer))
        first = OUTSIDE if OUTSIDE in counts else max(sorted(counts), key=lambda tag: counts[tag], default=OUTSIDE)
        return sorted(counts, key=lambda tag: (tag != first, tag))

    def kinds(self, answer: Answer) -> frozenset[str]:
        """The types of the spans in a sentence; nothing is counted where each word has a tag."""
        return frozenset(span.kind for span in spans_of(as_tags(answer))) if self.by_spans else frozenset()

    def strata(self, rows: Rows) -> list[str]:
        """The rarest type in each sentence, or nothing; where that does not tell sentences apart, how long they are."""
        kinds = [self.kinds(answer) for answer in rows.answers]
        counts = Counter(kind for found in kinds for kind in found)
        rarest = [min(sorted(found), key=lambda kind: counts[kind], default="") for found in kinds]
        if sum(count > 1 for count in Counter(rarest).values()) > 1:
            return rarest
        order = sorted(range(len(rows)), key=lambda row: (len(rows.inputs[row]), rows.inputs[row]))
        ranks = {row: rank for rank, row in enumerate(order)}
        return [LENGTHS[len(LENGTHS) * ranks[row] // len(rows)] for row in range(len(rows))]

    def weight(self, given: Input) -> int:
        """One answer for each word."""
        return len(given)

    def is_empty(self, given: Input) -> bool:
        """A sentence without a word."""
        return not any(word.strip() for word in given)

    def signal(
        self, rows: Rows, embedder: "Embedder", pooling: str, classes: Sequence[str], most: int, seed: int
    ) -> Signal:
        """One word of each row with a column for each tag; its text is the word between its neighbours.

        Every other row gives a word of a span, where it has one: most words have none, and would tell little.
        """
        generator = np.random.default_rng(seed)
        filled = [row for row, given in enumerate(rows.inputs) if given]
        drawn = rows.take(sorted(generator.permutation(filled)[:most].tolist()))
        places = [_drawn_word(as_tags(answer), generator) for answer in drawn.answers]
        features = embedder.words(drawn.inputs, pooling)
        tags = [as_tags(answer)[place] for answer, place in zip(drawn.answers, places, strict=True)]
        return Signal(
            features=np.stack([words[place] for words, place in zip(features, places, strict=True)]),
            texts=tuple(
                " ".join(given[max(place - 1, 0) : place + 2])
                for given, place in zip(drawn.inputs, places, strict=True)
            ),
            targets=np.array([[tag == label for label in classes] for tag in tags], dtype=float),
        )

    def fit_rival(self, name: str, setting: RivalSetting) -> Fit:
        """The cheap way of that name."""
        from pipeline.tasks.tag_rivals import fit_tag_rival

        return fit_tag_rival(name, setting)

    def load_rival(self, folder: Path, embedder: "Embedder | None") -> Predict:
        """A cheap way that was saved.

        Raises:
            ModelError: It reads features of a model that is not at hand.
        """
        from pipeline.tasks.tag_rivals import load_tag_rival

        return load_tag_rival(folder, embedder)

    def build_model(self, encoder: Path, setting: TrainingSetting) -> "PreTrainedModel":
        """The encoder with a linear head on every token."""
        from pipeline.heads import build_head
        from pipeline.word_head import WordClassifier

        return build_head(WordClassifier, encoder, setting)

    def load_model(self, folder: Path) -> "PreTrainedModel":
        """A fine-tuned model that was saved."""
        from pipeline.heads import load_head
        from pipeline.word_head import WordClassifier

        return load_head(WordClassifier, folder)

    def encode(self, tokenizer: Any, inputs: Sequence[Input], max_tokens: int) -> list[Features]:
        """Tokens of the words, and where each word begins."""
        from pipeline.embeddings import encode_words

        return encode_words(tokenizer, [tuple(given) for given in inputs], max_tokens)

    def targets(self, rows: Rows, features: Sequence[Features], classes: Sequence[str]) -> list[Array]:
        """The place of a word's tag at the word's first token; the other tokens are not counted."""
        from pipeline.embeddings import UNCOUNTED, WORD_STARTS

        places = {tag: place for place, tag in enumerate(classes)}
        found = []
        for answer, row in zip(rows.answers, features, strict=True):
            target = np.full(len(row["input_ids"]), UNCOUNTED, dtype=np.int64)
            for start, tag in zip(row[WORD_STARTS], as_tags(answer), strict=True):
                if start >= 0:
                    target[start] = places[tag]
            found.append(target)
        return found

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str, smoothing: float = 0.0) -> Callable[..., Any]:
        """Cross-entropy over words: mean over those of all accumulated batches.

        `weighting` is not heeded: tags never weigh alike, since most words are outside of any span and balanced weights find
        spans everywhere (measured for the probe, see `TagReadout`).
        """
        import torch

        from pipeline.embeddings import UNCOUNTED

        del classes, rows, weighting

        def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
            logits = outputs["logits"]
            total = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1),
                labels.flatten(),
                ignore_index=UNCOUNTED,
                reduction="sum",
                label_smoothing=smoothing,
            )
            words = (labels != UNCOUNTED).sum() if num_items_in_batch is None else num_items_in_batch
            return total / torch.as_tensor(words).clamp(min=1)

        return loss

    def outputs(self, logits: Array, features: Sequence[Features]) -> list[Array]:
        """Logits at the first token of each word; zeros, which stand for the first class, for words that were not read.

        Shapes: `logits` is (sentences, tokens, classes), the result one array (words, classes) for each sentence.
        """
        from pipeline.embeddings import WORD_STARTS

        found = []
        for row, encoded in enumerate(features):
            starts = np.array(encoded[WORD_STARTS], dtype=int)
            found.append(np.where(starts[:, None] < 0, np.float32(0), logits[row, starts]))
        return found

    def temperature(self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str]) -> float:
        """Fitted over the words that the model read."""
        from pipeline.evaluation.calibration import fit_temperature

        places = {tag: place for place, tag in enumerate(classes)}
        logits = np.concatenate([np.zeros((0, len(classes))), *outputs]).astype(float)
        truth = np.array([places[tag] for answer in rows.answers for tag in as_tags(answer)], dtype=int)
        read = logits.any(axis=1)
        return fit_temperature(logits[read], truth[read])

    def decode(
        self, row_ids: Sequence[str], outputs: Sequence[Array], classes: Sequence[str], thresholds: Sequence[float]
    ) -> Predictions:
        """The likeliest tag of each word.

        Words that the model did not read, since the tokenizer drops them or they lie behind the cut, get the first class: `O`,
        or the commonest tag. They count in every score.
        """
        from pipeline.tasks.tag_rivals import decode_tags

        del thresholds
        return decode_tags(row_ids, outputs, classes)

    def mistakes(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """1 for a sentence with a wrong span, or a wrong tag where each word has its own."""
        are_right = same_spans if self.by_spans else right_or_wrong
        return 1.0 - are_right(truth, answers)

    def rightness(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """The share of the words of each sentence whose tag is right; 1 without words."""
        counted = WORD_ACCURACY.statistics(truth, answers, [])
        return np.where(counted[:, 1] > 0, counted[:, 0] / np.maximum(counted[:, 1], 1), 1.0)

    def say_input(self, given: Input) -> str:
        """The words with spaces between, personal data masked."""
        return mask(" ".join(given))

    def say_answer(self, given: Input, answer: Answer, other: Answer) -> str:
        """The spans with their types; where each word has a tag, the words whose tags differ from the other's."""
        from pipeline.tasks.tag_errors import say_differences, say_spans

        tags = as_tags(answer)
        return mask(say_spans(given, tags) if self.by_spans else say_differences(given, tags, as_tags(other)))

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Where the fine-tuned model still fails, by spans or by words."""
        from pipeline.tasks.tag_errors import span_errors, word_errors

        analyse = span_errors if self.by_spans else word_errors
        return analyse(rows, fine_tuned, rival, classes, show_rows=show_rows)

    def written(self, table: "pd.DataFrame", columns: Mapping[str, Any], predictions: Predictions) -> list[Any]:
        """The tags of each row as a list, or its spans as a list of objects with the text of each."""
        if "text" not in columns:
            return [list(as_tags(answer)) for answer in predictions.answers]
        from pipeline.data.reading import column

        texts = [as_text(cell) for cell in column(table, columns["text"], "the data")]
        return [_as_objects(text, as_tags(answer)) for text, answer in zip(texts, predictions.answers, strict=True)]


def _drawn_word(tags: Sequence[str], generator: np.random.Generator) -> int:
    inside = [place for place, tag in enumerate(tags) if tag != OUTSIDE]
    return int(generator.choice(inside if inside and generator.random() < 0.5 else len(tags)))


def _as_objects(text: str, tags: Sequence[str]) -> list[dict[str, int | str]]:
    places = split_words(text)
    found: list[dict[str, int | str]] = []
    for first, behind, kind in spans_of(tags):
        start, end = places[first][0], places[behind - 1][1]
        found.append({"start": start, "end": end, "label": kind, "text": text[start:end]})
    return found


TASK: Task = TokenClassification()
