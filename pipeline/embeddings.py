"""Frozen features of texts, computed once and kept: similarity, zero-shot and probe all read them from here."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.models import load_encoder, load_tokenizer
from pipeline.precision import find_bfloat16, mixed_precision
from pipeline.preparation import prepare
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import Array, Features, Input

if TYPE_CHECKING:
    from torch import Tensor

POOLINGS = ("mean", "cls", "layer_mean")
"""Ways to one vector: mean of the last layer's tokens, the first token, mean over tokens of the mean of all layers."""
BLOCK = 512
"""Texts that are computed and saved together, so that a stop loses no more."""
TOKENS_A_BATCH = {"cpu": 2048, "cuda": 8192}
"""Padded tokens that are read at once. On a processor four times as many took a third more time and 200 MB more memory (one thread,
512 sentences of SST-2 and 64 long reviews); an accelerator wants more of them."""
UNCOUNTED = -100
"""Target of a token that no loss counts, in the field's convention."""
WORD_STARTS = "word_starts"
"""Key of encoded words: for each word the position of its first token, or -1 where the model reads none of it."""

Progress = Callable[[int, int], None]


def pool(hidden_states: "Sequence[Tensor]", attention_mask: "Tensor", pooling: str) -> "Tensor":
    """One vector for each text.

    Shapes: each hidden state is (batch, tokens, features), the mask (batch, tokens), the result (batch, features).

    Raises:
        ValueError: `pooling` is not one of `POOLINGS`.
    """
    if pooling == "cls":
        return hidden_states[-1][:, 0]
    if pooling not in POOLINGS:
        raise ValueError(f"unknown pooling {pooling!r}")
    mask = attention_mask.unsqueeze(-1).to(hidden_states[-1].dtype)
    layers = [hidden_states[-1]] if pooling == "mean" else list(hidden_states[1:])
    tokens = sum(layers[1:], start=layers[0]) / len(layers)
    return (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


class Embedder:
    """Features of one frozen model.

    Args:
        path: The model's folder.
        source: The model, for its name and checksum.
        preparation: What is done to texts first.
        cache: Folder for what was computed, or None to keep it in memory only.
        model: The encoder where it is loaded already; it is read from the folder otherwise.
        quick: Whether products are computed in bfloat16 on machines with instructions for it, for features that many rows are
            measured by. Those of 2,639 tweets took 10.5 instead of 25.8 processor seconds (all-MiniLM-L6-v2, 2026-12-01) and
            differed by 0.6 %. Single answers gain nothing by it, and are exact.
    """

    def __init__(
        self,
        path: Path,
        source: ModelSource,
        preparation: TextPreparation,
        cache: Path | None,
        model: Any = None,
        *,
        quick: bool = False,
    ) -> None:
        self.path, self.source, self.preparation, self.cache, self.quick = path, source, preparation, cache, quick
        self.progress: Progress | None = None
        self.most_known: int | None = None
        """Inputs whose features stay in memory between calls; all of them when None."""
        self._model: Any = model
        self._tokenizer: Any = None
        made = f"{source.name} {source.sha256} {preparation.model_dump_json()}{' quick' if quick else ''}"
        key = hashlib.sha256(made.encode()).hexdigest()[:12]
        self._folder = cache / f"embeddings-{key}" if cache is not None else None
        self._known: dict[str, Array] = {}
        self._known_words: dict[str, Array] = {}
        for block in sorted(self._folder.glob("*.npz")) if self._folder is not None and self._folder.is_dir() else ():
            with np.load(block) as arrays:
                self._known.update(zip(arrays["keys"].tolist(), arrays["features"], strict=True))

    def __call__(self, inputs: Sequence[Input], pooling: str) -> Array:
        """Features of inputs under one pooling.

        Shapes: (inputs, features), single precision.
        """
        keys = [_key(given) for given in inputs]
        self._compute({key: given for key, given in zip(keys, inputs, strict=True) if key not in self._known})
        which = POOLINGS.index(pooling)
        if not keys:
            return np.zeros((0, self.model.config.hidden_size), dtype=np.float32)
        found = np.stack([self._known[key][which] for key in keys])
        self._forget(self._known)
        return found

    def words(self, inputs: Sequence[Input], pooling: str) -> list[Array]:
        """Features of the words of sentences: the hidden state of each word's first token; zeros where the model reads none of it.

        Kept in memory only, in half precision: they are many, and a rival is fitted to some of them.

        Args:
            inputs: Sentences as tuples of words.
            pooling: `layer_mean` takes the mean of all layers, the others the last layer.

        Shapes: one array (words, features) for each input, single precision.
        """
        keys = [f"{len(given)} {_key(given)}" for given in inputs]  # no word and one empty word differ
        self._compute_words(
            {key: given for key, given in zip(keys, inputs, strict=True) if key not in self._known_words}
        )
        which = int(pooling == "layer_mean")
        found = [self._known_words[key][which].astype(np.float32) for key in keys]
        self._forget(self._known_words)
        return found

    def _forget(self, known: dict[str, Array]) -> None:
        """Keep no more in memory than was asked: what answers for months must not grow."""
        if self.most_known is not None and len(known) > self.most_known:
            known.clear()

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.path)
        return self._tokenizer

    @property
    def model(self) -> Any:
        """The encoder, on the accelerator when there is one."""
        if self._model is None:
            self._model = load_encoder(self.path).to(device())
        return self._model

    @property
    def _precision(self) -> Any:
        """A context in which the model reads."""
        return mixed_precision(device(), used=self.quick and find_bfloat16() is not None)

    def _compute(self, missing: dict[str, Input]) -> None:
        keys = sorted(missing, key=lambda key: len(str(missing[key])))
        for start in range(0, len(keys), BLOCK):
            block = keys[start : start + BLOCK]
            features = np.concatenate(list(self._features([missing[key] for key in block])))
            self._known.update(zip(block, features, strict=True))
            self._save(block, features)
            if self.progress is not None:
                self.progress(min(start + BLOCK, len(keys)), len(keys))

    def _features(self, inputs: list[Input]) -> Iterator[Array]:
        import torch

        texts = [prepare(given, self.preparation) for given in inputs]
        encoded = self.tokenizer(
            [text if isinstance(text, str) else list(text) for text in texts],
            truncation=True,
            max_length=self.preparation.max_tokens,
        )
        lengths = [len(tokens) for tokens in encoded["input_ids"]]
        for start, end in _batches(lengths, TOKENS_A_BATCH[device()]):
            batch = self.tokenizer.pad(
                {name: values[start:end] for name, values in encoded.items()}, return_tensors="pt"
            ).to(self.model.device)
            with torch.inference_mode(), self._precision:
                hidden = self.model(**batch, output_hidden_states=True).hidden_states
                pooled = [pool(hidden, batch["attention_mask"], pooling) for pooling in POOLINGS]
            yield torch.stack(pooled, dim=1).float().cpu().numpy()

    def _compute_words(self, missing: dict[str, Input]) -> None:
        keys = sorted(missing, key=lambda key: len(str(missing[key])))
        for start in range(0, len(keys), BLOCK):
            block = keys[start : start + BLOCK]
            self._known_words.update(zip(block, self._word_features([missing[key] for key in block]), strict=True))
            if self.progress is not None:
                self.progress(min(start + BLOCK, len(keys)), len(keys))

    def _word_features(self, inputs: list[Input]) -> Iterator[Array]:
        """Last layer and mean of all layers at the first token of each word; (2, words, features) in half precision."""
        import torch

        sentences = [tuple(prepare(given, self.preparation)) for given in inputs]
        encoded = encode_words(self.tokenizer, sentences, self.preparation.max_tokens)
        for start, end in _batches([len(row["input_ids"]) for row in encoded], TOKENS_A_BATCH[device()]):
            starts = [row.pop(WORD_STARTS) for row in encoded[start:end]]
            batch = self.tokenizer.pad(encoded[start:end], return_tensors="pt").to(self.model.device)
            with torch.inference_mode(), self._precision:
                hidden = self.model(**batch, output_hidden_states=True).hidden_states
                layers = torch.stack([hidden[-1], sum(hidden[2:], start=hidden[1]) / (len(hidden) - 1)])
            limit = float(np.finfo(np.float16).max)
            found = layers.float().clamp(-limit, limit).cpu().numpy().astype(np.float16)
            for row, places in enumerate(starts):
                features = found[:, row, places]
                features[:, np.array(places, dtype=int) < 0] = 0
                yield features

    def _save(self, keys: list[str], features: Array) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
        draft = self._folder / f"{name}.new"
        with draft.open("wb") as file:
            np.savez(file, keys=np.array(keys), features=features)
        os.replace(draft, self._folder / f"{name}.npz")


def _batches(lengths: list[int], most_tokens: int) -> Iterator[tuple[int, int]]:
    """Runs of texts, already in order of length, whose padded tokens fit one batch."""
    start = 0
    while start < len(lengths):
        end = start + 1
        while end < len(lengths) and max(lengths[start : end + 1]) * (end + 1 - start) <= most_tokens:
            end += 1
        yield start, end
        start = end


def encode_words(tokenizer: Any, sentences: Sequence[Sequence[str]], max_tokens: int) -> list[Features]:
    """Tokens of sentences, with the position of the first token of each word beside them.

    The words are joined by spaces: tokenizers that mark the space before a word then read them as in running text, which
    they do not when words are handed over one by one.

    Returns:
        For each sentence what the model reads, cut but not padded, and under `WORD_STARTS` one position for each word; -1 for
        words that the tokenizer drops, such as control characters, and for those behind the cut.
    """
    if not sentences:
        return []  # the tokenizer itself needs one
    if not tokenizer.is_fast:
        return _encode_word_by_word(tokenizer, sentences, max_tokens)
    texts = [" ".join(words) for words in sentences]
    encoded = tokenizer(texts, truncation=True, max_length=max_tokens, return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")
    return [
        {name: values[row] for name, values in encoded.items()} | {WORD_STARTS: _word_starts(words, offsets[row])}
        for row, words in enumerate(sentences)
    ]


def _word_starts(words: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Position of the first token that covers a character of each word; offsets are characters of the joined words."""
    owners = [owner for word, text in enumerate(words) for owner in [*[word] * len(text), -1]]
    found = [-1] * len(words)
    for token, (start, end) in enumerate(offsets):
        for word in set(owners[start:end]) - {-1}:
            if found[word] < 0:
                found[word] = token
    return found


def _encode_word_by_word(tokenizer: Any, sentences: Sequence[Sequence[str]], max_tokens: int) -> list[Features]:
    """The same with tokenizers that cannot tell which characters a token stands for."""
    found = []
    for words in sentences:
        encoded = tokenizer(
            [list(words) or [""]],
            is_split_into_words=True,
            truncation=True,
            max_length=max_tokens,
            return_special_tokens_mask=True,
        )
        features: Features = {name: values[0] for name, values in encoded.items()}
        own = [place for place, special in enumerate(features.pop("special_tokens_mask")) if not special]
        lengths = [len(tokenizer.tokenize(word)) for word in words]
        firsts = np.cumsum([0, *lengths])
        features[WORD_STARTS] = [
            own[first] if length and first < len(own) else -1 for first, length in zip(firsts, lengths, strict=False)
        ]
        found.append(features)
    return found


def _key(given: Input) -> str:
    text = given if isinstance(given, str) else "\x1f".join(given)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def device() -> str:
    """Where models run: the first accelerator, else the processor."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
