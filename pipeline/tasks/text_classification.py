"""One text in, one label out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.data.values import as_text
from pipeline.task import Fit, Layout, RivalSetting, Role, Rows, Task
from pipeline.tasks.labels import OneLabelTask, read_labels
from pipeline.tasks.pooled import Fits, Loads, answered, at_hand, unanswered

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.predictors.linear import Kind


class TextClassification(OneLabelTask):
    """One text in, one label out."""

    key = "text-classification"
    layouts = (
        Layout(
            "a text and its label",
            (
                Role("text", "the text to be labelled", required_to_predict=True),
                Role("label", "its one label", required_to_predict=False),
            ),
        ),
    )
    rivals = ("majority", "zero_shot", "tfidf", "probe")

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Rows with a text and, when asked for, a label; rows without a label are left out.

        Raises:
            DataError: A column is missing.
        """
        from pipeline.data.reading import column

        texts = [as_text(value) for value in column(table, columns["text"], file)]
        if not labelled:
            return unanswered(table, texts)
        return answered(table, texts, read_labels(column(table, columns["label"], file), file))

    def phrasing_scores(self, rows: Rows, setting: RivalSetting) -> dict[str, float]:
        """Score of zero-shot for each template, with and without centring."""
        from pipeline.predictors.zero_shot import phrasing_scores

        found = phrasing_scores(
            rows, setting.embedder, setting.classes, setting.phrases, setting.templates, setting.metric
        )
        return {str(phrasing): score for phrasing, score in found.items()}

    def fit_probe(self, setting: RivalSetting) -> Fit:
        """The linear probe, which starts from what the labels mean where they are words."""
        from pipeline.predictors.anchored import Meanings, anchored_probe
        from pipeline.predictors.zero_shot import are_words

        if not setting.templates or not are_words(setting.classes, setting.phrases):
            return super().fit_probe(setting)
        kind: Kind = "head" if setting.as_head else "probe"
        meanings = Meanings(setting.phrases, setting.templates, setting.metric, kind=kind)
        return anchored_probe(setting.embedder, setting.pooling, setting.classes, meanings)

    def fits(self) -> Fits:
        """The majority guess and zero-shot."""
        from pipeline.predictors.majority import majority
        from pipeline.predictors.zero_shot import zero_shot

        return {
            "majority": lambda setting: majority(setting.classes),
            "zero_shot": lambda setting: zero_shot(
                setting.embedder, setting.classes, setting.phrases, setting.templates, setting.metric
            ),
        }

    def loads(self) -> Loads:
        """Zero-shot."""
        from pipeline.predictors.zero_shot import load_zero_shot

        return {"zero_shot.json": lambda folder, embedder: load_zero_shot(folder, at_hand(embedder))}


TASK: Task = TextClassification()
