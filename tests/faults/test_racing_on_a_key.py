"""64 clients at two workers send one request under one key: one event, one body."""

import asyncio

import httpx
import pytest

from tests.faults.workers import ONE_CONNECTION, connections, only
from tests.interfaces.serving import Served
from tests.stories.client import a_key, an_event

pytestmark = pytest.mark.faults

RIVALS = 64
ROUNDS = 10
Replies = list[list[httpx.Response]]


async def race(server: Served, api_key: str, rounds: list[list[str | None]]) -> Replies:
    """The replies to one body a round, sent at once, half of the clients at each worker."""
    clients = [
        httpx.AsyncClient(
            base_url=server.url,
            headers={"x-api-key": api_key},
            timeout=30,
            limits=ONE_CONNECTION,
            verify=False,
        )
        for _ in range(RIVALS)
    ]
    try:
        workers = server.workers()
        assert len(workers) == 2
        for number, worker in enumerate(workers):
            with only(server, worker):
                await asyncio.gather(*(one.get("/healthz") for one in clients[number::2]))
        assert [connections(worker) for worker in workers] == [RIVALS / 2, RIVALS / 2]
        return [await send_at_once(clients, keys) for keys in rounds]
    finally:
        await asyncio.gather(*(client.aclose() for client in clients))


async def send_at_once(
    clients: list[httpx.AsyncClient], keys: list[str | None]
) -> list[httpx.Response]:
    event = an_event()
    return await asyncio.gather(
        *(
            client.post(
                "/v1/events",
                json=event,
                headers={} if key is None else {"idempotency-key": key},
            )
            for client, key in zip(clients, keys, strict=True)
        )
    )


def events_of(server: Served, api_key: str, replies: list[httpx.Response]) -> int:
    """How many events there are of the person whom these replies are about."""
    person = next(reply.json()["userExternalId"] for reply in replies if reply.is_success)
    listed = httpx.get(
        f"{server.url}/v1/events",
        params={"userExternalId": person, "limit": 200},
        headers={"x-api-key": api_key},
        timeout=30,
    )
    return len(listed.json()["data"])


@pytest.mark.parametrize("automatic", [False, True])
def test_64_clients_on_one_key_at_two_workers_make_one_event_and_see_one_body(
    server: Served, api_key: str, automatic: bool
) -> None:
    rounds = [[None if automatic else a_key()] * RIVALS for _ in range(ROUNDS)]

    for replies in asyncio.run(race(server, api_key, rounds)):
        done = [reply for reply in replies if reply.status_code == 201]
        told_to_wait = [reply for reply in replies if reply.status_code == 409]
        firsts = [reply for reply in done if "x-idempotency-replay" not in reply.headers]
        assert len(done) + len(told_to_wait) == RIVALS
        assert len(firsts) == 1
        assert {reply.content for reply in done} == {firsts[0].content}
        for reply in told_to_wait:
            assert reply.json()["code"] == "IDEMPOTENCY_IN_PROGRESS"
            assert reply.headers["retry-after"] == "1"
        assert events_of(server, api_key, replies) == 1


def test_64_clients_with_keys_of_their_own_make_64_events(server: Served, api_key: str) -> None:
    # The control: a second event of the race above would have been seen.
    (replies,) = asyncio.run(race(server, api_key, [[a_key() for _ in range(RIVALS)]]))

    assert {reply.status_code for reply in replies} == {201}
    assert events_of(server, api_key, replies) == RIVALS
