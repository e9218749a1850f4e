"""What a check of data found, before anybody puts it into words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Found:
    """What a check of the data found, before `rules/audit/` puts it into words.

    Attributes:
        code: Its entry in `rules/audit/`.
        count: Rows, classes or whatever the entry counts.
        of: How many were looked at.
        examples: Three at most, as the data has them; personal data already masked.
        values: What the entry's sentences name beside `{count}`, `{of}` and `{share}`.
    """

    code: str
    count: int
    of: int
    examples: Sequence[str] = ()
    values: Mapping[str, str] = field(default_factory=dict)
