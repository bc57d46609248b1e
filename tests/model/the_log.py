"""The log itself, for what no reply shows: its positions, and the rows folded from it."""

import msgspec
import psycopg

from application.log.recorder import Log
from projections.catalogue import INLINE
from projections.engine.tables import fold_log


def assert_rows_are_those_of_the_log(url: str) -> None:
    """The rows folded with each write are those folded from the whole log, which has no hole."""
    with Log(url) as log:
        entries = list(log.entries())
    assert [position for position, _ in entries] == list(range(1, len(entries) + 1))
    folded = {
        key: (row.version, row.position, msgspec.json.encode(row.state).decode())
        for key, row in fold_log(entries, INLINE).items()
    }
    with psycopg.connect(url) as connection:
        found = connection.execute("select fold, key, version, position, row::text from state")
        stored = {(fold, key): tuple(rest) for fold, key, *rest in found}
    assert stored == folded
