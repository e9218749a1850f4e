"""Plants copies, leaks, contradictions and spellings of labels into the shared sets, and says how many are found.

Run: BENCHMARK_DATA=FOLDER python tests/benchmarks/planted.py

Each kind is planted alone into 2,000 rows of the training file (and 500 of the test file for leaks) from which everything that
the same checks find beforehand was taken out, so that what is found is either planted or a false alarm.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.audit.copies import find_leaks
from advisor.audit.counts import conflicting_positions
from advisor.audit.material import Material
from advisor.records import Answers
from advisor.rulebook import load_rules
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.label_variants import find_variants
from pipeline.data.splitting import Side, row_ids
from pipeline.records import DataSource
from pipeline.task import Rows, load_task
from tests.benchmarks.sets import data_folder

RULES = load_rules()
SETS = ("ag_news", "trec6", "sst2_sentences", "emotion", "banking77", "sms_spam")
ROWS, TEST_ROWS, SHARE = 2_000, 500, 0.05
Edit = Callable[[str, random.Random, Sequence[str]], str]


def same(text: str, draw: random.Random, words: Sequence[str]) -> str:
    return text


def case_and_space(text: str, draw: random.Random, words: Sequence[str]) -> str:
    return f" {text.upper()}  ".replace(" ", "  ", 1)


def punctuation(text: str, draw: random.Random, words: Sequence[str]) -> str:
    stripped = text.rstrip(" .!?")
    return stripped + draw.choice([" !", "...", " ?!", ""]) if stripped != text else text + " ."


def one_word_changed(text: str, draw: random.Random, words: Sequence[str]) -> str:
    parts = text.split()
    parts[draw.randrange(len(parts))] = draw.choice(words)
    return " ".join(parts)


def one_word_inserted(text: str, draw: random.Random, words: Sequence[str]) -> str:
    parts = text.split()
    parts.insert(draw.randrange(len(parts) + 1), draw.choice(words))
    return " ".join(parts)


def one_word_dropped(text: str, draw: random.Random, words: Sequence[str]) -> str:
    parts = text.split()
    parts.pop(draw.randrange(len(parts)))
    return " ".join(parts)


def one_letter_mistyped(text: str, draw: random.Random, words: Sequence[str]) -> str:
    place = draw.randrange(len(text))
    return text[:place] + draw.choice("abcdefghijklmnopqrstuvwxyz") + text[place + 1 :]


def tenth_of_words_changed(text: str, draw: random.Random, words: Sequence[str]) -> str:
    parts = text.split()
    for place in draw.sample(range(len(parts)), max(1, len(parts) // 10)):
        parts[place] = draw.choice(words)
    return " ".join(parts)


EXACT: dict[str, Edit] = {"same text": same, "case and space": case_and_space}
NEAR: dict[str, Edit] = {
    "punctuation": punctuation,
    "one letter mistyped": one_letter_mistyped,
    "one word changed": one_word_changed,
    "one word inserted": one_word_inserted,
    "one word dropped": one_word_dropped,
    "a tenth of words changed": tenth_of_words_changed,
}


@dataclass(frozen=True)
class Scored:
    """How many of what was planted were found, and how much else was."""

    planted: int
    found: int
    false: int

    def __str__(self) -> str:
        recall = self.found / max(self.planted, 1)
        precision = self.found / max(self.found + self.false, 1)
        return f"{precision:.3f} | {recall:.3f}"


def clean(texts: Sequence[str], most: int) -> list[str]:
    """Texts none of which is a copy or nearly one of another."""
    groups = group(texts)
    alone = [text for text, key in zip(texts, groups.keys, strict=True) if groups.keys.count(key) == 1 and text.split()]
    return alone[:most]


def pairs_found(texts: Sequence[str], copies: Sequence[tuple[int, str]], *, exact: bool) -> Scored:
    """Planted copies of the rows at these places; a false alarm is a group that holds no planted pair."""
    whole = [*texts, *(text for _, text in copies)]
    groups = group(whole)
    keys = groups.text_hashes if exact else groups.keys
    found = sum(keys[place] == keys[len(texts) + row] for row, (place, _) in enumerate(copies))
    origin = {key: place for place, key in reversed(list(enumerate(keys[: len(texts)])))}
    among = sum(origin[keys[place]] != place for place in range(len(texts)))
    wrong = sum(
        keys[len(texts) + row] in origin and origin[keys[len(texts) + row]] != place
        for row, (place, _) in enumerate(copies)
    )
    return Scored(len(copies), found, among + wrong)


def read(path: Path) -> list[tuple[str, str]]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line)
    return [(row["text"], row["label"]) for row in rows]


def copies_of(texts: Sequence[str], edit: Edit, draw: random.Random) -> list[tuple[int, str]]:
    words = sorted({word for text in texts for word in text.split()})
    long = [place for place, text in enumerate(texts) if len(text.split()) > 1]
    chosen = draw.sample(long, round(SHARE * len(texts)))
    return [(place, edit(texts[place], draw, words)) for place in chosen]


def look(folder: Path, name: str) -> None:
    draw = random.Random(13)
    labels = dict(reversed(read(folder / name / "train.jsonl")))
    whole = list(labels)
    draw.shuffle(whole)
    texts = clean(whole[: 2 * ROWS], ROWS)
    words = [len(text.split()) for text in texts]
    print(f"\n{name}: {len(texts)} rows, {sorted(words)[len(words) // 2]} words in the middle; precision | recall")
    for title, edit in EXACT.items():
        print(f"  exact copy, {title} | {pairs_found(texts, copies_of(texts, edit, draw), exact=True)}")
    for title, edit in NEAR.items():
        print(f"  near copy, {title} | {pairs_found(texts, copies_of(texts, edit, draw), exact=False)}")
    known = set(texts)
    others = clean([text for text, _ in read(folder / name / "test.jsonl") if text not in known], TEST_ROWS)
    for title, edit in (("same text", same), ("case and space", case_and_space), *NEAR.items()):
        print(f"  leak, {title} | {leaks_found(texts, others, copies_of(texts, edit, draw), exact=title in EXACT)}")
    print(f"  one text, two answers | {conflicts_found(texts, labels, draw)}")
    print(f"  label in another spelling | {spellings_found(texts, labels, draw)}")


def material_of(lines: Sequence[tuple[str, str]], training: int) -> Material:
    texts, labels = zip(*lines, strict=True)
    rows = Rows(row_ids(texts, labels), texts, labels)
    given: list[Side | None] = [None if place < training else "test" for place in range(len(rows))]
    sides: list[Side] = ["train" if side is None else side for side in given]
    data = Dataset(rows, group(texts), sides, len(rows) > training, 0, given)
    task = load_task("text-classification")
    return Material(data, task, Answers(data=DataSource(train="x.csv")), RULES, [], lambda: None)


def leaks_found(
    texts: Sequence[str], others: Sequence[str], copies: Sequence[tuple[int, str]], *, exact: bool
) -> Scored:
    """Copies of training rows among test rows; what the check counts in the clean test rows is a false alarm."""
    codes = ("test_leaks",) if exact else ("test_leaks", "test_near_leaks")

    def count(tested: Sequence[str]) -> int:
        lines = [(text, "a") for text in (*texts, *tested)]
        return sum(each.count for each in find_leaks(material_of(lines, len(texts))) if each.code in codes)

    false = count(others)
    return Scored(len(copies), count([*others, *(text for _, text in copies)]) - false, false)


def conflicts_found(texts: Sequence[str], labels: Mapping[str, str], draw: random.Random) -> Scored:
    """Rows whose text, in other case, stands with another label; both rows of a pair are planted."""
    every = sorted(set(labels.values()))
    planted = [
        (text, draw.choice([label for label in every if label != labels[texts[place]]]))
        for place, text in copies_of(texts, case_and_space, draw)
    ]
    lines = [*((text, labels[text]) for text in texts), *planted]
    found = set(conflicting_positions(material_of(lines, len(lines)).data))
    new = sum(position >= len(texts) for position in found)
    return Scored(2 * len(planted), 2 * new, max(len(found) - 2 * new, 0))


def spellings_found(texts: Sequence[str], labels: Mapping[str, str], draw: random.Random) -> Scored:
    """Labels that are written otherwise in a twentieth of the rows: upper case, a space, a full stop, quotes."""
    ways: list[Callable[[str], str]] = [
        str.upper,
        lambda label: f"{label} ",
        lambda label: f"{label}.",
        lambda label: f"'{label}'",
    ]
    counts = Counter(labels[text] for text in texts)
    false = sum(len(group) - 1 for group in find_variants(counts))
    planted = {draw.choice(ways)(labels[text]) for text in draw.sample(list(texts), round(SHARE * len(texts)))} - set(
        counts
    )
    groups = find_variants(counts + Counter(planted))
    return Scored(len(planted), sum(len(group) - 1 for group in groups) - false, false)


def main(folder: Path) -> None:
    if not folder.is_dir():
        print(f"{folder} is not there; nothing to do.")
        return
    for name in SETS:
        look(folder, name)


if __name__ == "__main__":
    main(data_folder())
