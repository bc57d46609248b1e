"""Webhooks: what happened is told to who wants to know, at least once and under one id."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from application.following import follow
from application.guarded_fetch import How
from application.webhooks.deliveries import Deliveries
from domain.principal import Principal
from domain.webhook import DeleteWebhook, PingWebhook, ReplayDelivery, RotateSecret
from tests.application.listening import PUBLIC, resolving_to
from tests.application.receiving import HANGS, OK, answering, receiving
from tests.application.running import (
    Worker,
    a_worker,
    as_owner,
    end_every_connection,
    head_of,
)
from tests.application.telling import (
    TELLINGS,
    attempts_of,
    deliveries_of,
    secret_of,
    telling,
)
from tests.builders import a_participation, a_principal, a_webhook, of_webhook
from tests.interfaces.serving import eventually

numbers = count(1)


class Telling:
    """A tenant of a test's own, with a webhook."""

    def __init__(self, url: str, worker: Worker) -> None:
        self.url, self.worker = url, worker
        self.who: Principal = a_principal(f"told {next(numbers)}")
        self.webhook_id = ""

    async def wants(self, address: str, **settings: Any) -> None:
        added = a_webhook(address, tenant=self.who.tenant, **settings)
        self.webhook_id = (await self.worker.do(added, self.who)).webhook_id

    async def happens(self, times: int = 1) -> None:
        for _ in range(times):
            await self.worker.do(a_participation(), self.who)

    async def asks(self, command: Any, **more: Any) -> Any:
        one = of_webhook(command, self.webhook_id, tenant=self.who.tenant, **more)
        return await self.worker.do(one, self.who)

    async def settles(self, *statuses: str) -> None:
        """Wait until its deliveries stand so."""
        await until(lambda: [row[1] for row in self.deliveries()] == list(statuses))

    def deliveries(self) -> list[tuple[str, str, int]]:
        return deliveries_of(self.url, self.webhook_id)

    def attempts(self) -> list[tuple[int | None, str | None]]:
        return attempts_of(self.url, self.webhook_id)

    def due_in_seconds(self) -> list[float]:
        """How long after its last attempt each delivery is due."""
        rows = as_owner(
            self.url,
            "select extract(epoch from due_at - max(at)) from webhook_delivery"
            " join webhook_attempt using (delivery_id) where webhook_delivery.webhook_id = %s"
            " and due_at is not null group by delivery_id, due_at order by 1",
            self.webhook_id,
        )
        return [float(seconds) for (seconds,) in rows]

    def time_passes(self, **by: int) -> None:
        """Let what is due later be due by now, or have begun earlier."""
        for column, seconds in by.items():
            as_owner(
                self.url,
                f"update webhook_delivery set {column} = {column} - %s * interval '1 second'"
                " where webhook_id = %s",
                seconds,
                self.webhook_id,
            )
        as_owner(
            self.url,
            "update webhook_turn set turn_at ="
            " (select min(due_at) from webhook_delivery where webhook_id = %s)"
            " where webhook_id = %s",
            self.webhook_id,
            self.webhook_id,
        )


async def until(holds: Callable[[], object]) -> None:
    await asyncio.to_thread(eventually, holds)


@asynccontextmanager
async def a_told(url: str, *, senders: int = 1, **settings: Any) -> AsyncIterator[Telling]:
    async with a_worker(url) as worker, telling(url, worker, senders=senders, **settings):
        yield Telling(url, worker)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


# What is told, and how


def test_what_happens_is_told_in_the_words_of_standard_webhooks(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            (message,) = await receiver.has(1)
            await told.settles("DELIVERED")

            said = message.verified(secret_of(told.webhook_id))
            assert said.keys() == {"type", "timestamp", "data"}
            assert said["type"] == "job.accepted"
            assert message.path == "/hooks?from=tenure"
            assert message.id.startswith("msg_")
            assert message.headers["content-type"] == "application/json"
            assert told.attempts() == [(204, None)]

    run(story)


def test_who_has_no_webhook_for_a_topic_is_not_told(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url, topics=("invoice.issued",))
            await told.happens()
            await told.asks(PingWebhook)
            (message,) = await receiver.has(1)

            assert message.said["type"] == "webhook.ping"

    run(story)


def test_nobody_is_told_what_happened_before_or_to_another_tenant(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.happens(3)
            await told.wants(receiver.url)
            await Telling(log_url, told.worker).happens(3)
            await told.asks(PingWebhook)
            (message,) = await receiver.has(1)

            assert message.said["type"] == "webhook.ping"
            assert told.deliveries()[0][0] == "webhook.ping"

    run(story)


def test_a_message_is_signed_under_both_secrets_while_both_hold(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.asks(RotateSecret)
            await told.happens()
            (message,) = await receiver.has(1)

            for generation in (1, 2):
                message.verified(secret_of(told.webhook_id, generation))
            with pytest.raises(WebhookVerificationError):
                message.verified(secret_of(told.webhook_id, 3))

    run(story)


def test_what_is_deleted_is_sent_nothing_and_its_address_is_forgotten(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            await told.settles("DELIVERED")
            await told.asks(DeleteWebhook)
            await told.happens()
            await until(lambda: told.deliveries() == [])
            other = Telling(log_url, told.worker)
            await other.wants(receiver.url)
            await other.happens()
            await other.settles("DELIVERED")

            assert len(receiver.received) == 2
            name = f"webhook-{told.webhook_id}"
            assert as_owner(log_url, "select 1 from document where name = %s", name) == []

    run(story)


# Readers that do not take it


@pytest.mark.parametrize(
    ("reply", "status", "error"),
    [
        (answering(500), 500, None),
        (answering(404), 404, None),
        (answering(302, "Location: http://127.0.0.1:1/"), 302, None),
        (b"SSH-2.0-OpenSSH\r\n", None, "the answer is not HTTP"),
        (HANGS, None, "there was no whole answer within 0.2 seconds"),
    ],
)
def test_what_is_not_taken_is_tried_again_later_and_each_attempt_is_shown(
    log_url: str, reply: bytes, status: int | None, error: str | None
) -> None:
    how: How = {"loopback": True, "seconds": 0.2}

    async def story() -> None:
        async with receiving(reply, reply, OK) as receiver, a_told(log_url, how=how) as told:
            await told.wants(receiver.url)
            await told.happens()
            await until(lambda: len(told.attempts()) == 1)
            assert told.due_in_seconds() == [pytest.approx(5, abs=1)]
            told.time_passes(due_at=60)
            await until(lambda: len(told.attempts()) == 2)
            assert told.due_in_seconds() == [pytest.approx(15, abs=1)]
            told.time_passes(due_at=60)
            await told.settles("DELIVERED")

            assert told.attempts() == [(status, error), (status, error), (204, None)]
            assert len({message.id for message in receiver.received}) == 1
            assert len({message.body for message in receiver.received}) == 1

    run(story)


def test_what_is_never_taken_is_given_up_after_three_days(log_url: str) -> None:
    async def story() -> None:
        async with receiving(answering(503)) as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            await until(lambda: len(told.attempts()) == 1)
            told.time_passes(due_at=3 * 86400, begun_at=3 * 86400)
            await told.settles("GIVEN_UP")

            assert told.deliveries() == [("job.accepted", "GIVEN_UP", 2)]

    run(story)


def test_a_reader_that_says_it_is_gone_is_told_nothing_more(log_url: str) -> None:
    async def story() -> None:
        async with receiving(answering(410)) as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            await told.settles("GIVEN_UP")
            await until(
                lambda: (
                    as_owner(
                        log_url, "select 1 from webhook_turn where webhook_id = %s", told.webhook_id
                    )
                    == []
                )
            )
            await told.happens()
            other = Telling(log_url, told.worker)
            await other.wants(receiver.url)
            await other.happens()
            await other.settles("GIVEN_UP")

            assert told.attempts() == [(410, None)]
            assert len(receiver.received) == 2

    run(story)


def test_a_replay_sends_the_same_again_under_the_same_id(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            (first,) = await receiver.has(1)
            await told.settles("DELIVERED")
            await told.asks(ReplayDelivery, delivery_id=first.id)
            _, second = await receiver.has(2)
            await until(lambda: told.deliveries() == [("job.accepted", "DELIVERED", 2)])

            assert (second.id, second.body) == (first.id, first.body)

    run(story)


def test_who_answers_nothing_holds_nobody_else_up(log_url: str) -> None:
    async def story() -> None:
        async with (
            receiving(HANGS) as deaf,
            receiving() as receiver,
            a_told(log_url, how={"loopback": True, "seconds": 600.0}) as slow,
        ):
            await slow.wants(deaf.url)
            await slow.happens(5)
            await deaf.has(1)
            quick = Telling(log_url, slow.worker)
            await quick.wants(receiver.url)
            await quick.happens(5)
            await quick.settles(*["DELIVERED"] * 5)

            assert len(deaf.received) == 1

    run(story)


# Where it is not sent


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1"])
def test_a_name_that_leads_inside_by_now_is_not_connected_to(log_url: str, address: str) -> None:
    how: How = {"resolve": resolving_to(PUBLIC, address)}

    async def story() -> None:
        async with a_told(log_url, how=how) as told:
            await told.wants("https://acme.example/hooks")
            await told.happens()
            await until(lambda: len(told.attempts()) == 1)

            assert told.attempts() == [
                (None, "the name does not lead to public addresses alone"),
            ]

    run(story)


def test_this_machine_is_not_sent_to_without_its_setting(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url, how={}) as told:
            await told.wants(receiver.url)
            await told.happens()
            await until(lambda: len(told.attempts()) == 1)

            assert receiver.received == []

    run(story)


# Whatever breaks


def test_a_sender_cut_off_between_sending_and_noting_sends_again_under_the_same_id(
    log_url: str,
) -> None:
    harms = iter([True, False])

    def harm() -> None:
        if next(harms, False):
            end_every_connection(log_url)

    async def story() -> None:
        async with receiving(before=harm) as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            first, second = await receiver.has(2)
            await told.settles("DELIVERED")

            assert first.id == second.id
            assert told.deliveries() == [("job.accepted", "DELIVERED", 1)]

    run(story)


def test_two_who_follow_send_each_message_once(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url, senders=2) as told:
            await told.wants(receiver.url)
            await told.happens(10)
            await told.settles(*["DELIVERED"] * 10)

            assert len({message.id for message in receiver.received}) == 10
            assert len(receiver.received) == 10

    run(story)


def test_a_database_that_goes_away_loses_no_delivery_and_invents_none(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            for _ in range(3):
                await told.happens(3)
                await asyncio.to_thread(end_every_connection, log_url)
            await told.happens()
            await told.settles(*["DELIVERED"] * 10)

            assert len({message.id for message in receiver.received}) == 10

    run(story)


def test_what_is_read_a_second_time_is_not_sent_a_second_time(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens(3)
            await told.settles(*["DELIVERED"] * 3)
        as_owner(log_url, "update follower set position = 0 where name = 'webhook deliveries'")
        async with receiving() as receiver, a_told(log_url) as again:
            again.webhook_id = told.webhook_id
            await until(
                lambda: (
                    as_owner(
                        log_url, "select position from follower where name = 'webhook deliveries'"
                    )
                    == [(head_of(log_url),)]
                )
            )
            await again.wants(receiver.url)
            await again.happens()
            await again.settles("DELIVERED")

            assert len(told.deliveries()) == 3
            assert len(receiver.received) == 1

    run(story)


def test_due_rows_whose_transaction_is_lost_are_written_once_by_the_next(log_url: str) -> None:
    class CutOff(Deliveries):
        """Loses its connection after it wrote, before that is committed."""

        cut = False

        async def step(self, connection: Any, after: int, limit: int) -> int:
            position = await super().step(connection, after, limit)
            if position == head_of(log_url) and not self.cut:
                self.cut = True
                await connection.execute("select pg_terminate_backend(pg_backend_pid())")
            return position

    async def story() -> None:
        async with a_worker(log_url) as worker:
            told = Telling(log_url, worker)
            await told.wants("https://acme.example/hooks")
            await told.happens(3)
            follower = CutOff(TELLINGS)
            task = asyncio.create_task(follow(log_url, follower))
            await told.settles("PENDING", "PENDING", "PENDING")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

            assert follower.cut

    run(story)


def test_old_deliveries_and_their_attempts_are_dropped(log_url: str) -> None:
    async def story() -> None:
        async with receiving() as receiver, a_told(log_url) as told:
            await told.wants(receiver.url)
            await told.happens()
            await told.settles("DELIVERED")
            as_owner(log_url, "select webhook_housekeep()")
            assert len(told.deliveries()) == 1
            told.time_passes(begun_at=31 * 86400)
            as_owner(log_url, "select webhook_housekeep()")

            assert told.deliveries() == []
            assert told.attempts() == []

    run(story)
