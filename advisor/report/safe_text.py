"""Makes what comes from data harmless and visible: nothing in it may steer a terminal, a browser or a reader's eye."""

import unicodedata

JOINERS = "\u200c\u200d"
"""Persian, Hindi and many emoji are written with them, and they cannot move other text."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that act unseen: controls, bidirectional marks, half characters, line separators."""


def visible(text: str) -> str:
    r"""The text with every character that would act instead of being seen written as its escape, such as `\x1b`."""
    return "".join(_escape(character) if _acts(character) else character for character in text)


def clip(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis when it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _acts(character: str) -> bool:
    return character not in JOINERS and unicodedata.category(character) in HIDDEN


def _escape(character: str) -> str:
    named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
    if character in named:
        return named[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
