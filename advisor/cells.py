"""Text of a data set in columns of the terminal, with nothing in it that could drive the terminal."""

import re
from collections.abc import Mapping

from prompt_toolkit.utils import get_cwidth

from pipeline.data.preview import Preview
from pipeline.data.values import as_text

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")


def table(found: Preview, headings: Mapping[str, str], room: int) -> str:
    """Three rows in aligned columns, those with headings first.

    Args:
        found: The rows.
        headings: What stands above a column instead of its name alone.
        room: Columns of the terminal.
    """
    names = [*dict.fromkeys([*headings, *found.columns])][: max(room // 12, 1)]
    above = [headings.get(name, name) for name in names]
    lines = [above, *([as_text(row.get(name)) for name in names] for row in found.rows[:3])]
    cells = [[plain(cell[:300]) for cell in line] for line in lines]
    widths = [max(get_cwidth(line[place]) for line in cells) for place in range(len(names))]
    while sum(widths) + 2 * len(widths) > room:
        widths[widths.index(max(widths))] -= 1
    shown = ["  " + "  ".join(map(fit, line, widths)).rstrip() for line in cells]
    more = len(found.columns) - len(names)
    return "\n".join([*shown, *([f"  … and {more} more columns"] if more > 0 else [])])


def plain(text: str) -> str:
    """The text on one line, without escape codes and characters that are not shown."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in _ESCAPES.sub("", text)).split())


def fit(text: str, width: int) -> str:
    """The text in just so many columns of the terminal: cut with an ellipsis, or filled up."""
    if get_cwidth(text) > width:
        text = text[:width]
        while get_cwidth(text) >= width:
            text = text[:-1]
        text += "…"
    return text + " " * (width - get_cwidth(text))
