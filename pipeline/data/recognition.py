"""Recognises what a person named: which places it stands for, and how each is written. Free of torch and pandas."""

import difflib
import glob
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from pipeline.data.compression import compression_of, name_inside, opened
from pipeline.data.decoding import Encoding, checked, find_encoding
from pipeline.data.formats import arrow, database, image_folder, text_folder
from pipeline.data.places import LONGEST_SHOWN, NO_ROWS_FIX, Choice, Dialect, Place, Read, Row, why
from pipeline.errors import DataError
from pipeline.records import DataSource, Format

SUFFIXES: dict[str, Format] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".db": "database",
    ".sqlite": "database",
    ".sqlite3": "database",
}
MODULES: dict[Format, str] = {
    **{name: name for name in ("delimited", "json_lines", "parquet", "arrow", "excel", "database", "hub")},
    "json": "json_document",
    "text_folder": "text_folder",
    "image_folder": "image_folder",
}
"""The module of each format, imported when it is needed."""
HEAD_BYTES = 2**16
_TEXT: tuple[Format, ...] = ("delimited", "json_lines", "json")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def find_places(given: str | Sequence[str], folder: Path, split: str = "train") -> list[Place]:
    """The places that a source names, in the order of the names; those that a pattern finds are sorted.

    Raises:
        DataError: One is not there, cannot be what it seems, or stands there twice.
    """
    names = [given] if isinstance(given, str) else list(given)
    if not names:
        raise DataError("No data file is named.", "Name one or several.")
    found = [place for name in names for place in _places(name, folder, split)]
    locations = [place.location for place in found]
    twice = next((place.name for place in found if locations.count(place.location) > 1), None)
    if twice:
        raise DataError(f"'{twice}' is named twice.", "Name every file once; a pattern may find it too.")
    return _told_apart(found, folder)


def _told_apart(places: list[Place], folder: Path) -> list[Place]:
    """The places with names that differ: with folders where files in several are called the same."""
    names = [place.name for place in places]
    if len(set(names)) == len(names):
        return places
    return [
        Place(place.kind, place.location, _relative(place, folder), place.split)
        if place.kind in ("file", "folder")
        else place
        for place in places
    ]


def _relative(place: Place, folder: Path) -> str:
    try:
        return place.path.relative_to(folder.resolve()).as_posix()
    except ValueError:
        return place.location


def _places(name: str, folder: Path, split: str) -> list[Place]:
    if database.is_address(name):
        return [Place("database", _anchored(name, folder), database.address_name(name))]
    shown = name if len(name) <= LONGEST_SHOWN else name[:LONGEST_SHOWN] + "…"
    try:
        path = (folder / Path(name).expanduser()).resolve()
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, no such home, a ring of links
        raise DataError(f"'{shown}' cannot be looked up: {why(error)}.", "Check the path.") from error
    if is_file:
        return [Place("file", str(path), path.name)]
    if is_folder:
        return [Place("folder", str(path), path.name, split)]
    if glob.has_magic(name):
        return _matches(name, folder)
    if _may_be_on_the_hub(name, path):
        return [Place("hub", name, name, split)]
    near = difflib.get_close_matches(path.name, [entry.name for entry in _siblings(path)], n=1, cutoff=0.75)
    fix = f"Did you mean '{near[0]}'?" if near else f"Check the path; it was looked for in {path.parent}."
    raise DataError(f"There is no file '{name}'.", fix)


def _may_be_on_the_hub(name: str, path: Path) -> bool:
    """Whether a name may be an id: `maker/name`, or an old one of a single word, which has no ending as files have."""
    parts = name.split("/")
    if path.suffix.lower() in SUFFIXES or name.startswith((".", "/", "~")) or not all(parts):
        return False
    return len(parts) == 2 or (len(parts) == 1 and not path.suffix)


def _anchored(address: str, folder: Path) -> str:
    """The address without its password, and with an absolute path where it names a SQLite file."""
    address = database.without_password(address)
    scheme, _, rest = address.partition(":///")
    if scheme.startswith("sqlite") and rest and not rest.startswith((":", "/", "?")):
        return f"{scheme}:///{(folder / rest).resolve()}"
    return address


def _matches(pattern: str, folder: Path) -> list[Place]:
    try:
        found = sorted(glob.glob(str(Path(pattern).expanduser()), root_dir=folder, recursive=True))
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"'{pattern[:LONGEST_SHOWN]}' cannot be looked up: {why(error)}.", "Check it.") from error
    files = [path for name in found if (path := (folder / name).resolve()).is_file()]
    if not files:
        raise DataError(f"No file is called like '{pattern}'.", f"Check the pattern; it was looked for in {folder}.")
    return [Place("file", str(path), path.name) for path in files]


def _siblings(path: Path) -> list[Path]:
    return list(path.parent.iterdir()) if path.parent.is_dir() else []


def absolute(given: str | list[str], folder: Path) -> str | list[str]:
    """The same places, so that they mean the same from any folder: paths made absolute, patterns by the files that they find.

    Raises:
        DataError: One is not there, or cannot be what it seems.
    """
    found = [place.location for place in find_places(given, folder)]
    return found[0] if len(found) == 1 else found


def find_dialect(place: Place, source: DataSource) -> Dialect:
    """How a place is written: as the user said, else as its name and its content show.

    Raises:
        DataError: It is empty, of an unknown kind, wrongly encoded, or not as the user said.
    """
    if place.kind == "hub":
        return Dialect(format="hub", config=source.config, revision=source.revision)
    if place.kind == "folder":
        return _folder_dialect(place, source)
    if place.kind == "database":
        return Dialect(format="database", query=database.find_query(place, source.query))
    return _file_dialect(place, source)


def _folder_dialect(place: Place, source: DataSource) -> Dialect:
    if arrow.is_saved(place.path):
        return Dialect(format="arrow")
    texts = next(text_folder.labelled_files(place, text_folder.SUFFIXES), None)
    images = next(text_folder.labelled_files(place, image_folder.SUFFIXES), None)
    if texts and images and source.format not in ("text_folder", "image_folder"):
        raise DataError(
            f"'{place.name}' holds texts ('{texts.name}') and images ('{images.name}').",
            "Say which are meant: --format text_folder or --format image_folder.",
        )
    if texts and source.format != "image_folder":
        encoding = checked(source.encoding) if source.encoding else Encoding("utf-8-sig")
        return Dialect(format="text_folder", encoding=encoding.name)
    if images:
        return Dialect(format="image_folder")
    files = sorted(entry.name for entry in place.path.iterdir() if entry.suffix.lower() in SUFFIXES)
    fix = "It holds neither data files, nor a folder of texts or images for each label, nor a run."
    if files:
        fix = f"Name the files in it, such as '{place.name}/{files[0]}' or '{place.name}/*{Path(files[0]).suffix}'."
    raise DataError(f"'{place.name}' is a folder.", fix)


def _file_dialect(place: Place, source: DataSource) -> Dialect:
    head = _head(place)
    compression = compression_of(place, head)
    if compression:
        with opened(place, compression) as file:
            head = file.read(HEAD_BYTES)
    if not head:
        raise DataError(f"'{place.name}' is empty.", NO_ROWS_FIX)
    by_name = SUFFIXES.get(Path(name_inside(place, compression)).suffix.lower())
    kind = source.format or _recognised(place, head, by_name)
    surprise = None
    if source.format is None and by_name not in (None, kind):
        surprise = "Its name says otherwise; it was recognised by its content."
    dialect = Dialect(format=kind, compression=compression, surprise=surprise, quote=source.quote or '"')
    if kind in _TEXT:
        return _text_dialect(place, dialect, source)
    if kind == "excel":
        from pipeline.data.formats import excel

        sheet = excel.find_sheet(place, dialect, source.sheet)
        return dialect.model_copy(update={"sheet": sheet, "header": source.header is not False})
    if kind == "database":
        if compression:
            raise DataError(f"'{place.name}' is a compressed database.", "Unpack it, and give the file in it.")
        return dialect.model_copy(update={"query": database.find_query(place, source.query)})
    return dialect


def _head(place: Place) -> bytes:
    try:
        with place.path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(f"'{place.name}' cannot be read: {why(error)}.", "Make it readable.") from error


def _recognised(place: Place, head: bytes, by_name: Format | None) -> Format:
    """The format of a file by its first bytes, and by its name where they tell nothing.

    Raises:
        DataError: It is of a kind that cannot be read.
    """
    by_content = _by_magic(head)
    if by_content:
        return by_content
    if by_name is not None and by_name not in _TEXT:
        return by_name
    if head.startswith(_OLD_EXCEL):
        raise DataError(f"'{place.name}' is an Excel file of the old kind.", "Save it as .xlsx, or as CSV.")
    if by_name is None and _is_binary(head):
        known = ", ".join(sorted(SUFFIXES))
        raise DataError(f"'{place.name}' is not of a kind that can be read.", f"Save it as one of: {known}.")
    return _by_text(head, by_name) or ("delimited" if by_name in (None, "delimited") else by_name)


def _by_magic(head: bytes) -> Format | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((arrow.MAGIC, arrow.STREAM)):
        return "arrow"
    if head.startswith(database.MAGIC):
        return "database"
    return "excel" if head.startswith(b"PK\x03\x04") else None


def _is_binary(head: bytes) -> bool:
    """Whether bytes are no text: they hold zeros, and not every other one as UTF-16 does."""
    zeros = head.count(0)
    return zeros > 0 and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) and zeros < 0.3 * len(head)


def _by_text(head: bytes, by_name: Format | None) -> Format | None:
    """JSON by its first characters, in whatever encoding; None for all other text."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe").replace(b"\0", b"").strip()
    if text.startswith(b"["):
        return "json" if text[1:].lstrip()[:1] in (b"", b"{", b"]") else None
    if not text.startswith(b"{"):
        return None
    first, _, rest = text.partition(b"\n")
    if _is_object(first):
        return "json_lines" if rest or by_name == "json_lines" else "json"
    if by_name == "json_lines" and len(first.strip()) > 1:
        return "json_lines"
    return "json" if text[1:].lstrip().startswith((b'"', b"}")) else None


def _is_object(line: bytes) -> bool:
    import json

    try:
        return isinstance(json.loads(line.decode("utf-8", "replace")), dict)
    except (ValueError, RecursionError):
        return False


def _text_dialect(place: Place, dialect: Dialect, source: DataSource) -> Dialect:
    if source.encoding:
        encoding = checked(source.encoding)
    else:
        with opened(place, dialect.compression) as file:
            encoding = find_encoding(place, file)
    dialect = dialect.model_copy(update={"encoding": encoding.name, "encoding_confidence": encoding.confidence})
    if dialect.format == "delimited":
        from pipeline.data.formats import delimited

        return delimited.find_columns(place, dialect, source.delimiter, source.header)
    if dialect.format == "json":
        from pipeline.data.formats import json_document

        key = json_document.find_key(place, dialect)
        surprise = f"Its rows are the list under the key '{key}'." if key else dialect.surprise
        return dialect.model_copy(update={"key": key, "surprise": surprise})
    return dialect


def records(place: Place, dialect: Dialect, choice: Choice) -> Iterator[Row]:
    """The rows of a place with their numbers, one by one.

    Raises:
        DataError: A row cannot be read; names place and row.
    """
    module = importlib.import_module(f"pipeline.data.formats.{MODULES[dialect.format]}")
    yield from cast(Read, module.records)(place, dialect, choice)
