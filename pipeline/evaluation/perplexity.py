"""How well a model still predicts words after tuning, where it comes with a head that does: perplexity before and after.

A decoder predicts each token from those before it, an encoder tokens that are hidden from it (a pseudo-perplexity of a tenth and a
half of them, the same ones before and after).

Source: https://huggingface.co/docs/transformers/perplexity, and for hidden tokens https://arxiv.org/abs/1910.14659
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.embeddings import UNCOUNTED, device
from pipeline.evaluation.intervals import SURE
from pipeline.models import load_language_model, load_tokenizer
from pipeline.records import Interval
from pipeline.results import Perplexity
from pipeline.sentences import fill
from pipeline.task import Array

Kind = Literal["masked", "causal"]
Said = Literal["kept", "lost", "absent"]
HIDDEN_SHARE = 0.15
"""As in the pre-training of BERT; https://arxiv.org/abs/1810.04805"""
TEXTS_A_BATCH = 16
NO_HEAD = "this model comes without a head that predicts words"
NO_TEXTS = "the texts are too short to predict words in them"


def measure_perplexity(path: Path, tuned: Any, texts: Sequence[str], max_tokens: int, seed: int) -> Perplexity | str:
    """Perplexity on texts with the pre-trained and with the tuned weights under the model's own head.

    Args:
        path: The pre-trained model.
        tuned: The tuned encoder or decoder, without a head.
        texts: What is read.
        max_tokens: After which texts are cut.
        seed: Of the tokens that are hidden.

    Returns:
        Why it cannot be measured, where it cannot.
    """
    found = load_language_model(path)
    if found is None:
        return NO_HEAD
    model, kind = found
    tokenizer = load_tokenizer(path)
    if kind == "masked" and tokenizer.mask_token_id is None:
        return NO_HEAD
    encoded = [tokenizer(text, truncation=True, max_length=max_tokens)["input_ids"] for text in texts]
    batches = list(_batches([ids for ids in encoded if len(ids) > 1], tokenizer, kind, seed))
    if not batches:
        return NO_TEXTS
    model = model.to(device()).eval()
    before = _losses(model, batches)
    base = getattr(model, model.base_model_prefix)
    weights = {name: part for name, part in tuned.state_dict().items() if name in base.state_dict()}
    if base.load_state_dict(weights, strict=False).missing_keys:
        return "the head does not fit the tuned weights"
    return _compare(kind, before, _losses(model, batches))


def _batches(
    encoded: Sequence[list[int]], tokenizer: Any, kind: Kind, seed: int
) -> Iterator[tuple[Array, Array, Array]]:
    """Tokens as they are read, which of them are, and what is to be predicted; those without any are left out.

    Shapes: (texts, tokens) each.
    """
    draw = np.random.default_rng(seed)
    special = np.array(tokenizer.all_special_ids)
    ordered = sorted(encoded, key=len)
    for start in range(0, len(ordered), TEXTS_A_BATCH):
        part = ordered[start : start + TEXTS_A_BATCH]
        ids = np.zeros((len(part), max(map(len, part))), dtype=np.int64)
        read = np.zeros_like(ids)
        for row, tokens in enumerate(part):
            ids[row, : len(tokens)], read[row, : len(tokens)] = tokens, 1
        target = np.where(read > 0, ids, UNCOUNTED)
        if kind == "masked":
            hidden = (draw.random(ids.shape) < HIDDEN_SHARE) & (read > 0) & ~np.isin(ids, special)
            target = np.where(hidden, ids, UNCOUNTED)
            ids = np.where(hidden, tokenizer.mask_token_id, ids)
        else:
            target = np.concatenate([target[:, 1:], np.full((len(part), 1), UNCOUNTED)], axis=1)
        kept = (target != UNCOUNTED).any(axis=1)
        if kept.any():
            yield ids[kept], read[kept], target[kept]


def _losses(model: Any, batches: Sequence[tuple[Array, Array, Array]]) -> Array:
    """For each text the sum of the losses of its tokens, and how many there are; (texts, 2)."""
    import torch

    found = []
    with torch.inference_mode():
        for ids, read, target in batches:
            given, mask, truth = (torch.from_numpy(part).to(device()) for part in (ids, read, target))
            logits = model(input_ids=given, attention_mask=mask).logits.float()
            loss = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), truth, ignore_index=UNCOUNTED, reduction="none"
            )
            found.append(torch.stack([loss.sum(dim=1), (truth != UNCOUNTED).sum(dim=1)], dim=1).cpu().numpy())
    return np.concatenate(found).astype(float)


def _compare(kind: Kind, before: Array, after: Array) -> Perplexity:
    """Both perplexities, and their ratio with an interval that heeds that the tokens of one text belong together."""
    tokens = before[:, 1].sum()
    change = (after[:, 0].sum() - before[:, 0].sum()) / tokens
    spread = after[:, 0] - before[:, 0] - change * before[:, 1]
    error = float(np.sqrt((spread**2).sum() * len(spread) / max(len(spread) - 1, 1)) / tokens)
    return Perplexity(
        kind=kind,
        texts=len(before),
        tokens=int(tokens),
        before=float(np.exp(before[:, 0].sum() / tokens)),
        after=float(np.exp(after[:, 0].sum() / tokens)),
        ratio=Interval(
            point=float(np.exp(change)),
            low=float(np.exp(change - SURE * error)),
            high=float(np.exp(change + SURE * error)),
            standard_error=float(np.exp(change) * error),
        ),
    )


def say_perplexity(found: Perplexity | str, texts: str, sentences: Mapping[Said, str]) -> str:
    """What a perplexity, or the reason why there is none, says; a rise counts outside noise only.

    Args:
        found: What was measured.
        texts: What was read, in words.
        sentences: Of the rule.
    """
    if isinstance(found, str):
        return fill(sentences["absent"], why=found)
    ratio = found.ratio
    values = {"before": found.before, "after": found.after, "ratio": ratio.point, "low": ratio.low, "high": ratio.high}
    shown = {slot: f"{value:,.2f}" for slot, value in values.items()}
    return fill(sentences["lost" if ratio.low > 1 else "kept"], texts=texts, **shown)
