"""The log in the hands of the eventsourcing library: its recorder, mapper and subscription.

Reading and following are the library's, on our own table through the view ``stored_events``.
Writing is not: the library would lock, notify and number once an event, where the committer does
so once a batch, and it has no room for rows that commit with their events.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from eventsourcing.persistence import (
    ApplicationRecorder,
    Mapper,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresSubscription,
)
from psycopg.rows import dict_row

import domain.stored  # noqa: F401 - the log holds events of every module
from domain.events import Entry, decode, encode

CHANNEL = "log"
SLICE = 5_000
LOOK_AGAIN_SECONDS = 1.0


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

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Every entry after a position and then each new one."""
        return LogSubscription(self, gt, topics)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:
        """Refuse. Raises ProgrammingError."""
        raise ProgrammingError("the committer alone writes the log")


class LogSubscription(PostgresSubscription):
    """Follows the log, and looks again now and then whatever it is told.

    The library looks once and then waits to be notified, but it may listen only after that look:
    what was committed in between would wait for the next entry to come.
    """

    def _loop_on_pull(self) -> None:
        try:
            while not self._has_been_stopped:
                self._pull()
                self._has_been_notified.wait(LOOK_AGAIN_SECONDS)
        except BaseException as error:  # noqa: BLE001 - raised again where the entries are read
            self._thread_error = self._thread_error or error
            self.stop()


class Log:
    """The whole log, entry by entry, for whoever reads all of it."""

    def __init__(self, url: str) -> None:
        self._datastore = PostgresDatastore(
            dbname="",
            host="",
            port="",
            user="",
            password="",
            max_overflow=3,
            originator_id_type="text",
        )
        # The library takes the parts of a URL that it knows; a URL may have others.
        self._datastore.pool.conninfo = url
        self._datastore.pool.kwargs = {"row_factory": dict_row}
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
