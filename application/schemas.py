"""Schemas: documents held against JSON Schemas that anybody may have written, in bounded time.

A process of its own does it, one check at a time (``schema_checker.py``). One that takes too long
or too much ends with the process, and the next check has a new one.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from domain.refusals import SchemaViolation, Unavailable

CHECK_SECONDS = 1.0
WAITING_AT_MOST = 64
TOO_MUCH = "checking it against its schema takes too long"


class Schemas:
    """Checks documents. One a worker; its process is started when it is first wanted."""

    def __init__(self, check_seconds: float = CHECK_SECONDS) -> None:
        self.check_seconds = check_seconds
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def must_fit(self, schema: object, *documents: tuple[object, str]) -> None:
        """Raise SchemaViolation unless documents, each with the field that it comes from, are as a
        schema says; it names the place. Unavailable when too many wait to be checked.
        """
        if self._waiting >= WAITING_AT_MOST:
            raise Unavailable(reason="too many documents wait to be checked")
        question = json.dumps([schema, [document for document, _ in documents]])
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._answer(question.encode() + b"\n")
        finally:
            self._waiting -= 1
        if answer is None:
            raise SchemaViolation(field=documents[0][1], reason=TOO_MUCH)
        fault: tuple[int, str, str] | None = json.loads(answer)
        if fault is not None:
            number, place, reason = fault
            field = documents[number][1]
            raise SchemaViolation(field=f"{field}.{place}" if place else field, reason=reason)

    async def _answer(self, question: bytes) -> bytes | None:
        """A line from the process; None when there is none in time."""
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout(self.check_seconds):
                process.stdin.write(question)
                await process.stdin.drain()
                line = await process.stdout.readline()
        except (TimeoutError, ConnectionError):
            pass
        finally:
            if not line:
                # Whatever it was about to say would be taken for the answer to the next question.
                await self.aclose()
        return line or None

    async def _started(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "application.schema_checker"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
            )
            assert self._process.stdout is not None
            if not await self._process.stdout.readline():
                await self.aclose()
                raise Unavailable(reason="documents cannot be checked")
        return self._process

    async def aclose(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
