"""Jobs as their clients, developers and supervisors see them, and the story of each."""

from typing import Any

import pytest

from domain.job import Job, Viewer
from domain.job_posting import AskJob
from domain.refusals import InvalidCursor, NotFound
from projections.catalogue import INLINE
from projections.engine.replay import Replay
from projections.job_story import story_of
from projections.jobs import inputs_of, list_jobs, offers_of, results_of, show_job
from projections.reviews import review_queue
from tests.application.running import as_owner
from tests.builders import NOW, TENANT, days_ago
from tests.marketplace import (
    SUPERVISOR,
    a_cancellation,
    a_counter_offer,
    a_delivery,
    a_judgement,
    a_result,
    a_review_claim,
    an_erasure_of,
    some_inputs,
    some_results,
)
from tests.projections.market import (
    A_STRANGER,
    ACME,
    THE_CLIENT,
    THE_DEVELOPER,
    THE_SUPERVISOR,
    Bazaar,
    at_the_bazaar,
)


async def numbers(bazaar: Bazaar, viewer: Viewer, **filters: Any) -> list[int]:
    """The jobs that a member's list shows on its first page."""
    page = await list_jobs(bazaar.fetch, TENANT, viewer, **filters)
    return [listed.job.number for listed in page.jobs]


# Lists


def test_each_sees_the_jobs_that_concern_them_newest_first(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("jobs-1",))
        open_one = await bazaar.post(capability="jobs-1", title="The open one")
        accepted = await bazaar.accepted(agent_id, capability="jobs-1")
        others = await bazaar.post(capability="jobs-1", client_id="client-2")

        assert (await numbers(bazaar, THE_CLIENT))[:2] == [accepted, open_one]
        assert (await numbers(bazaar, THE_SUPERVISOR))[:3] == [others, accepted, open_one]
        assert (await numbers(bazaar, THE_DEVELOPER))[:3] == [others, accepted, open_one]
        assert (await numbers(bazaar, Viewer("client-2", ("client",)))) == [others]
        assert await numbers(bazaar, A_STRANGER) == []
        others_developer = Viewer("developer-2", ("developer",))
        assert accepted not in await numbers(bazaar, others_developer)
        page = await list_jobs(bazaar.fetch, TENANT, THE_CLIENT)
        assert page.jobs[1].title == "The open one"

    at_the_bazaar(log_url, story)


def test_a_list_is_paged_and_filtered_by_status(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        jobs = [await bazaar.post(client_id="client-3") for _ in range(5)]
        await bazaar.do(a_cancellation(jobs[2], client_id="client-3"))
        viewer, seen, cursor = Viewer("client-3", ("client",)), [], None
        while True:
            page = await list_jobs(bazaar.fetch, TENANT, viewer, cursor=cursor, limit=2)
            seen += [listed.job.number for listed in page.jobs]
            cursor = page.cursor
            if cursor is None:
                break

        assert seen == jobs[::-1]
        assert await numbers(bazaar, viewer, status="CANCELLED") == [jobs[2]]
        assert await numbers(bazaar, viewer, status="OPEN") == [*jobs[:2:-1], *jobs[1::-1]]
        with pytest.raises(InvalidCursor):
            await list_jobs(bazaar.fetch, TENANT, viewer, cursor="nonsense")

    at_the_bazaar(log_url, story)


def test_another_tenants_supervisor_sees_nothing(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        job_id = await bazaar.post()
        page = await list_jobs(bazaar.fetch, "sandbox/bolt", THE_SUPERVISOR)

        assert page.jobs == []
        with pytest.raises(NotFound):
            await show_job(bazaar.fetch, "sandbox/bolt", THE_SUPERVISOR, job_id)

    at_the_bazaar(log_url, story)


# One job


def test_a_job_is_shown_with_what_was_written_on_it(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("jobs-2",))
        job_id = await bazaar.accepted(
            agent_id, capability="jobs-2", title="Call", requirements={"a": [1]}
        )
        with pytest.raises(NotFound):
            await inputs_of(bazaar.fetch, TENANT, THE_CLIENT, job_id)
        await bazaar.do(some_inputs(job_id, {"leads": ["Ada"]}))
        await bazaar.do(a_delivery(job_id, agent_id=agent_id))
        await bazaar.do(a_judgement(job_id, "reject", comments="No"))

        seen = await show_job(bazaar.fetch, TENANT, THE_DEVELOPER, job_id)

        assert (seen.title, seen.requirements, seen.comments) == ("Call", {"a": [1]}, "No")
        inputs = await inputs_of(bazaar.fetch, TENANT, THE_DEVELOPER, job_id)
        assert inputs == {"leads": ["Ada"]}
        with pytest.raises(NotFound):
            await show_job(bazaar.fetch, TENANT, A_STRANGER, job_id)
        with pytest.raises(NotFound):
            await show_job(bazaar.fetch, TENANT, THE_CLIENT, 10**9)

    at_the_bazaar(log_url, story)


def test_results_are_paged_by_item_with_their_data(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("jobs-3",))
        job_id = await bazaar.accepted(agent_id, capability="jobs-3", units=4)
        items = [a_result(f"lead-{number}", {"n": number}) for number in range(3)]
        await bazaar.do(some_results(job_id, *items, agent_id=agent_id))

        first = await results_of(bazaar.fetch, TENANT, THE_CLIENT, job_id, limit=2)
        second = await results_of(
            bazaar.fetch, TENANT, THE_CLIENT, job_id, limit=2, cursor=first.cursor
        )

        shown = [*first.items, *second.items]
        assert [one.item_ref for one in shown] == ["lead-0", "lead-1", "lead-2"]
        assert [one.data for one in shown] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert {one.outcome for one in shown} == {"reached"}
        assert second.cursor is None

    at_the_bazaar(log_url, story)


def test_the_client_sees_the_counter_offers_that_are_open(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        first = await bazaar.offer(capabilities=("jobs-4",))
        second = await bazaar.offer(capabilities=("jobs-4",))
        job_id = await bazaar.post(capability="jobs-4")
        await bazaar.do(a_counter_offer(job_id, agent_id=first))
        newer = await bazaar.do(a_counter_offer(job_id, agent_id=first))
        other = await bazaar.do(a_counter_offer(job_id, agent_id=second))

        offers = await offers_of(bazaar.fetch, TENANT, THE_CLIENT, job_id)

        assert dict(offers) == {newer.offer_id: newer.offer, other.offer_id: other.offer}
        with pytest.raises(NotFound):
            await offers_of(bazaar.fetch, TENANT, THE_SUPERVISOR, job_id)

    at_the_bazaar(log_url, story)


def test_the_whole_story_is_told_in_order_without_what_people_wrote(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("jobs-5",))
        job_id = await bazaar.accepted(agent_id, capability="jobs-5", units=1, title="Hush")
        await bazaar.do(a_delivery(job_id, "secret", agent_id=agent_id))
        await bazaar.do(a_judgement(job_id, comments="whisper"))

        told, cursor = [], None
        while True:
            page = await story_of(bazaar.fetch, TENANT, THE_CLIENT, job_id, cursor=cursor, limit=4)
            told += page.told
            cursor = page.cursor
            if cursor is None:
                break

        assert [one.sentence for one in told] == [
            "The client asked for 1 unit (lead) of jobs-5, for at most 3.00 USD each.",
            f"Agent {agent_id} accepted, for 2.50 USD per lead.",
            "2.50 USD of what the client may spend is held.",
            "Delivery 1 came on time: 1 unit (lead).",
            "all~1 was handed in: 1 unit (lead), 32 bytes.",
            f"Supervisor {SUPERVISOR} approved all~1, and gave 5 of 5.",
            "all~1 is approved.",
            "all~1 was billed to the client: 2.50 USD.",
            "2.50 USD is held no more.",
            "What was billed became due: 2.50 USD.",
            "The client was invoiced 2.50 USD for 1 unit.",
            "What was earned became payable: 2.50 USD.",
            f"The developer of agent {agent_id} gets 2.50 USD.",
            "The job is COMPLETED.",
        ]
        for secret in ("Hush", "secret", "whisper"):
            assert secret not in str(
                as_owner(log_url, "select entry::text from log where stream = %s", f"job-{job_id}")
            )

    at_the_bazaar(log_url, story)


def test_after_erasure_a_job_is_shown_without_its_words(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("jobs-6",))
        job_id = await bazaar.accepted(agent_id, capability="jobs-6")
        await bazaar.do(some_inputs(job_id))
        await bazaar.do(a_delivery(job_id, agent_id=agent_id))
        await bazaar.do(a_judgement(job_id))

        await bazaar.do(an_erasure_of(job_id))

        kept = as_owner(log_url, "select 1 from document where name like %s", f"job-{job_id}/%")
        assert kept == []
        seen = await show_job(bazaar.fetch, TENANT, THE_CLIENT, job_id)
        assert (seen.title, seen.requirements) == (None, None)
        (item,) = (await results_of(bazaar.fetch, TENANT, THE_CLIENT, job_id)).items
        assert (item.data, item.item.status) == (None, "APPROVED")

    at_the_bazaar(log_url, story)


def test_a_job_can_be_asked_about_as_it_stood(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> tuple[Job, Job]:
        agent_id = await bazaar.offer(capabilities=("jobs-7",))
        job_id = await bazaar.accepted(agent_id, capability="jobs-7")
        question = AskJob(tenant=TENANT, viewer=THE_CLIENT, job_id=job_id)
        before: Job = await bazaar.worker.ask(question)
        ((position,),) = as_owner(log_url, "select max(position) from log")
        await bazaar.do(a_delivery(job_id, agent_id=agent_id))

        fetch = bazaar.worker.across_for(ACME)
        then: Job = await Replay(INLINE).ask(question, str(position), fetch)
        return before, then

    before, then = at_the_bazaar(log_url, story)
    assert before == then
    assert before.status == "REQUESTED"


# The review queue


def test_the_oldest_work_is_first_and_escalated_after_a_day(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("jobs-8",))
        jobs = [await bazaar.accepted(agent_id, capability="jobs-8") for _ in range(3)]
        for job_id in jobs:
            await bazaar.do(a_delivery(job_id, agent_id=agent_id))
        await bazaar.do(a_review_claim(jobs[1]))

        page = await review_queue(bazaar.fetch, TENANT, SUPERVISOR, NOW, limit=200)
        later = await review_queue(bazaar.fetch, TENANT, SUPERVISOR, days_ago(-1), limit=200)

        own = {one.job.number: one for one in page.reviews if one.job.number in jobs}
        assert list(own) == jobs
        assert [one.reviewer_id for one in own.values()] == [None, SUPERVISOR, None]
        assert not any(one.is_escalated for one in own.values())
        afterwards = {one.job.number: one for one in later.reviews}
        assert all(afterwards[job_id].is_escalated for job_id in jobs)
        assert afterwards[jobs[1]].reviewer_id is None

    at_the_bazaar(log_url, story)


def test_the_queue_is_paged_and_leaves_out_judged_work_and_the_supervisors_own(
    log_url: str,
) -> None:
    async def story(bazaar: Bazaar) -> None:
        own = await bazaar.offer(capabilities=("jobs-9",), owner_id="supervisor-9")
        other = await bazaar.offer(capabilities=("jobs-9",))
        mine = await bazaar.accepted(own, capability="jobs-9")
        theirs = [await bazaar.accepted(other, capability="jobs-9") for _ in range(3)]
        await bazaar.do(a_delivery(mine, agent_id=own))
        for job_id in theirs:
            await bazaar.do(a_delivery(job_id, agent_id=other))
        await bazaar.do(a_judgement(theirs[0]))

        found, cursor = [], None
        while True:
            page = await review_queue(
                bazaar.fetch, TENANT, "supervisor-9", NOW, cursor=cursor, limit=2
            )
            found += [one.job.number for one in page.reviews]
            cursor = page.cursor
            if cursor is None:
                break

        assert found[-2:] == theirs[1:]
        assert not {mine, theirs[0]} & set(found)
        assert len(found) == len(set(found))

    at_the_bazaar(log_url, story)
