"""Opens files as the bytes that they hold, compressed or not, and refuses what would grow without end."""

import bz2
import contextlib
import gzip
import io
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, cast

from pipeline.data.places import Dialect, Place, why
from pipeline.errors import DataError

Compression = Literal["gzip", "bzip2", "xz", "zstandard", "zip"]
MAGIC: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"PK\x03\x04": "zip",
}
SUFFIXES: dict[str, Compression] = {
    ".gz": "gzip",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".zst": "zstandard",
    ".zip": "zip",
}
LARGEST_RATIO = 200
"""Times its size that a file may grow to; text of people grows to 3 to 30 times."""
HARMLESS_BYTES = 100 * 2**20
"""What a file may grow to whatever the ratio."""
LARGEST_COPY = 20 * 2**30
"""Bytes that are unpacked to disk at most, for formats that must be read from both ends."""
_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError)


def compression_of(place: Place, head: bytes) -> Compression | None:
    """How a file is compressed, by its first bytes; an Excel file, a zip too, is not."""
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if found == "zip" and _is_workbook(place):
        return None
    return found


def _is_workbook(place: Place) -> bool:
    try:
        with zipfile.ZipFile(place.path) as archive:
            return "xl/workbook.xml" in archive.namelist() or "[Content_Types].xml" in archive.namelist()
    except (OSError, ValueError, *_BROKEN):
        return place.path.suffix.lower() in (".xlsx", ".xlsm")


@contextlib.contextmanager
def opened(place: Place, compression: Compression | None) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked on the way.

    Raises:
        DataError: It cannot be opened, is broken, or grows to more than it should.
    """
    try:
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(place.path.open("rb"))
            if compression is None:
                yield raw
            else:
                stream = stack.enter_context(_unpacked(raw, place, compression))
                size = place.path.stat().st_size
                yield io.BufferedReader(_Guarded(stream, place, size), 1 << 20)
    except _BROKEN as error:
        raise DataError(
            f"'{place.name}' is not a whole {compression} file: {why(error)}.", "Copy or compress it again."
        ) from error
    except OSError as error:
        if compression in ("gzip", "bzip2") and error.errno is None:
            raise DataError(
                f"'{place.name}' is not a whole {compression} file: {why(error)}.", "Copy or compress it again."
            ) from error
        raise DataError(f"'{place.name}' cannot be read: {why(error)}.", "Make it readable.") from error


def _unpacked(raw: IO[bytes], place: Place, compression: Compression) -> IO[bytes]:
    if compression == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if compression == "bzip2":
        return cast(IO[bytes], bz2.BZ2File(raw))
    if compression == "xz":
        return cast(IO[bytes], lzma.LZMAFile(raw))
    if compression == "zstandard":
        return _zstandard(raw, place)
    return _only_member(raw, place)


def _zstandard(raw: IO[bytes], place: Place) -> IO[bytes]:
    import pyarrow

    try:
        return cast(IO[bytes], _Zstandard(pyarrow.CompressedInputStream(raw, "zstd")))
    except (pyarrow.ArrowException, OSError) as error:  # pragma: no cover - only when pyarrow lacks the codec
        raise DataError(
            f"'{place.name}' cannot be unpacked here: {why(error)}.", "Unpack it with `zstd -d`."
        ) from error


class _Zstandard(io.RawIOBase):
    """A stream of pyarrow, which says of a broken file only that a step failed."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end."""
        try:
            return cast(bytes, self.stream.read(size if size >= 0 else None))
        except OSError as error:
            raise EOFError(str(error)) from error


def _only_member(raw: IO[bytes], place: Place) -> IO[bytes]:
    archive = zipfile.ZipFile(raw)
    members = data_members(archive)
    if len(members) != 1:
        listed = ", ".join(member.filename for member in members[:5])
        holds = f"{len(members)} files ({listed})" if members else "no file"
        raise DataError(f"'{place.name}' holds {holds}.", "Give a zip file with one data file in it, or unpack it.")
    if members[0].flag_bits & 1:
        raise DataError(f"'{place.name}' is locked with a password.", "Unpack it, and give the file in it.")
    return archive.open(members[0])


def data_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in an archive, without folders and what systems put beside them."""
    hidden = ("__MACOSX/", ".")
    return [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith(hidden) and "/." not in member.filename
    ]


def name_inside(place: Place, compression: Compression | None) -> str:
    """The name of the data file without what compression added, for its suffix."""
    if compression == "zip":
        try:
            with zipfile.ZipFile(place.path) as archive:
                members = data_members(archive)
            return members[0].filename if len(members) == 1 else place.path.stem
        except (OSError, ValueError, *_BROKEN):
            return place.path.stem
    packed = compression is not None and place.path.suffix.lower() in SUFFIXES
    return place.path.stem if packed else place.path.name


class _Guarded(io.RawIOBase):
    """Counts what is unpacked, and stops when it grows to many times the size of the file."""

    def __init__(self, stream: IO[bytes], place: Place, size: int) -> None:
        self.stream, self.place = stream, place
        self.most = max(HARMLESS_BYTES, LARGEST_RATIO * size)
        self.count = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        found = self.stream.read(len(buffer))
        buffer[: len(found)] = found
        self.count += len(found)
        if self.count > self.most:
            raise DataError(
                f"'{self.place.name}' unpacks to more than {LARGEST_RATIO} times its size.",
                "Unpack it yourself if you trust it, and give the file in it.",
            )
        return len(found)


@contextlib.contextmanager
def seekable(place: Place, dialect: Dialect) -> Iterator[Path]:
    """A path to the bytes of a file that must be read from both ends: its own, or a copy that is unpacked for as long.

    Raises:
        DataError: It is broken, or too large to be unpacked.
    """
    if dialect.compression is None:
        yield place.path
        return
    with tempfile.NamedTemporaryFile(prefix="finetune-advisor-") as copy:
        with opened(place, dialect.compression) as file:
            while chunk := file.read(1 << 22):
                if copy.tell() + len(chunk) > min(LARGEST_COPY, shutil.disk_usage(copy.name).free // 2):
                    raise DataError(f"'{place.name}' is too large to be unpacked here.", "Unpack it yourself.")
                copy.write(chunk)
        copy.flush()
        yield Path(copy.name)
