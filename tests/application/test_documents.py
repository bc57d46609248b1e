"""Documents beside the log: written with what they belong to, and nowhere else."""

import asyncio

import pytest

from application.log.submission import Submission
from domain.refusals import SlugTaken
from tests.application.running import a_repeatable, a_worker, as_owner, replies
from tests.builders import a_registration

CONTACT = {"email": "ann@acme.example", "website": "https://acme.example"}


def documents(url: str, partner_id: str) -> list[object]:
    rows = as_owner(url, "select content from document where name = %s", f"contact-{partner_id}")
    return [content for (content,) in rows]


def test_a_document_is_kept_beside_the_log_and_not_in_it(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(a_registration("acme", contact=CONTACT))

    asyncio.run(story())

    assert documents(log_url, "acme") == [CONTACT]
    assert as_owner(log_url, "select from log where entry::text like '%%ann@%%'") == []


def test_what_is_refused_leaves_no_document(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(a_registration("bolt", slug="bolt"))
            with pytest.raises(SlugTaken):
                await worker.do(a_registration("cord", slug="bolt", contact=CONTACT))

    asyncio.run(story())

    assert documents(log_url, "cord") == []


def test_several_in_one_batch_are_all_kept(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            names = ("dune", "echo", "fern")
            submissions = [Submission(a_registration(name, contact=CONTACT)) for name in names]
            replies(await worker.together(*submissions))

    asyncio.run(story())

    for name in ("dune", "echo", "fern"):
        assert documents(log_url, name) == [CONTACT]


def test_a_repeat_writes_nothing_again(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            for number in range(2):
                command = a_registration(f"gale-{number}", slug="gale", contact=CONTACT)
                again = a_repeatable(command, "a key", render=lambda _: "{}")
                (reply,) = replies(await worker.together(again))
                assert reply.replayed == (number == 1)

    asyncio.run(story())

    assert documents(log_url, "gale-0") == [CONTACT]
    assert documents(log_url, "gale-1") == []
