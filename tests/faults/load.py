"""Load: clients that report events, each under a key of its own, and never give up on one.

Whatever is acknowledged is remembered, so that it can be looked for afterwards.
"""

import asyncio
import random
import threading
from itertools import count
from typing import Any, NamedTuple, Self

import httpx

from tests.interfaces.serving import eventually
from tests.stories.client import a_key, an_actor, an_event

PEOPLE = [f"under-load-{number}" for number in range(20)]
AGAIN_SECONDS = 0.05
FINISHING_SECONDS = 120
TO_COME_BACK = {409, 503}


class Acknowledged(NamedTuple):
    """An event that was reported and answered, after so many attempts."""

    key: str
    body: dict[str, object]
    reply: bytes
    id: str
    attempts: int


class Load:
    """Clients at work for the length of a block; at its end all that they began is acknowledged.

    ``unexpected`` are replies that no client should ever get, ``sent_away`` those that ask to come
    back.
    """

    def __init__(self, url: str, api_key: str, clients: int = 16) -> None:
        self._url, self._headers, self._clients = url, {"x-api-key": api_key}, clients
        self._stopping = threading.Event()
        self._running = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.acknowledged: list[Acknowledged] = []
        self.decisions: list[str] = []
        self.unexpected: list[str] = []
        self.sent_away: list[str] = []

    def goes_on(self, events: int = 50, seconds: float = 60) -> None:
        """Wait until so many more events are acknowledged."""
        wanted = len(self.acknowledged) + events
        eventually(lambda: len(self.acknowledged) >= wanted or self.unexpected, seconds)
        assert not self.unexpected

    def finish(self) -> None:
        """Let each client finish what it has begun, and no more; wait for all of them."""
        self._stopping.set()
        self._running.join(FINISHING_SECONDS)
        assert not self._running.is_alive(), "what was begun is never acknowledged"

    def __enter__(self) -> Self:
        self._running.start()
        try:
            self.goes_on()
        except BaseException:
            self.finish()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            base_url=self._url, headers=self._headers, timeout=60, limits=limits, verify=False
        ) as http:
            while not self._stopping.is_set():
                await self._report(http)
                await self._evaluate(http)

    async def _report(self, http: httpx.AsyncClient) -> None:
        key, body = a_key(), an_event(userExternalId=random.choice(PEOPLE))
        for attempts in count(1):
            reply = await self._attempt(http, "/v1/events", body, {"idempotency-key": key})
            if reply is not None and reply.status_code == 201:
                event_id = reply.json()["id"]
                self.acknowledged.append(Acknowledged(key, body, reply.content, event_id, attempts))
            if reply is not None and reply.status_code not in TO_COME_BACK:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _evaluate(self, http: httpx.AsyncClient) -> None:
        # Decisions take no key: one that is not answered may be recorded all the same.
        body = {"actor": an_actor(random.choice(PEOPLE)), "action": "payout.request"}
        reply = await self._attempt(http, "/v1/policy/evaluate", body, {})
        if reply is not None and reply.status_code == 200:
            self.decisions.append(reply.json()["decision_correlation_id"])

    async def _attempt(
        self, http: httpx.AsyncClient, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response | None:
        try:
            reply = await http.post(path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        if reply.status_code in TO_COME_BACK:
            self.sent_away.append(f"{path} {reply.status_code} {reply.text}")
        elif reply.status_code not in {200, 201}:
            self.unexpected.append(f"{path} {reply.status_code} {reply.text}")
        return reply
