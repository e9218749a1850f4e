"""What a preparation did, as it is kept and shown."""

from typing import Literal

from pydantic import Field

from pipeline.records import Document, Record


class RecordLine(Record):
    """One line of the record: a row that was dropped, or a cell that was changed."""

    file: str
    row: int
    """Counted from 1, the header apart."""
    mend: str
    action: Literal["dropped", "changed"]
    because: str
    column: str | None = None
    before: str | None = None
    """Personal data in it is masked, whatever the mend."""
    after: str | None = None


class MendCount(Record):
    """What one mend did."""

    mend: str
    rows_changed: int = 0
    rows_dropped: int = 0


class Prepared(Document):
    """The new file, and what is different in it."""

    out: str
    record: str
    """One JSON object a line for every row that was dropped and every cell that was changed."""
    rows_read: int
    rows_written: int
    mends: list[MendCount]
    """In the order in which they were made."""
    spelling: dict[str, str] = Field(default_factory=dict)
    """Labels that were written otherwise, and how."""
    parts: dict[str, int] = Field(default_factory=dict)
    """Files that `split` wrote, and their rows."""
    splits: str | None = None
    """What `[data] splits` takes, so that `advisor assess` on the new file splits it in the same way."""
    notes: list[str] = Field(default_factory=list)
    """What is left open."""
