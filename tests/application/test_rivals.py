"""Rivals: requests with one Idempotency-Key at the same time. Exactly one of them happens."""

import asyncio

import pytest

from application.log.submission import Answer, Reply
from domain.refusals import IdempotencyInProgress, IdempotencyKeyReused
from tests.application.running import (
    a_repeatable,
    a_worker,
    age_replies,
    head_of,
    replies,
)
from tests.builders import a_participation


def test_the_rival_of_a_request_on_its_way_is_refused_at_once(log_url: str) -> None:
    async def story() -> Answer:
        async with a_worker(log_url) as worker:
            first = worker.submit(a_repeatable(a_participation(), "rivals"))
            with pytest.raises(IdempotencyInProgress):
                worker.submit(a_repeatable(a_participation(), "rivals"))
            return await first

    before = head_of(log_url)

    assert isinstance(asyncio.run(story()), Reply)
    assert head_of(log_url) == before + 1


def test_a_rival_who_comes_back_gets_the_replay(log_url: str) -> None:
    async def story() -> Answer:
        async with a_worker(log_url) as worker:
            first = worker.submit(a_repeatable(a_participation(), "back again"))
            with pytest.raises(IdempotencyInProgress):
                worker.submit(a_repeatable(a_participation(), "back again"))
            await first
            return await worker.submit(a_repeatable(a_participation(), "back again"))

    (replay,) = replies([asyncio.run(story())])

    assert replay.replayed


def test_a_key_that_is_settled_is_replayed_to_all_who_ask_at_once(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            await worker.submit(a_repeatable(a_participation(), "settled"))
            return await worker.together(
                *(a_repeatable(a_participation(), "settled") for _ in range(5))
            )

    before = head_of(log_url)

    assert [reply.replayed for reply in replies(asyncio.run(story()))] == [True] * 5
    assert head_of(log_url) == before + 1


def test_one_key_twice_in_one_batch_happens_once(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            await worker.submit(a_repeatable(a_participation(), "twice"))
            age_replies(log_url, 25)
            return await worker.together(
                *(a_repeatable(a_participation(), "twice") for _ in range(3))
            )

    before = head_of(log_url)

    first, *others = replies(asyncio.run(story()))

    assert [reply.replayed for reply in (first, *others)] == [False, True, True]
    assert {reply.body for reply in others} == {first.body}
    assert head_of(log_url) == before + 2


def test_rivals_at_two_workers_happen_once(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            both = (
                worker.submit(a_repeatable(a_participation(), "two workers"))
                for worker in (here, there)
            )
            return list(await asyncio.gather(*both))

    before = head_of(log_url)

    answered = replies(asyncio.run(story()))

    assert sorted(reply.replayed for reply in answered) == [False, True]
    assert answered[0].body == answered[1].body
    assert head_of(log_url) == before + 1


def test_another_body_is_refused_in_the_same_batch(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            await worker.submit(a_repeatable(a_participation(), "reused at once"))
            age_replies(log_url, 25)
            return await worker.together(
                a_repeatable(a_participation(), "reused at once", body="a body"),
                a_repeatable(a_participation(), "reused at once", body="another body"),
            )

    first, refused = asyncio.run(story())

    assert isinstance(first, Reply)
    assert isinstance(refused, IdempotencyKeyReused)


def test_a_key_whose_request_was_refused_is_free_for_rivals_again(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.submit(a_repeatable(a_participation(kind="no.such_type"), "freed"))
            first = worker.submit(a_repeatable(a_participation(), "freed"))
            with pytest.raises(IdempotencyInProgress):
                worker.submit(a_repeatable(a_participation(), "freed"))
            await first

    asyncio.run(story())
