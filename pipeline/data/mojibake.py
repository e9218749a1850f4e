"""Text that was decoded with the wrong encoding, such as `cafÃ©` for `café`: found and mended."""

import ftfy

LOST = "\ufffd"
"""What a decoder writes where it could not read a byte: the character is gone, and no one can tell which it was."""
ROUNDS = 5
"""Times that a text may have been decoded wrongly, one after the other; nobody has seen more than four."""
_CONFIG = ftfy.TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    replace_lossy_sequences=False,  # it would write LOST where a character cannot be told
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    remove_control_chars=False,
    normalization=None,
)


def repair(text: str) -> str:
    """The text as it was meant, or the very text where nothing is wrong or nobody can tell what was meant.

    A repair that would lose characters is not made.

    Source: Speer (2019), ftfy, https://ftfy.readthedocs.io/en/latest/heuristic.html
    """
    if text.isascii():
        return text
    found = text
    for _ in range(ROUNDS):
        better = ftfy.fix_encoding(found, _CONFIG)
        if better == found:
            break
        found = better
    return found if found.count(LOST) <= text.count(LOST) and _can_be_written(found) else text


def is_garbled(text: str) -> bool:
    """Whether a text was decoded wrongly and can be mended."""
    return repair(text) != text


def has_lost_characters(text: str) -> bool:
    """Whether a text holds characters that could not be read when it was made; nothing brings them back."""
    return LOST in text


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
