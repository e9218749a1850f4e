"""Databases: a SQLite file, or any address that SQLAlchemy knows. The only door to SQLAlchemy."""

import base64
import contextlib
import datetime
import decimal
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.data.places import EVERYTHING, Choice, Dialect, Place, Row, why
from pipeline.errors import DataError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

MAGIC = b"SQLite format 3\0"
BATCH = 1000
PASSWORD = "ADVISOR_DATABASE_PASSWORD"
"""Variable that holds a password which stood in an address, for this process and those that it starts."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ADDRESS = re.compile(r"[a-z][a-z0-9]*(\+\w+)?://", re.IGNORECASE)
_WEB = ("http", "https", "ftp", "s3", "gs", "file", "hf")
_SECRETS = ("password", "passwd", "pwd", "token", "secret")
_SELECT = re.compile(r"\s*(select|with|values)\b", re.IGNORECASE)


def is_address(name: str) -> bool:
    """Whether a name is the address of a database.

    Raises:
        DataError: It is one of the web.
    """
    if _ADDRESS.match(name) is None:
        return False
    scheme = name.partition("://")[0].lower()
    if scheme in _WEB:
        raise DataError(
            f"'{scheme}://…' is not a file here and no address of a database.", "Download it, and give the file."
        )
    return True


def without_password(address: str) -> str:
    """The address with the name of a variable where its password stood; the password stays in this process only.

    Raises:
        DataError: It is no address, or hides secrets where they cannot be taken out.
    """
    url = _url(address)
    if any(secret in key.lower() for key in url.query for secret in _SECRETS):
        raise DataError(
            f"The address of the database '{_shown(url)}' holds a secret behind its question mark.",
            f"Write the password as ${PASSWORD} between user and host, and set that variable.",
        )
    password = str(url.password or "")
    if not password or _VARIABLE.fullmatch(password):
        return address
    if os.environ.get(PASSWORD, password) != password:
        raise DataError(
            f"'{_shown(url)}' is the second address with a password of its own.",
            "Write passwords as variables: scheme://user:$NAME@host/database.",
        )
    os.environ[PASSWORD] = password
    user, host = quote(url.username or "", safe=""), address.rpartition("@")[2]
    return f"{address.partition('://')[0]}://{user}:${PASSWORD}@{host}"


def address_name(address: str) -> str:
    """What messages call a database: its address without user and password."""
    return _shown(_url(address))


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The rows that the query gives, in its order, a few at a time.

    Raises:
        DataError: The database cannot be reached, or does not take the query; or two columns have one name.
    """
    import sqlalchemy

    with _connected(place) as connection:
        query = dialect.query or find_query(place, None)
        found = connection.execution_options(stream_results=True, yield_per=BATCH).execute(sqlalchemy.text(query))
        names = list(found.keys()) if found.returns_rows else []
        twice = [name for name in names if names.count(name) > 1]
        if twice or not names:
            problem = f"has two columns named '{twice[0]}'" if twice else "has no columns"
            raise DataError(
                f"The answer of '{place.name}' {problem}.", "Name them in the query: SELECT a.text AS text, …"
            )
        for number, cells in enumerate(found, start=1):
            if choice.wants(number):
                yield number, {name: _cell(cell) for name, cell in zip(names, cells, strict=True)}


def find_query(place: Place, asked: str | None) -> str:
    """The query: as the user said, all of the table that was named, or all of the only table.

    Raises:
        DataError: It would change the database, names no table, or there is not one table.
    """
    if asked is not None and _SELECT.match(asked):
        return asked
    import sqlalchemy

    with _connected(place) as connection:
        view = sqlalchemy.inspect(connection)
        tables = sorted([*view.get_table_names(), *view.get_view_names()])
        name = asked if asked is not None else tables[0] if len(tables) == 1 else None
        if name in tables:
            return f"SELECT * FROM {connection.dialect.identifier_preparer.quote_identifier(name)}"
    listed = ", ".join(tables[:20]) or "none"
    if asked is not None:
        raise DataError(
            f"'{asked[:60]}' is neither a SELECT nor a table of '{place.name}'.", f"Its tables are: {listed}."
        )
    raise DataError(
        f"'{place.name}' has {len(tables)} tables: {listed}.",
        'Say which, or what to select: `query = "TABLE"` under [data], or --query "SELECT …".',
    )


@contextlib.contextmanager
def _connected(place: Place) -> "Iterator[Connection]":
    """A connection that reads; whatever goes wrong is told without what is secret."""
    import sqlalchemy

    url = _url(f"sqlite:///{place.location}") if place.kind == "file" else _filled(place)
    secrets = [str(url.password)] if url.password else []
    try:
        engine = sqlalchemy.create_engine(_read_only(place, url), poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            yield connection
            connection.rollback()
    except DataError:
        raise
    except ModuleNotFoundError as error:
        raise DataError(
            f"'{place.name}' needs the driver '{error.name}', which is not installed.", f"pip install {error.name}"
        ) from None
    except Exception as error:  # drivers raise what they like
        said = why(getattr(error, "orig", None) or error)
        for secret in secrets:
            said = said.replace(secret, "***")
        raise DataError(
            f"'{place.name}' cannot be read as asked: {said}.", "Check the address, the query and what you may read."
        ) from None  # the chain would show what the driver was given


def _read_only(place: Place, url: "URL") -> "URL":
    """SQLite would make a file that is not there, and could change one that is."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return url
    if place.kind == "database" and not os.path.isfile(url.database):
        raise DataError(f"There is no file '{url.database}'.", "Check the path behind sqlite:///.")
    return url.set(database=f"file:{quote(os.path.abspath(url.database))}", query={"mode": "ro", "uri": "true"})


def _filled(place: Place) -> "URL":
    """The address with the password from its variable."""
    url = _url(place.location)
    match = _VARIABLE.fullmatch(str(url.password or ""))
    if match is None:
        return url
    name = match[1] or match[2]
    if name not in os.environ:
        raise DataError(
            f"The password of '{place.name}' is not known: the variable {name} is not set.",
            f"Set it for this command: {name}=… advisor …",
        )
    return url.set(password=os.environ[name])


def _url(address: str) -> "URL":
    import sqlalchemy

    try:
        return sqlalchemy.make_url(address)
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        scheme = address.partition("://")[0]
        raise DataError(
            f"'{scheme}://…' is not the address of a database.", "Write it as scheme://user@host/database."
        ) from error


def _shown(url: "URL") -> str:
    if url.get_backend_name() == "sqlite":
        return os.path.basename(url.database or "") or "SQLite in memory"
    return f"{url.drivername}://{url.host or ''}/{url.database or ''}"


def _cell(cell: Any) -> Any:
    """A cell as text, number, truth value or nothing."""
    if isinstance(cell, bytes | memoryview):
        raw = bytes(cell)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return base64.b64encode(raw).decode()
    if isinstance(cell, decimal.Decimal):
        return int(cell) if cell == cell.to_integral_value() and abs(cell) < 2**53 else float(cell)
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return cell
