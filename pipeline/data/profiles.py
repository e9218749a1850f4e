"""What can be told of one column from its name and its values alone. Free of pandas and numpy."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.data.values import as_label, as_list, as_number, is_missing

MOSTLY = 0.9
"""Share of the filled cells that is enough to say that a column holds something."""
DELIMITERS = (";", "|", ",")
"""What separates labels in a cell, the surest sign first."""
LONGEST_LOOKED_AT = 5000
"""Characters of a cell that are looked at."""
IDS = re.compile(r"(^|_)(id|ids|uuid|guid|idx|index|number|no|hash|key)$")
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}\S*)?( ?[AP]M)?", re.IGNORECASE)
IMAGE_PATH = re.compile(r"\S.*\.(jpe?g|png|gif|bmp|webp|tiff?)(\?\S*)?", re.IGNORECASE)
IMAGE_BYTES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")
FLAGS = {"0", "1", "true", "false", "yes", "no"}
WITHOUT_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Letters of scripts that put no space between words."""


@dataclass(frozen=True)
class Profile:
    """One column of some rows.

    Attributes:
        name: As the file has it.
        cells: The cell of every row; None where the row lacks it.
    """

    name: str
    cells: tuple[Any, ...]

    @cached_property
    def plain_name(self) -> str:
        """The name in lower case, its words joined by underscores: `fineLabel` and `Fine label` are `fine_label`."""
        apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name.strip())
        return re.sub(r"[^\w]+|_+", "_", apart).strip("_").casefold()

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the name, digits taken off."""
        return frozenset(word.strip("0123456789") for word in self.plain_name.split("_")) - {""}

    @cached_property
    def filled(self) -> tuple[Any, ...]:
        """The cells that hold anything."""
        return tuple(cell for cell in self.cells if not is_missing(cell))

    @property
    def filled_fraction(self) -> float:
        """Share of the rows that hold anything."""
        return len(self.filled) / max(len(self.cells), 1)

    @cached_property
    def lists(self) -> tuple[list[Any], ...]:
        """The lists of the column, as they are or written as JSON, when that is mostly what it holds; else none."""
        found = [as_list(cell) for cell in self.filled]
        lists = tuple(each for each in found if each is not None)
        return lists if lists and len(lists) >= MOSTLY * len(found) else ()

    @cached_property
    def mappings(self) -> tuple[Mapping[str, Any], ...]:
        """The objects of the column, when that is mostly what it holds; else none."""
        found = tuple(cell for cell in self.filled if isinstance(cell, Mapping))
        return found if found and len(found) >= MOSTLY * len(self.filled) else ()

    @cached_property
    def entries(self) -> tuple[Any, ...]:
        """What stands in the lists of the column, all rows together."""
        return tuple(entry for each in self.lists for entry in each)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The filled cells as text, when they are texts, numbers or truth values; else none."""
        if self.lists or self.mappings or any(isinstance(cell, bytes | list | tuple | Mapping) for cell in self.filled):
            return ()
        return tuple(str(as_label(cell))[:LONGEST_LOOKED_AT] for cell in self.filled)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each different text occurs."""
        return Counter(self.texts)

    @cached_property
    def again_fraction(self) -> float:
        """Share of the filled rows whose value stands in another row too."""
        return sum(count for count in self.counts.values() if count > 1) / max(len(self.texts), 1)

    @property
    def different_fraction(self) -> float:
        """Different values over filled rows."""
        return len(self.counts) / max(len(self.texts), 1)

    @cached_property
    def mean_length(self) -> float:
        """Characters of a cell on average."""
        return sum(map(len, self.texts)) / max(len(self.texts), 1)

    @cached_property
    def mean_words(self) -> float:
        """Words of a cell on average; where a script puts no spaces between words, a letter and a half count as one."""
        total = sum(len(text.split()) + len(WITHOUT_SPACES.findall(text)) / 1.5 for text in self.texts)
        return total / max(len(self.texts), 1)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The numbers of the column, with a decimal point or comma, when that is mostly what it holds; else none."""
        found = [as_number(text.strip().replace(",", ".", 1)) for text in self.texts]
        numbers = tuple(number for number in found if number is not None)
        return numbers if numbers and len(numbers) >= MOSTLY * len(found) else ()

    @cached_property
    def is_whole(self) -> bool:
        """Whether its numbers have no decimals."""
        return bool(self.numbers) and all(number.is_integer() for number in self.numbers)

    @cached_property
    def is_flags(self) -> bool:
        """Whether it says yes or no, or one or nought, of every row."""
        return len(self.counts) == 2 and {text.strip().casefold() for text in self.counts} <= FLAGS

    @cached_property
    def names_rows(self) -> bool:
        """Whether it numbers or names the rows instead of saying something about them."""
        if IDS.search(self.plain_name) is not None and self.mean_words <= 2:
            return True
        steps = {round(after - before, 9) for before, after in zip(self.numbers, self.numbers[1:], strict=False)}
        if len(self.numbers) > 2 and len(steps) == 1 and steps != {0}:
            return True
        one_word = all(" " not in text for text in self.counts)
        long_words = self.mean_length >= 6 and self.mean_words <= 1 and not self.numbers
        return len(self.texts) > 2 and len(self.counts) == len(self.texts) and one_word and long_words

    @cached_property
    def is_dates(self) -> bool:
        """Whether it holds days or times."""
        fitting = sum(DATE.fullmatch(text.strip()) is not None for text in self.texts)
        return fitting >= MOSTLY * max(len(self.texts), 1)

    @cached_property
    def is_images(self) -> bool:
        """Whether it holds pictures: their bytes, or paths or addresses of such files."""
        held = [cell.get("bytes") or cell.get("path") if isinstance(cell, Mapping) else cell for cell in self.filled]
        pictures = sum(
            each.startswith(IMAGE_BYTES)
            if isinstance(each, bytes)
            else isinstance(each, str) and IMAGE_PATH.fullmatch(each.strip()) is not None
            for each in held
        )
        return bool(held) and pictures >= MOSTLY * len(held)

    @cached_property
    def is_free_text(self) -> bool:
        """Whether it holds texts, which are long and differ."""
        if self.numbers or self.is_dates or self.is_images or not self.texts:
            return False
        several = self.mean_words >= 2.5 or (self.mean_words > 1.2 and self.mean_length >= 15)
        return several and self.mean_length >= 8 and self.different_fraction > 0.3

    @cached_property
    def is_classes(self) -> bool:
        """Whether it holds short values that come again, as the names of classes do."""
        if len(self.counts) < 2 or self.names_rows or self.is_dates or self.is_images:
            return False
        decimals = bool(self.numbers) and not self.is_whole
        short = self.mean_length < 40 and self.mean_words < 8
        few = len(self.counts) <= max(2, len(self.texts) / 2) or self.again_fraction >= 0.3
        return short and few and not decimals

    @cached_property
    def classes(self) -> frozenset[str]:
        """Its different values as labels are compared: in lower case."""
        return frozenset(text.strip().casefold() for text in self.counts)

    @cached_property
    def parts(self) -> tuple[str, tuple[tuple[str, ...], ...]]:
        """What separates several labels in a cell, and the labels of each row; nothing where cells hold one each."""
        for delimiter in DELIMITERS:
            cells = tuple(tuple(part.strip() for part in text.split(delimiter) if part.strip()) for text in self.texts)
            every = [part for cell in cells for part in cell]
            several = sum(len(cell) > 1 for cell in cells)
            vocabulary = set(every)
            short = sum(map(len, vocabulary)) < 25 * len(vocabulary) and all(
                len(set(cell)) == len(cell) for cell in cells
            )
            smaller = len(vocabulary) < len(self.counts) or len(vocabulary) <= 0.2 * len(every)
            if several >= 0.1 * max(len(cells), 1) and short and smaller and len(vocabulary) <= 0.5 * len(every):
                return delimiter, cells
        return "", ()


def profiles(rows: Sequence[Mapping[str, Any]]) -> dict[str, Profile]:
    """A profile of each column, in the order of the file."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: Profile(name, tuple(row.get(name) for row in rows)) for name in names}
