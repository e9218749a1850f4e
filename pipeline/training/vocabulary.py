"""Learns only the word vectors of tokens that occur: half of a small encoder is word vectors that its rows never read.

A vector whose token never occurs has no slope, so that training would change it by weight decay alone. Without them the
optimizer, the length of the slope and the checkpoints take less time and memory, and what is learned is the same.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch.nn import Embedding, Module, Parameter

from pipeline.records import Recipe
from pipeline.storage import save_text
from pipeline.task import Features

LARGEST_SHARE = 0.8
"""Where more of the vocabulary occurs than this, leaving out the rest is not worth it; set by us."""
KEPT = "vocabulary.json"


class OccurringWords(Module):
    """Word vectors of which only some learn; any other token is read as it was pre-trained.

    Shapes: tokens of any shape; the result has one more dimension for the features.
    """

    def __init__(self, whole: Embedding, tokens: torch.Tensor) -> None:
        super().__init__()
        self.weight = Parameter(whole.weight.detach()[tokens].clone())
        self.tokens = tokens
        self._whole = [whole]  # in a list, so that it is no part of the model that learns and is saved
        places = torch.full((whole.num_embeddings,), -1)
        places[tokens] = torch.arange(len(tokens))
        padding = whole.padding_idx
        self.padding_idx = None if padding is None else int(places[padding])
        self.register_buffer("places", places, persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The vectors of tokens."""
        places = self.get_buffer("places")[tokens]
        known = places >= 0
        found = torch.nn.functional.embedding(places.clamp(min=0), self.weight, self.padding_idx)
        if bool(known.all()):
            return found
        pretrained = self._whole[0].weight.detach()
        others = pretrained[tokens.to(pretrained.device)].to(found.device)
        return torch.where(known.unsqueeze(-1), found, others)

    def restored(self) -> Embedding:
        """All word vectors again, those that have learned in their places."""
        whole = self._whole[0].to(self.weight.device)
        with torch.no_grad():
            whole.weight[self.tokens.to(self.weight.device)] = self.weight
        return whole


def learns_words(recipe: Recipe) -> bool:
    """Whether word vectors learn, and those of tokens that do not occur stay: L1 draws all to zero, with LoRA all stay."""
    return not (recipe.l1 or recipe.lora_rank)


def occurring_tokens(features: Iterable[Features], others: Iterable[int], folder: Path) -> list[int]:
    """Tokens of rows and others, in order; those of an earlier session where there was one, whose rows may have been longer.

    Args:
        features: The rows.
        others: Tokens that count besides.
        folder: That of the checkpoints, which hold only these.
    """
    path = folder / KEPT
    if path.is_file():
        kept: list[int] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    tokens = sorted(set(others).union(*(row["input_ids"] for row in features)))
    folder.mkdir(parents=True, exist_ok=True)
    save_text(json.dumps(tokens), path)
    return tokens


def narrow_vocabulary(encoder: Any, tokens: Iterable[int]) -> bool:
    """Let only the word vectors of these tokens learn; whether it could be done.

    It is left where word vectors do not learn, are read in other ways too, or nearly all occur.
    """
    whole = encoder.get_input_embeddings()
    if type(whole) is not Embedding or not whole.weight.requires_grad or whole.max_norm is not None:
        return False
    padding = [] if whole.padding_idx is None else [whole.padding_idx]
    learned = sorted({*tokens, *padding})
    if _uses(encoder, whole) != 1 or len(learned) > LARGEST_SHARE * whole.num_embeddings:
        return False
    encoder.set_input_embeddings(OccurringWords(whole, torch.tensor(learned)))
    return True


def restore_vocabulary(encoder: Any) -> None:
    """Give an encoder all its word vectors back, with what has been learned."""
    words = encoder.get_input_embeddings()
    if isinstance(words, OccurringWords):
        encoder.set_input_embeddings(words.restored())


def _uses(encoder: Module, whole: Embedding) -> int:
    """How many names the weights of word vectors have in an encoder."""
    return sum(part is whole.weight for _, part in encoder.named_parameters(remove_duplicate=False))
