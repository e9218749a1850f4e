"""Finds the encoding of text, and says where and how it is wrong."""

import codecs
import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, TextIO

from pipeline.data.compression import opened
from pipeline.data.places import LONGEST_SHOWN, Dialect, Place, why
from pipeline.errors import DataError

SCANNED_BYTES = 16 * 2**20
"""Bytes from the start of a file that are looked at for letters beyond ASCII."""
SAMPLE_BYTES = 2**18
"""Bytes of lines with such letters from which an encoding is guessed."""
CHUNK = 2**20
SURE = 0.6
"""Confidence from which a guessed encoding is taken without asking; set by us."""
LEAST_COHERENCE = 10
"""Percent of letters as often as in a language, under which no guess is sure; set by us."""
WIDE_SHARE = 0.4
"""Share of zeros among every other byte from which text is taken for UTF-16."""
SAY_ENCODING = 'Say how it is written: `encoding = "cp1252"` or "latin-1" under [data], or --encoding cp1252.'
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL = (
    *("cp1252", "iso8859_1", "iso8859_15", "cp1250", "iso8859_2", "cp1251", "koi8_r", "cp1253", "iso8859_7", "cp1254"),
    *("cp1255", "cp1256", "cp1257", "cp1258", "gb18030", "big5", "cp932", "euc_jp", "cp949"),
)
"""Encodings that data files are written in, the commonest first where they agree."""
PLAUSIBLE = 3
"""Encodings that are named when nobody can tell which it is."""


@dataclass(frozen=True)
class Encoding:
    """An encoding and how sure it is; sure when no confidence is stated."""

    name: str
    confidence: float | None = None


def checked(asked: str) -> Encoding:
    """The encoding that a user named.

    Raises:
        DataError: There is none of that name.
    """
    try:
        "".encode(asked)
    except (LookupError, ValueError) as error:
        raise DataError(
            f"There is no encoding '{asked[:LONGEST_SHOWN]}'.",
            "Use utf-8, latin-1, cp1252, utf-16 or another name that Python knows.",
        ) from error
    return Encoding("utf-8-sig" if codecs.lookup(asked).name == "utf-8" else asked)


def find_encoding(place: Place, file: IO[bytes]) -> Encoding:
    """The encoding of a file: by its mark, UTF-8 where it can be, else as its letters suggest.

    Raises:
        DataError: Several encodings are plausible and read the text differently.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample, read, lines, fault = bytearray(), 0, 0, ""
    while read < SCANNED_BYTES and len(sample) < SAMPLE_BYTES and (chunk := file.read(CHUNK)):
        if read == 0:
            marked = next((name for mark, name in _MARKS if chunk.startswith(mark)), None) or _wide(chunk)
            if marked:
                return Encoding(marked)
        if not chunk.isascii():
            sample += b"\n".join(line for line in chunk.split(b"\n") if not line.isascii())[:SAMPLE_BYTES] + b"\n"
        try:
            fault = fault or decoder.decode(chunk) * 0
        except UnicodeDecodeError as error:
            fault = _fault(lines, error)
        lines += chunk.count(b"\n")
        read += len(chunk)
    return _guess(place, bytes(sample), fault) if fault else Encoding("utf-8-sig")


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Western text is zero."""
    even, odd = head[0:4000:2], head[1:4000:2]
    if not odd:
        return None
    share_even, share_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if share_odd > WIDE_SHARE and share_even < 1 - 2 * WIDE_SHARE:
        return "utf-16-le"
    return "utf-16-be" if share_even > WIDE_SHARE and share_odd < 1 - 2 * WIDE_SHARE else None


def _fault(lines_before: int, error: UnicodeDecodeError) -> str:
    line = lines_before + error.object[: error.start].count(b"\n") + 1
    return f"line {line} holds the byte 0x{error.object[error.start]:02x}"


def _guess(place: Place, sample: bytes, fault: str) -> Encoding:
    """The encoding that the letters beyond ASCII speak for.

    Raises:
        DataError: None is plausible, or several are.
    """
    from charset_normalizer import from_bytes

    if b"\0" in sample:
        raise DataError(
            f"'{place.name}' is not text: {fault}, and it holds NUL characters.",
            "Save it as text, or as a file of a kind that can be read; `--format` says what it is when its name does not.",
        )
    usual = (each for each in from_bytes(sample) if _usual(each) in _USUAL)
    found = sorted(usual, key=lambda each: (-_merit(each), _USUAL.index(_usual(each))))
    if not found:
        raise DataError(f"'{place.name}' is not UTF-8: {fault}.", SAY_ENCODING)
    best, *others = found
    confidence = 1 - best.percent_chaos / 100 if best.percent_coherence >= LEAST_COHERENCE else 0.0
    if others:
        lead = (_merit(best) - _merit(others[0])) / max(_merit(best), 1.0)
        confidence = min(confidence, 0.5 + lead / 2)
    if confidence >= SURE:
        return Encoding(_usual(best), round(confidence, 2))
    texts = [str(each) for each in found[:PLAUSIBLE]]
    parting = _parting(texts)
    named = [
        f"{_usual(each)} ('{_excerpt(text, parting)}')" for each, text in zip(found[:PLAUSIBLE], texts, strict=True)
    ]
    if len(named) == 1:
        raise DataError(f"'{place.name}' is not UTF-8: {fault}; it may be {named[0]}.", SAY_ENCODING)
    raise DataError(
        f"'{place.name}' is not UTF-8: {fault}; it could be {', '.join(named[:-1])} or {named[-1]}.",
        "Say which reads well: "
        + " or ".join(f"--encoding {_usual(each)}" for each in found[:PLAUSIBLE])
        + f', or `encoding = "{_usual(best)}"` under [data].',
    )


def _merit(match: Any) -> float:
    """How much the letters look like those of a language."""
    return float(match.percent_coherence - match.percent_chaos)


def _usual(match: Any) -> str:
    """The commonest of the encodings that read the sample as this one does."""
    alike = {match.encoding, *match.could_be_from_charset}
    return next((name for name in _USUAL if name in alike), str(match.encoding))


def _parting(texts: list[str]) -> int:
    """Where the texts first differ; the first letter beyond ASCII where there is only one."""
    if len(texts) == 1:
        return next((place for place, letter in enumerate(texts[0]) if ord(letter) > 127), 0)
    return next((place for place, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1), 0)


def _excerpt(text: str, place: int) -> str:
    """What stands around a place, on one line."""
    return " ".join(text[max(0, place - 15) : place + 15].split())


@contextlib.contextmanager
def decoding(place: Place, dialect: Dialect) -> Iterator[None]:
    """Turns an error of decoding into one that names the place in the file and what mends it.

    Raises:
        DataError: Something in it could not be decoded.
    """
    try:
        yield
    except UnicodeError as error:
        name = dialect.encoding.removesuffix("-sig")
        raise DataError(f"'{place.name}' is not {name.upper()}: {_where(place, dialect)}.", SAY_ENCODING) from error


def _where(place: Place, dialect: Dialect) -> str:
    """The line and the byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    lines = 0
    with opened(place, dialect.compression) as file:
        while chunk := file.read(CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return _fault(lines, error)
            except UnicodeError as error:
                return why(error)
            lines += chunk.count(b"\n")
    return "it ends in the middle of a character"


@contextlib.contextmanager
def opened_text(place: Place, dialect: Dialect) -> Iterator[TextIO]:
    """The text of a file, with line ends as they are.

    Raises:
        DataError: It cannot be opened, unpacked or decoded.
    """
    with decoding(place, dialect), opened(place, dialect.compression) as file:
        yield io.TextIOWrapper(file, encoding=dialect.encoding, newline="")
