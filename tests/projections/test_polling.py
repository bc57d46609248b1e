"""Polling: what an agent can act on, in one statement that stops at its limit."""

import msgspec
import psycopg
import pytest

from application.log.connections import options
from domain.registry import RevokeAgent
from projections.polling import AT_MOST, BYTES_AT_MOST, POLL, Brief
from tests.application.running import as_owner
from tests.benchmarks.explain import Prepared
from tests.builders import NOW, TENANT, a_turn, an_id, days_ago
from tests.marketplace import (
    a_cancellation,
    a_decline,
    a_delivery,
    a_judgement,
    a_price,
    an_acceptance,
)
from tests.projections.market import Bazaar, at_the_bazaar

TOMORROW = days_ago(-1)


def test_an_open_job_is_offered_to_an_agent_of_the_capability(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        able = await bazaar.offer(capabilities=("chat", "poll-1"))
        unable = await bazaar.offer(capabilities=("chat",))
        job_id = await bazaar.post(capability="poll-1", title="Call", requirements={"a": 1})

        (due,) = await bazaar.polled(able)

        assert (due.job_id, due.status) == (job_id, "OFFERED")
        assert (due.brief, due.comments) == (Brief("Call", {"a": msgspec.Raw(b"1")}), None)
        assert await bazaar.polled(unable) == []

    at_the_bazaar(log_url, story)


def test_what_is_not_for_an_agent_is_not_offered(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("poll-2",), price=a_price("2.50"))
        wanted = {"capability": "poll-2"}
        await bazaar.post(**wanted, budget=a_price("2.49"))
        await bazaar.post(**wanted, budget=a_price("300", "JPY"))
        declined, cancelled = await bazaar.post(**wanted), await bazaar.post(**wanted)
        await bazaar.do(a_decline(declined, agent_id=agent_id))
        await bazaar.do(a_cancellation(cancelled))
        fitting = await bazaar.post(**wanted, budget=a_price("2.50"), deadline=TOMORROW)

        assert [due.job_id for due in await bazaar.polled(agent_id)] == [fitting]
        assert await bazaar.polled(agent_id, TOMORROW) == []

    at_the_bazaar(log_url, story)


def test_another_tenants_agent_sees_nothing(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        stranger = await bazaar.offer(capabilities=("poll-3",), tenant="sandbox/acme")
        await bazaar.post(capability="poll-3")
        rows = await bazaar.fetch(
            POLL,
            {
                "tenant": ["sandbox/bolt"],
                "agent_id": [stranger],
                "now": [NOW],
                "limit": ["50"],
                "bytes": ["1"],
            },
        )

        assert rows == [("[[]]",)]

    at_the_bazaar(log_url, story)


def test_work_is_due_to_the_agent_that_accepted_and_to_no_other(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        own = await bazaar.offer(capabilities=("poll-4",))
        other = await bazaar.offer(capabilities=("poll-4",))
        job_id = await bazaar.accepted(own, capability="poll-4")

        (due,) = await bazaar.polled(own)

        assert (due.job_id, due.status, due.comments) == (job_id, "REQUESTED", None)
        assert await bazaar.polled(other) == []

    at_the_bazaar(log_url, story)


def test_rejected_work_is_due_with_the_comments_and_delivered_work_is_not(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("poll-5",))
        job_id = await bazaar.accepted(agent_id, capability="poll-5")
        await bazaar.do(a_delivery(job_id, agent_id=agent_id))
        assert await bazaar.polled(agent_id) == []

        await bazaar.do(a_judgement(job_id, "reject", comments="Spell it right"))

        (due,) = await bazaar.polled(agent_id)
        assert (due.status, due.comments) == ("REQUESTED", "Spell it right")

    at_the_bazaar(log_url, story)


def test_what_a_revoked_agent_left_is_offered_to_others(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        first = await bazaar.offer(capabilities=("poll-6",))
        second = await bazaar.offer(capabilities=("poll-6",))
        job_id = await bazaar.accepted(first, capability="poll-6")

        await bazaar.do(a_turn(RevokeAgent, first))

        assert [due.job_id for due in await bazaar.polled(second)] == [job_id]
        assert (await bazaar.do(an_acceptance(job_id, agent_id=second))).job.agent_id == second

    at_the_bazaar(log_url, story)


def test_the_oldest_come_first_and_no_more_than_50(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("poll-7", "poll-8"))
        jobs = [await bazaar.post(capability=f"poll-{7 + number % 2}") for number in range(55)]
        for job_id in (jobs[0], jobs[3]):
            await bazaar.do(an_acceptance(job_id, agent_id=agent_id))

        due = await bazaar.polled(agent_id)

        assert [one.job_id for one in due] == jobs[:AT_MOST]
        assert [one.job_id for one in due if one.status == "REQUESTED"] == [jobs[0], jobs[3]]

    at_the_bazaar(log_url, story)


MANY_MORE = """
insert into state (fold, key, version, position, row)
select fold, (10000000 + %s * 100000 + number)::text, version, position,
       jsonb_set(
           jsonb_set(row::jsonb, '{number}', to_jsonb(10000000 + %s * 100000 + number)),
           '{budget,millionths}', to_jsonb(case number %% 2 when 0 then 1 else 3000000 end)
       )::json
from state cross join generate_series(1, %s::integer) as number
where fold = 'job' and key = %s
"""
PAGES_MORE_AT_MOST = 40


@pytest.mark.parametrize("capability", ["poll-9", "poll-10"])
def test_a_poll_costs_the_same_however_many_jobs_are_open(log_url: str, capability: str) -> None:
    """Half of those that come to it pay too little; some are of another capability altogether."""

    async def story(bazaar: Bazaar) -> tuple[str, int]:
        agent_id = await bazaar.offer(capabilities=("poll-9",), price=a_price("2.50"))
        return agent_id, await bazaar.post(capability=capability)

    agent_id, job_id = at_the_bazaar(log_url, story)
    asked = {
        "tenant": [TENANT],
        "agent_id": [agent_id],
        "now": [NOW],
        "limit": [str(AT_MOST)],
        "bytes": [str(BYTES_AT_MOST)],
    }
    touched = []
    with psycopg.connect(log_url, options=options("tenure_writer"), autocommit=True) as connection:
        page = Prepared(connection, "poll", POLL)
        for part, number in enumerate((300, 6_000), start=int(capability[5:]) * 10):
            as_owner(log_url, MANY_MORE, part, part, number, str(job_id))
            as_owner(log_url, "analyze state")
            page.explain(asked)
            found = page.explain(asked)
            touched.append(found.total.touched)

    assert touched[1] <= touched[0] + PAGES_MORE_AT_MOST, touched


def test_an_agent_that_is_not_listed_has_nothing_to_do(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        assert await bazaar.polled(an_id()) == []

    at_the_bazaar(log_url, story)
