"""The mends there are, in the order in which they are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.errors import AnswersError

MendName = Literal[
    "encoding", "labels", "personal-data", "empty", "conflicts", "copies", "near-copies", "leaks", "split"
]
ALL_SAFE = "all-safe"


@dataclass(frozen=True)
class Mend:
    """Something that can be done about data.

    Attributes:
        name: What `--mend` calls it.
        does: For people, as what it does to the file.
        is_safe: Whether nothing is lost that a model could learn from.
    """

    name: MendName
    does: str
    is_safe: bool = False


MENDS: tuple[Mend, ...] = (
    Mend("encoding", "mend text that was decoded with the wrong encoding (cafÃ© to café)", is_safe=True),
    Mend("labels", "write labels that differ by case or space in one way, the commonest", is_safe=True),
    Mend("personal-data", "put [E-MAIL], [PHONE] and the like where personal data stands"),
    Mend("empty", "drop rows that lack a text", is_safe=True),
    Mend("conflicts", "of a text with different answers keep the commonest answer, none where they tie"),
    Mend("copies", "drop copies of an earlier row with the same answer", is_safe=True),
    Mend("near-copies", "drop rows nearly like an earlier one with the same answer"),
    Mend("leaks", "drop rows that also stand, exactly or nearly, in the --test or --validation file"),
    Mend("split", "write files for training, validation and test beside it, split as `advisor assess` would"),
)
"""Cells first, since what is mended there makes rows alike; then whole rows, and conflicts while copies still count."""
CELL_MENDS: tuple[MendName, ...] = ("encoding", "labels", "personal-data")
ROW_MENDS: tuple[MendName, ...] = ("empty", "conflicts", "copies", "near-copies", "leaks")


def chosen_mends(names: Sequence[str], *, has_other_files: bool) -> list[MendName]:
    """The mends of these names, in the order in which they are made.

    Raises:
        AnswersError: There is no such mend, or `leaks` has nothing to compare with.
    """
    known = [mend.name for mend in MENDS]
    unknown = [name for name in names if name not in (*known, ALL_SAFE)]
    if unknown:
        raise AnswersError(f"There is no mend '{unknown[0]}'.", f"There are: {', '.join([*known, ALL_SAFE])}.")
    safe = {mend.name for mend in MENDS if mend.is_safe} if ALL_SAFE in names else set()
    if "leaks" in names and not has_other_files:
        raise AnswersError(
            "The mend 'leaks' compares with rows that are kept for testing, and none are given.",
            "Name their file: --test FILE, --validation FILE, or both.",
        )
    return [name for name in known if name in names or name in safe]
