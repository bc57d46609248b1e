"""The log in the hands of the eventsourcing library: its recorder, mapper and subscription.

Reading and following are the library's, on our own table through the view ``stored_events``.
Writing is not: the library would lock, notify and number once an event, where the committer does
so once a batch, and it has no room for rows that commit with their events.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from eventsourcing.persistence import (
    Mapper,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from domain.events import Entry, decode, encode

CHANNEL = "log"
SLICE = 5_000


class EntryMapper(Mapper[str]):
    """Between entries and the library's stored events. Old versions are read as the newest."""

    def __init__(self) -> None:
        """Needs no transcoder: an entry is its own document."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """An entry as the library stores it."""
        entry: Entry = domain_event
        return StoredEvent(entry.stream, entry.version, entry.type, encode(entry))

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The entry that was stored. Raises UnknownEventType."""
        return decode(stored_event.state)


class LogRecorder(PostgresApplicationRecorder):
    """Reads and follows the log. The committer alone writes it."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__(datastore, events_table_name="stored_events")
        self.channel_name = CHANNEL

    def create_table(self) -> None:
        """Nothing: migrations make the log."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:
        """Refuse. Raises ProgrammingError."""
        raise ProgrammingError("the committer alone writes the log")


class Log:
    """The whole log, entry by entry, for whoever reads all of it."""

    def __init__(self, url: str) -> None:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        self._datastore = PostgresDatastore(
            dbname=given.get("dbname", ""),
            host=given.get("host", ""),
            port=given.get("port", ""),
            user=given.get("user", ""),
            password=given.get("password", ""),
            pool_size=1,
            max_overflow=3,
            originator_id_type="text",
        )
        self.recorder = LogRecorder(self._datastore)
        self._mapper = EntryMapper()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self._datastore.close()

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[tuple[int, Entry]]:
        """Positions and entries in order, a slice at a time; nothing beyond ``until``."""
        while True:
            found = self.recorder.select_notifications(
                after, SLICE, stop=until, inclusive_of_start=False
            )
            for notification in found:
                yield notification.id, self._entry(notification)
            if len(found) < SLICE:
                return
            after = found[-1].id

    def stream(self, stream: str) -> Iterator[Entry]:
        """The entries of one stream, in order."""
        for stored in self.recorder.select_events(stream):
            yield self._mapper.to_domain_event(stored)

    def follow(self, after: int = 0) -> Subscription[Any]:
        """Every entry after a position and then each new one, as it is committed."""
        return self.recorder.subscribe(gt=after)

    def _entry(self, notification: Notification) -> Entry:
        entry: Entry = self._mapper.to_domain_event(notification)
        return entry
