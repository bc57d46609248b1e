"""Access: who shows a key, remembered until authority moves anywhere."""

import asyncio
from typing import Any

import pytest

from application.access import Access
from application.log.submission import Reply, Submission
from domain.api_keys import PREFIXES, format_key, shown_prefix
from domain.partner import IssuedKey
from domain.principal import Principal
from domain.refusals import Forbidden, Unauthenticated
from projections.partners import AskPartner
from tests.application.running import HASHES, Worker, a_repeatable, a_worker, head_of
from tests.builders import (
    a_key_added,
    a_key_deleted,
    a_participation,
    a_principal,
    an_approval,
    an_id,
)


def a_key(number: int) -> tuple[str, IssuedKey]:
    """A whole key, and what the log knows of it."""
    key = format_key(PREFIXES["sandbox"], number.to_bytes(32))
    return key, IssuedKey(key_id=an_id(), lookup=HASHES.api_key(key), prefix=shown_prefix(key))


class Asked:
    """Counts the questions that an access asks of a worker's reader."""

    def __init__(self, worker: Worker) -> None:
        self.times, self._worker = 0, worker

    async def __call__(self, question: Submission) -> Reply:
        self.times += 1
        return await self._worker.reader.answer(question)


# Who


def test_a_whole_key_that_was_issued_is_its_partner(log_url: str) -> None:
    key, issued = a_key(1)

    async def story() -> Principal:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("one", key=issued))
            return await worker.access.authenticate(key)

    who = asyncio.run(story())

    assert (who.tenant, who.key_id) == ("sandbox/one", issued.key_id)


def test_a_key_with_a_typo_is_nobodys_and_nobody_is_asked(log_url: str) -> None:
    key, _ = a_key(2)
    mistyped = key[:-1] + ("0" if key[-1] != "0" else "1")

    async def story() -> int:
        async with a_worker(log_url) as worker:
            asked = Asked(worker)
            with pytest.raises(Unauthenticated):
                await Access(HASHES, asked).authenticate(mistyped)
            return asked.times

    assert asyncio.run(story()) == 0


def test_a_whole_key_that_was_never_issued_is_nobodys(log_url: str) -> None:
    key, _ = a_key(3)

    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(Unauthenticated):
                await worker.access.authenticate(key)

    asyncio.run(story())


def test_the_keys_that_were_used_are_noted(log_url: str) -> None:
    key, issued = a_key(4)

    async def story() -> set[str]:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("four", key=issued))
            await worker.access.authenticate(key)
            return worker.access.used

    assert asyncio.run(story()) == {issued.key_id}


# Remembering


def test_a_principal_is_remembered_and_asked_for_once(log_url: str) -> None:
    key, issued = a_key(5)

    async def story() -> int:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("five", key=issued))
            asked = Asked(worker)
            access = Access(HASHES, asked)
            assert await access.authenticate(key) is await access.authenticate(key)
            return asked.times

    assert asyncio.run(story()) == 1


def test_a_principal_is_identified_again_when_authority_has_moved(log_url: str) -> None:
    key, issued = a_key(6)

    async def story() -> tuple[int, Principal, Principal]:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("six", key=issued))
            asked = Asked(worker)
            access = Access(HASHES, asked)
            before = await access.authenticate(key)
            await worker.do(an_approval("six-and-a-half", key=a_key(66)[1]))
            access.saw(before.authority + 2)
            return asked.times, before, await access.authenticate(key)

    times, before, after = asyncio.run(story())

    assert times == 1
    assert after.authority == before.authority + 2
    assert after.key_id == before.key_id


def test_a_change_of_authority_that_was_seen_before_asks_nobody(log_url: str) -> None:
    key, issued = a_key(7)

    async def story() -> int:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("seven", key=issued))
            asked = Asked(worker)
            access = Access(HASHES, asked)
            who = await access.authenticate(key)
            access.saw(who.authority)
            access.saw(who.authority - 1)
            await access.confirm(who, who.authority)
            await access.authenticate(key)
            return asked.times

    assert asyncio.run(story()) == 1


# Deleted keys


async def deleted_elsewhere(
    here: Worker, there: Worker, name: str, number: int
) -> tuple[str, Principal]:
    """A key that one worker has let in, and that is then deleted at another."""
    key, issued = a_key(number)
    _, spare = a_key(number + 1)
    await there.do(an_approval(name, key=issued))
    who = await here.access.authenticate(key)
    await there.do(a_key_added(spare, name), who)
    await there.do(a_key_deleted(issued, name), a_principal(name))
    return key, who


def test_whoever_shows_a_key_that_another_worker_deleted_is_refused_in_the_batch(
    log_url: str,
) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            _, who = await deleted_elsewhere(here, there, "deleted-1", 100)
            with pytest.raises(Unauthenticated):
                await here.do(a_participation(), who)

    asyncio.run(story())

    assert head_of(log_url) > 0


def test_a_deleted_key_gets_no_replay_either(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            key, issued = a_key(110)
            await there.do(an_approval("deleted-2", key=issued))
            who = await here.access.authenticate(key)
            await here.committer.answer(a_repeatable(a_participation(), "k", principal=who))
            await there.do(a_key_added(a_key(111)[1], "deleted-2"), who)
            await there.do(a_key_deleted(issued, "deleted-2"), a_principal("deleted-2"))
            with pytest.raises(Unauthenticated):
                await here.committer.answer(a_repeatable(a_participation(), "k", principal=who))

    asyncio.run(story())


def test_whoever_shows_a_deleted_key_gets_no_answer_to_a_question(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            _, who = await deleted_elsewhere(here, there, "deleted-3", 120)
            with pytest.raises(Unauthenticated):
                await here.ask(AskPartner("deleted-3"), who)

    asyncio.run(story())


def test_whoever_shows_a_deleted_key_gets_no_list(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            _, who = await deleted_elsewhere(here, there, "deleted-4", 130)
            with pytest.raises(Unauthenticated):
                await here.lists.fetch(who, b"select position from log", {})

    asyncio.run(story())


def test_a_deleted_key_is_not_let_in_again_once_a_batch_has_told(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            key, _ = await deleted_elsewhere(here, there, "deleted-5", 140)
            await here.do(a_participation())
            with pytest.raises(Unauthenticated):
                await here.access.authenticate(key)

    asyncio.run(story())


def test_a_key_is_dead_where_it_was_deleted_as_soon_as_that_is_answered(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            key, issued = a_key(150)
            await worker.do(an_approval("deleted-6", key=issued))
            await worker.do(a_key_added(a_key(151)[1], "deleted-6"))
            who = await worker.access.authenticate(key)
            await worker.do(a_key_deleted(issued, "deleted-6"), who)
            with pytest.raises(Unauthenticated):
                await worker.access.authenticate(key)

    asyncio.run(story())


def test_one_who_deletes_their_own_key_is_refused_in_the_rest_of_the_batch(log_url: str) -> None:
    async def story() -> list[Any]:
        async with a_worker(log_url) as worker:
            key, issued = a_key(160)
            await worker.do(an_approval("deleted-7", key=issued))
            await worker.do(a_key_added(a_key(161)[1], "deleted-7"), a_principal("deleted-7"))
            who = await worker.access.authenticate(key)
            return await worker.together(
                Submission(a_key_deleted(issued, "deleted-7"), who),
                Submission(a_participation(), who),
            )

    deleted, after = asyncio.run(story())

    assert isinstance(deleted, Reply)
    assert isinstance(after, Unauthenticated)


def test_a_living_key_of_a_partner_who_lost_another_goes_on(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            await deleted_elsewhere(here, there, "deleted-8", 170)
            spare, _ = a_key(171)
            who = await here.access.authenticate(spare)
            return await here.do(a_participation(), who)

    assert asyncio.run(story()).position > 0


def test_a_permission_is_held_against_what_the_credential_may_do_now(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            key, issued = a_key(180)
            await there.do(an_approval("narrow", key=issued))
            who = await here.access.authenticate(key)
            await there.do(a_key_added(a_key(181)[1], "narrow"), who)
            with pytest.raises(Forbidden, match="partners:suspend"):
                await here.committer.answer(
                    Submission(a_participation(), who, permission="partners:suspend")
                )

    asyncio.run(story())
