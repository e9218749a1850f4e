"""How much of the texts each model reads, and how much it would cut."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advisor.audit.material import Found, Material
from pipeline.models import load_tokenizer, locate
from pipeline.preparation import as_one_text, prepare
from pipeline.records import TextPreparation
from pipeline.task import Array, Input

TOKENISED_ROWS = 5_000
"""Rows whose tokens are counted; beyond it a seeded sample."""
WHOLE = 10**6
"""Tokens at which nothing is cut."""
SPECIAL_TOKENS = 2
"""Tokens that most models put around a text."""
_PIECES = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Reach:
    """What models of one limit read of the texts.

    Attributes:
        models: Their names; one alone where its own tokenizer counted.
        limit: Tokens at which they cut, special tokens included.
        counted: Whether tokens were counted by the model's tokenizer; else they are estimated.
        rows_cut: Rows that are longer.
        of: Rows that were looked at.
        tokens_cut: Share of all tokens that stand behind the limit.
    """

    models: tuple[str, ...]
    limit: int
    counted: bool
    rows_cut: int
    of: int
    tokens_cut: float

    @property
    def name(self) -> str:
        """The model, or how many there are with one of them."""
        return self.models[0] if len(self.models) == 1 else f"{len(self.models)} models such as {self.models[0]}"

    def __str__(self) -> str:
        how = "" if self.counted else ", estimated"
        share = 100 * self.rows_cut / max(self.of, 1)
        return (
            f"{self.name} ({self.limit:,} tokens{how}): {share:.1f} % of rows, {100 * self.tokens_cut:.1f} % of tokens"
        )


def find_long_texts(material: Material) -> list[Found]:
    """Rows that the first model at hand cuts, with what every other candidate would cut."""
    places = _sample(material)
    inputs = [material.rows.inputs[place] for place in places]
    reaches, lengths = measure_reaches(material, inputs)
    least = material.rules.audit.numbers["long_texts_share"].value
    if not any(reach.rows_cut >= max(1, least * reach.of) for reach in reaches):
        return []
    first = reaches[0]
    cutting = [str(reach) for reach in reaches if reach.rows_cut]
    values = {
        "model": first.name,
        "limit": f"{first.limit:,}",
        "tokens_share": f"{100 * first.tokens_cut:.1f} %",
        "by_model": "; ".join([*cutting, "the others cut nothing"] if len(cutting) < len(reaches) else cutting),
    }
    cut = [place for place, length in zip(places, lengths, strict=True) if length > first.limit]
    return [Found("long_texts", first.rows_cut, first.of, material.shown(cut), values)]


def measure_reaches(material: Material, inputs: Sequence[Input]) -> tuple[list[Reach], Array]:
    """What each model at hand reads of the texts, and by limit what those of the catalogue that are not at hand would.

    Returns:
        Models at hand first, then the commonest limit of the others; and the tokens of each input as the first counts them,
        or without a model at hand as the pieces of its text times what a piece usually takes.
    """
    counted: dict[str, Array] = {}
    for place, candidate in enumerate(material.candidates):
        tokenizer = _tokenizer(material, place)
        if tokenizer is not None:
            counted[candidate.name] = _count_tokens(material, tokenizer, inputs)
    lengths = next(iter(counted.values())) if counted else _estimate_tokens(material, inputs)
    limits = {candidate.name: candidate.source.max_tokens for candidate in material.candidates}
    found = [_reach((name,), limits[name], own, counted=True) for name, own in counted.items()]
    reads = material.rules.tasks[material.task.key].reads
    by_limit: dict[int, list[str]] = defaultdict(list)
    for name, entry in material.rules.models.items():
        if name not in counted and entry.kind in reads:
            by_limit[entry.max_tokens.value].append(name)
    commonest_first = sorted(by_limit.items(), key=lambda item: -len(item[1]))
    return found + [_reach(tuple(names), limit, lengths, counted=False) for limit, names in commonest_first], lengths


def _reach(models: tuple[str, ...], limit: int, lengths: Array, *, counted: bool) -> Reach:
    behind = np.maximum(lengths - limit, 0)
    share = float(behind.sum() / max(lengths.sum(), 1))
    return Reach(models, limit, counted, int((behind > 0).sum()), len(lengths), share)


def _tokenizer(material: Material, place: int) -> Any:
    """The tokenizer of a candidate, or None where its files cannot be found from here."""
    if place == 0:
        embedder = material.embedder()
        return embedder.tokenizer if embedder is not None else None
    path = locate(material.candidates[place].source, Path())
    return load_tokenizer(path) if path is not None else None


def _count_tokens(material: Material, tokenizer: Any, inputs: Sequence[Input]) -> Array:
    """Tokens of each input when nothing is cut; (inputs,)."""
    prepared = [prepare(given, TextPreparation()) for given in inputs]
    return np.array([len(row["input_ids"]) for row in material.task.encode(tokenizer, prepared, WHOLE)])


def _estimate_tokens(material: Material, inputs: Sequence[Input]) -> Array:
    pieces = np.array([len(_PIECES.findall(as_one_text(given))) for given in inputs])
    return np.ceil(pieces * material.rules.audit.numbers["tokens_a_piece"].value) + SPECIAL_TOKENS


def _sample(material: Material) -> list[int]:
    drawn = np.random.default_rng(material.answers.seed).permutation(len(material.rows))[:TOKENISED_ROWS]
    return sorted(int(place) for place in drawn)
