"""Segments: the log in files, each of a fixed range of positions.

A whole segment never changes; the last one is written anew when the log has grown. A file is
written under another name and put in its place when it is whole, and then the manifest says so: an
export that is killed at any moment, and run again, is the same as one that was not.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import psycopg
from psycopg import sql

from application.log.connections import options
from application.sql import named_queries
from interfaces.export.formats import FORMATS, Format, FormatName
from interfaces.locks import FileLock

QUERIES = named_queries(Path(__file__).with_name("export.sql"))
MANIFEST = "manifest.json"
UNFINISHED = ".part"
POSITIONS_A_FILE = 100_000
ROWS_AT_A_TIME = 500


class CannotExport(Exception):
    """The folder is not one that this export may go to; the message says why."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an export: the positions that it holds, and by what it is known to be whole."""

    name: str
    first: int = msgspec.field(name="from")
    last: int = msgspec.field(name="to")
    entries: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, kw_only=True, rename="camel"):
    """What an export holds. ``log`` is the id of the log's first entry, by which it is known."""

    format: FormatName
    log: str
    positions_a_file: int
    files: list[File] = []

    @property
    def position(self) -> int:
        """How far it goes."""
        return self.files[-1].last if self.files else 0


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where there is none. Raises CannotExport."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise CannotExport(f"{path} is not the manifest of an export: {error}") from error


class Export:
    """The export of a log to a folder, up to a position; ``url`` is the log's.

    Raises CannotExport for a folder that holds another one, or to which somebody exports now.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        format_name: FormatName,
        until: int | None = None,
        positions_a_file: int = POSITIONS_A_FILE,
    ) -> None:
        self._url, self._folder = url, folder
        self._format: Format = FORMATS[format_name]
        with psycopg.connect(url, options=options("tenure_writer")) as connection:
            head, log = connection.execute(QUERIES["head"]).fetchone() or (0, None)
        self.until = head if until is None else min(until, head)
        self.manifest = read_manifest(folder) or Manifest(
            format=format_name, log=log or "", positions_a_file=positions_a_file
        )
        if self.manifest.format != format_name:
            raise CannotExport(
                f"{folder} holds an export as {self.manifest.format}. Give --format "
                f"{self.manifest.format}, or another folder."
            )
        if self.manifest.log != (log or ""):
            raise CannotExport(f"{folder} holds an export of another log. Give another folder.")

    def run(self, tell: Callable[[int], object] = lambda _: None) -> None:
        """Write what is missing. ``tell`` is told now and then how many entries were written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / ".lock")
        if not lock.try_exclude():
            lock.release()
            raise CannotExport(f"Somebody exports to {self._folder} now.")
        try:
            for left in self._folder.glob(f"*{UNFINISHED}"):
                left.unlink()
            if not self.manifest.files:
                self._write_manifest()
            self._write_missing(tell)
        finally:
            lock.release()

    def missing(self) -> Iterator[tuple[int, int]]:
        """The first and the last positions of the files that are to be written."""
        there = {file.first: file for file in self.manifest.files}
        for first in range(1, self.until + 1, self.manifest.positions_a_file):
            last = min(first + self.manifest.positions_a_file - 1, self.until)
            file = there.get(first)
            if file is None or file.last < last or not self._is_there(file):
                yield first, max(last, file.last if file else 0)

    def _is_there(self, file: File) -> bool:
        path = self._folder / file.name
        return path.exists() and path.stat().st_size == file.bytes

    def _write_missing(self, tell: Callable[[int], object]) -> None:
        with psycopg.connect(
            self._url, options=options("tenure_writer"), autocommit=True
        ) as connection:
            written = 0
            for first, last in list(self.missing()):
                file = self._write(connection, first, last, tell, written)
                written += file.entries
                tell(written)
                others = [one for one in self.manifest.files if one.first != first]
                self.manifest.files = sorted([*others, file], key=lambda one: one.first)
                self._write_manifest()

    def _write(
        self,
        connection: psycopg.Connection,
        first: int,
        last: int,
        tell: Callable[[int], object],
        written: int,
    ) -> File:
        end = first + self.manifest.positions_a_file - 1
        name = f"log-{first:012}-{end:012}.{self._format.extension}"
        statement = sql.SQL(cast("Any", QUERIES[self._format.query].decode())).format(
            first=sql.Literal(first), last=sql.Literal(last), rows=sql.Literal(ROWS_AT_A_TIME)
        )
        with (
            _put_in_place(self._folder / name) as hashed,
            connection.cursor().copy(statement) as copied,
        ):
            writing = self._format.begin(cast("IO[bytes]", hashed))
            copied.set_types(["bytea"])
            for number, (lines,) in enumerate(copied.rows()):
                writing.write(lines)
                tell(written + number * ROWS_AT_A_TIME)
            writing.end()
        return File(
            name=name,
            first=first,
            last=last,
            entries=last - first + 1,
            bytes=hashed.tell(),
            sha256=hashed.digest(),
        )

    def _write_manifest(self) -> None:
        encoded = msgspec.json.format(msgspec.json.encode(self.manifest), indent=2)
        with _put_in_place(self._folder / MANIFEST) as file:
            file.write(encoded + b"\n")


class _Hashed:
    """A file that is written from beginning to end, and hashed meanwhile."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash, self._length = file, sha256(), 0

    def write(self, part: Any) -> int:
        self._hash.update(part)
        self._length += len(part)
        return self._file.write(part)

    def tell(self) -> int:
        return self._length

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Nothing: whoever opened the file closes it."""

    def digest(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def _put_in_place(path: Path) -> Iterator[_Hashed]:
    """A file that is there whole, and on disk, or not at all."""
    unfinished = path.with_name(path.name + UNFINISHED)
    with unfinished.open("wb") as file:
        yield _Hashed(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
