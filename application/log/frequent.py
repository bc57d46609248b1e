"""A question that is asked all the time: those that arrive together are answered by one statement.

Each finds little, along indexes, so nobody waits long for who came before. There is no timer: while
some are on their way to the database, the next ones gather.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from application.access import Access
from application.log.arrays import texts
from application.log.calls import BEGIN, COMMIT, HOLD, STANDS
from application.log.gathering import Connect
from application.log.line import Line, Lost
from application.log.lists import Reads, Told
from application.sql import numbered
from domain.principal import Principal
from domain.refusals import Unavailable

AT_ONCE = 16
"""How many are answered together: the first of them has its answer when all have."""

_stands = msgspec.json.Decoder(tuple[int, int, int])
_answers = msgspec.json.Decoder(list[msgspec.Raw])


class _Asked(NamedTuple):
    """Somebody's parameters, and the future of what they are told."""

    parameters: Mapping[str, Any]
    told: asyncio.Future[Told]


class Frequent(Reads):
    """One statement on a line of its own, which sees all there is. One a process.

    It takes texts by columns, a row for each who asks, and yields one value, a JSON array of what
    each is told, in the same order. Whoever asks gives a row and is told an array of one. ``limit``
    bounds those waiting: beyond it they are refused with Unavailable at once.
    """

    def __init__(
        self,
        connect: Connect,
        statement: bytes,
        access: Access,
        *,
        limit: int,
        **settings: Any,
    ) -> None:
        super().__init__(access, **settings)
        self._connect, self._limit = connect, limit
        self._statement = statement
        self._text, self._order = numbered(statement.decode())
        self._line: Line | None = None
        self._waiting: list[_Asked] = []
        self._arrived = asyncio.Event()

    async def _run(
        self, principal: Principal, statement: bytes, parameters: Mapping[str, Any]
    ) -> Told:
        assert statement == self._statement, "another question"
        if len(self._waiting) >= self._limit:
            raise Unavailable(reason="too many requests are waiting")
        asked = _Asked(parameters, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._arrived.set()
        return await asked.told

    async def run(self) -> None:
        """Answer until cancelled."""
        asked: list[_Asked] = []
        try:
            while True:
                await self._arrived.wait()
                asked = self._waiting[:AT_ONCE]
                del self._waiting[:AT_ONCE]
                if not self._waiting:
                    self._arrived.clear()
                await self._answer(asked)
        finally:
            _fail(asked + self._waiting, Lost("the server is stopping"))
            if self._line is not None:
                await self._line.close()

    async def _answer(self, asked: list[_Asked]) -> None:
        try:
            answers = await self._ask([one.parameters for one in asked])
        except Lost as error:
            await self._hang_up()
            _fail(asked, error)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            await self._hang_up()
            if len(asked) == 1:
                _fail(asked, error)
            else:
                # One of them is at fault, and the others need not suffer.
                for one in asked:
                    await self._answer([one])
        else:
            for one, told in zip(asked, answers, strict=True):
                if not one.told.done():
                    one.told.set_result(told)

    async def _ask(self, rows: Sequence[Mapping[str, Any]]) -> list[Told]:
        columns = [texts([value for row in rows for value in row[name]]) for name in self._order]
        line = await self._connected()
        _, _, stands, found, _ = await line.trip(BEGIN, HOLD, STANDS, ("frequent", columns), COMMIT)
        how = _stands.decode(stands or b"")
        answers = _answers.decode(found or b"")
        assert len(answers) == len(rows), "somebody has no answer"
        return [Told(*how, [(b"[%b]" % bytes(answer),)]) for answer in answers]

    async def _connected(self) -> Line:
        if self._line is None or self._line.closed:
            self._line = await self._connect()
            await self._line.prepare({"frequent": self._text.encode()})
        return self._line

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _fail(asked: Sequence[_Asked], error: Exception) -> None:
    for one in asked:
        if not one.told.done():
            one.told.set_exception(error)
