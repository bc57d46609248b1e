"""Checks of what is written: a log without holes, in order of time, and rows that equal it."""

import random
from collections.abc import Iterable, Iterator

from psycopg import IsolationLevel

import domain.stored  # noqa: F401 - the log holds events of every module
from domain.events import Entry, decode, stored_names
from domain.fold import AnyFold, folds_by_type
from domain.known import NO_ROW, Key, Row
from interfaces.doctor.finding import Check, Finding, Patient, failed, in_words, ok
from projections.catalogue import INLINE
from projections.engine.tables import fold_log

COUNTED_AT_MOST = 5_000_000
"""Entries up to which they are counted; of more than that a sample is."""

STRETCHES, STRETCH = 100, 2_000
SAMPLED_ENTRIES = 200
SAMPLED_ROWS = 20
"""Of each fold."""

FOLDED_AT_MOST = 5_000
"""Entries up to which a row is folded again: the doctor is asked for an answer in seconds."""

HEXADECIMAL = "0123456789abcdef"

RESTORE = "Stop writing. Restore the last sound backup, or find what was done to the table `log`."


def dense(
    patient: Patient,
    counted_at_most: int = COUNTED_AT_MOST,
    stretches: int = STRETCHES,
    stretch: int = STRETCH,
) -> Finding:
    """Whether the log holds every position from 1 to its head."""
    check, ((first, head),) = "log without holes", patient.ask("ends_of_log")
    if head == 0:
        return ok(check, "empty")
    if head <= counted_at_most:
        ((entries,),) = patient.ask("count_log", head=head)
        missing, looked_at = head - entries, f"{entries:,} entries counted"
    else:
        entries, missing, _ = _stretches(patient, head, stretches, stretch)
        looked_at = f"{entries:,} of {head:,} positions looked at"
    if missing or first != 1:
        return failed(check, f"{missing:,} entries missing, the first at {first:,}", RESTORE)
    return ok(check, looked_at)


def in_order_of_time(patient: Patient) -> Finding:
    """Whether recorded times never go back along the log."""
    check, ((_, head),) = "recorded times", patient.ask("ends_of_log")
    entries, _, backwards = _stretches(patient, head)
    if backwards:
        return failed(check, f"{backwards:,} of {entries:,} entries go back in time", RESTORE)
    return ok(check, f"never go back over {entries:,} entries")


def rows_equal_the_log(patient: Patient, folded_at_most: int = FOLDED_AT_MOST) -> Finding:
    """Whether rows are what their entries fold to, for a sample."""
    check, connection = "rows equal the log", patient.connection
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    # One snapshot, or a row and its entries would be of two moments.
    with connection.transaction():
        sampled = {(fold, key): entry for fold, key, entry in _sample(patient)}
        equal = {
            f"{fold.name} {key}": _equals(patient, fold, key, entry, folded_at_most)
            for (fold, key), entry in sampled.items()
        }
    folded = [name for name, found in equal.items() if found is not None]
    wrong = [name for name in folded if not equal[name]]
    if wrong:
        return failed(
            check,
            f"{len(wrong):,} of {len(folded):,} differ: {in_words(wrong)}",
            "`tenure projections rebuild NAME` makes them anew beside the running server, `diff` "
            "shows what is wrong, `switch` puts it right. Report it: this is a defect, or a change "
            "by hand.",
        )
    found = f"{len(folded):,} folded again"
    if left_out := len(equal) - len(folded):
        found += f", {left_out:,} with more than {folded_at_most:,} entries left out"
    return ok(check, found)


def _stretches(
    patient: Patient, head: int, stretches: int = STRETCHES, length: int = STRETCH
) -> tuple[int, int, int]:
    if head == 0:
        return 0, 0, 0
    ((entries, missing, backwards),) = patient.ask(
        "stretches", head=head, stretches=stretches, length=length
    )
    return entries, missing, backwards


def _sample(patient: Patient) -> Iterator[tuple[AnyFold, str, Entry | None]]:
    """Rows to look at, each with an entry that touches it, None if the log has none such.

    From the log, because a row may be missing; and from the tables, because a row may be wrong.
    """
    table, ((_, head),) = folds_by_type(INLINE), patient.ask("ends_of_log")
    positions = random.sample(range(1, head + 1), min(head, SAMPLED_ENTRIES))
    for entry in _entries_at(patient, positions).values():
        for fold in table.get(entry.type, ()):
            for key in fold.keys(entry):
                yield fold, key, entry
    for fold in INLINE:
        start = "".join(random.choices(HEXADECIMAL, k=8))  # noqa: S311 - a place to look, no secret
        rows = [
            row
            for key in (start, "")
            for row in patient.ask("rows_from", fold=fold.name, key=key, limit=SAMPLED_ROWS // 2)
        ]
        entries = _entries_at(patient, [position for _, _, position in rows])
        for _, key, position in rows:
            found = entries.get(position)
            touches = found is not None and fold in table.get(found.type, ())
            yield fold, key, found if touches else None


def _entries_at(patient: Patient, positions: Iterable[int]) -> dict[int, Entry]:
    found = patient.ask("entries_at", positions=list(positions))
    return {position: decode(document) for position, document in found}


def _equals(
    patient: Patient, fold: AnyFold, key: str, entry: Entry | None, folded_at_most: int
) -> bool | None:
    """Whether a row is what its entries fold to; None when they are too many to tell."""
    if entry is None or key not in set(fold.keys(entry)):
        return False
    if fold.about:
        types = stored_names(fold.events)
        found = patient.ask("about", source=key, types=types, limit=folded_at_most + 1)
    else:
        found = patient.ask("of_stream", source=entry.stream, limit=folded_at_most + 1)
    if len(found) > folded_at_most:
        return None
    history = [(position, decode(document)) for position, document in found]
    folded = fold_log(history, [fold]).get((fold.name, key), NO_ROW)
    return folded == _stored(patient, fold, (fold.name, key))


def _stored(patient: Patient, fold: AnyFold, address: Key) -> Row:
    name, key = address
    for version, position, document in patient.ask("row", fold=name, key=key):
        return Row(version, position, fold.decode(document))
    return NO_ROW


CHECKS: tuple[Check, ...] = (dense, in_order_of_time, rows_equal_the_log)
