"""Small tasks made from unlabelled texts, to ask what is still said in features: how long, which word, in which order.

Source: after the probing tasks of SentEval, https://arxiv.org/abs/1805.01070
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["length", "word", "order"]
FEWEST_OF_A_KIND = 15
"""Texts that each answer of a task needs."""
MOST_LENGTHS = 4
MOST_WORDS = 10
COMMON_SHARE = 0.15
"""A word in a larger part of the texts is too common to tell anything."""
FEWEST_WORDS = 4
"""Words that a text needs so that its order can be changed."""


@dataclass(frozen=True)
class Probing:
    """One small task.

    Attributes:
        name: Its key, or what labelled rows of another task are called.
        texts: What is read.
        answers: What is to be told from the features, one for each text.
    """

    name: str
    texts: tuple[str, ...]
    answers: tuple[str, ...]


def make_probing(texts: Sequence[str], seed: int) -> tuple[list[Probing], dict[Kind, str]]:
    """The tasks that these texts allow.

    Returns:
        The tasks, and for each other one why there is none.
    """
    made: dict[Kind, Probing | None] = {
        "length": ask_length(texts),
        "word": ask_word(texts),
        "order": ask_order(texts, seed),
    }
    why: dict[Kind, str] = {
        "length": "the texts are all about as long",
        "word": f"no two words stand each alone in {FEWEST_OF_A_KIND} texts",
        "order": f"fewer than {2 * FEWEST_OF_A_KIND} texts have {FEWEST_WORDS} words or more",
    }
    return [task for task in made.values() if task], {name: why[name] for name, task in made.items() if not task}


def ask_length(texts: Sequence[str]) -> Probing | None:
    """In which of up to four bins, of about as many texts each, the number of words lies."""
    counts = np.array([len(text.split()) for text in texts])
    edges = np.unique(np.quantile(counts, np.arange(1, MOST_LENGTHS) / MOST_LENGTHS)) if len(counts) else np.array([])
    answers = [str(np.searchsorted(edges, count, side="left")) for count in counts]
    return _checked("length", list(texts), answers)


def ask_word(texts: Sequence[str]) -> Probing | None:
    """Which one of up to ten words, neither rare nor common, a text holds; texts with none or several are left out."""
    held = [frozenset(text.lower().split()) for text in texts]
    counts = Counter(word for words in held for word in words)
    fitting = [word for word, count in counts.items() if FEWEST_OF_A_KIND <= count <= COMMON_SHARE * len(texts)]
    chosen = set(sorted(fitting, key=lambda word: (-counts[word], word))[:MOST_WORDS])
    alone = [
        (text, next(iter(words & chosen))) for text, words in zip(texts, held, strict=True) if len(words & chosen) == 1
    ]
    return _checked("word", [text for text, _ in alone], [word for _, word in alone])


def ask_order(texts: Sequence[str], seed: int) -> Probing | None:
    """Whether two words beside each other were swapped, as in every other text."""
    draw = random.Random(seed)
    read: list[str] = []
    answers: list[str] = []
    for text in texts:
        words = text.split()
        places = [place for place in range(len(words) - 1) if words[place] != words[place + 1]]
        if len(words) < FEWEST_WORDS or not places:
            continue
        swapped = len(read) % 2 == 1
        if swapped:
            place = draw.choice(places)
            words[place : place + 2] = [words[place + 1], words[place]]
        read.append(" ".join(words))
        answers.append("swapped" if swapped else "as written")
    return _checked("order", read, answers)


def ask_labels(name: str, texts: Sequence[str], labels: Sequence[str], most: int, seed: int) -> Probing | None:
    """What people answered in another task, on a sample of at most so many of its texts."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(texts))[:most])
    return _checked(name, [texts[place] for place in drawn], [labels[place] for place in drawn])


def _checked(name: str, texts: list[str], answers: list[str]) -> Probing | None:
    """The task without answers that too few texts have; None where fewer than two are left."""
    counts = Counter(answers)
    kept = [place for place, answer in enumerate(answers) if counts[answer] >= FEWEST_OF_A_KIND]
    if len({answers[place] for place in kept}) < 2:
        return None
    return Probing(name, tuple(texts[place] for place in kept), tuple(answers[place] for place in kept))
