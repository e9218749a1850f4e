"""What is done to a text before any model reads it: the same function in training and in prediction."""

import unicodedata

from pipeline.records import TextPreparation
from pipeline.task import Input


def prepare(given: Input, preparation: TextPreparation) -> Input:
    """Prepare one input; cutting at `max_tokens` is left to the tokenizer, which counts tokens."""
    if isinstance(given, tuple):
        return tuple(_prepare_text(part, preparation) for part in given)
    return _prepare_text(given, preparation)


def _prepare_text(text: str, preparation: TextPreparation) -> str:
    if preparation.unicode_form != "none":
        text = unicodedata.normalize(preparation.unicode_form, text)
    if preparation.collapse_whitespace:
        text = " ".join(text.split())
    return text


def as_one_text(given: Input) -> str:
    """An input as one text: the parts of a pair or the words of a sentence with spaces between."""
    return given if isinstance(given, str) else " ".join(given)
