"""Sentences of the rules, whose slots take what was measured."""

import re

_SLOT = re.compile(r"\{(\w+)\}")


def fill(sentence: str, **values: str) -> str:
    """A sentence with each `{slot}` that has a value filled; braces within values are text."""
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), sentence)
