"""The reader: questions that arrive together are answered from one snapshot.

It sees everything that was acknowledged before the question was asked, in any process, because
all that an answer depends on is folded in the transaction that appends.
"""

from application.log.batch import Batch
from application.log.calls import COMMIT, HOLD, SNAPSHOT
from application.log.gathering import Gathering
from application.log.line import Line
from application.log.loading import Head
from domain.known import Key, Known


class Reader(Gathering):
    """Decides questions on one snapshot, without the log's lock. One a process."""

    async def _load(self, line: Line, keys: set[Key]) -> tuple[Head, Known]:
        calls = self._loading.calls(keys)
        _, _, *found, _ = await line.trip(SNAPSHOT, HOLD, *calls, COMMIT)
        return self._loading.read(found, keys)

    async def _finish(self, line: Line, batch: Batch) -> None:
        assert batch.first_id is None, "a question changed something"

    async def _was_written(self, line: Line, batch: Batch) -> bool:
        return False
