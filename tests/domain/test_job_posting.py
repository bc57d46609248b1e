"""Posting a job, and who has it at once."""

from typing import Any

import pytest

from domain.job import CATEGORY, Posted, Viewer
from domain.job_posting import AskJob
from domain.negotiation import House
from domain.refusals import InvalidValue, NotFound, PayloadTooLarge
from domain.registry import RevokeAgent, SuspendAgent
from tests.builders import NOW, TENANT, History, a_turn, days_ago
from tests.marketplace import (
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    Market,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_price,
    a_spend_cap,
    an_acceptance,
)

TOMORROW = days_ago(-1)


def standing_by(*prices: str, unit: str = "lead") -> Market:
    """A market of agents that take work at once, at these prices."""
    return Market(
        *(
            a_listing(f"agent-{number}", price=a_price(price), unit=unit, auto_accept=True)
            for number, price in enumerate(prices, start=1)
        )
    )


def done_by(market: Market, agent_id: str, rating: int) -> None:
    """Have an agent do a job that is approved with a rating."""
    job_id = market.posted(a_job(units=1, unit="other"))
    market.do(an_acceptance(job_id, agent_id=agent_id))
    market.do(a_delivery(job_id, agent_id=agent_id))
    market.do(a_judgement(job_id, rating=rating))


# Its number and what is kept of it


def test_a_jobs_number_is_the_position_of_the_entry_that_posts_it() -> None:
    market = Market()

    first, second = market.posted(), market.posted()

    for job_id in (first, second):
        entry = market.entries[job_id - 1]
        assert isinstance(entry.data, Posted)
        assert entry.stream == f"{CATEGORY}-{job_id}"


def test_what_the_client_wrote_is_kept_beside_the_log_under_a_salt() -> None:
    outcome = Market().decide(a_job(title="Secret title", requirements={"who": "Ada"}))

    (change,) = outcome.changes
    brief, salt = outcome.documents
    assert isinstance(change.event, Posted)
    assert change.event.brief.place == brief.name
    assert brief.content == {"title": "Secret title", "requirements": {"who": "Ada"}}
    assert salt.name == f"{CATEGORY}-{outcome.reply.job_id}/salt"
    assert "Secret" not in str(change.event)


def test_the_same_words_under_another_salt_have_another_hash() -> None:
    market = Market()
    job = a_job()
    other = type(job)(
        **{name: getattr(job, name) for name in job.__struct_fields__} | {"salt": "00" * 32}
    )

    hashes = {market.decide(one).reply.job.brief.hash for one in (job, other)}

    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "t" * 201}, "title"),
        ({"capability": "no/slash"}, "capability"),
        ({"unit": ""}, "unit"),
        ({"units": 0}, "units"),
        ({"units": 1_000_001}, "units"),
        ({"deadline": NOW}, "deadline"),
    ],
)
def test_a_job_that_nobody_could_do_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Market().posted(a_job(**wrong))

    assert refused.value.facts["field"] == field


def test_requirements_of_more_than_a_mebibyte_are_refused() -> None:
    with pytest.raises(PayloadTooLarge):
        Market().posted(a_job(requirements={"long": "x" * 2**20}))


# Who has it at once


def test_a_job_waits_where_nobody_takes_work_at_once() -> None:
    market = Market()

    assert market.job(market.posted()).status == "OPEN"


def test_an_agent_that_stands_by_has_it_at_its_listed_price() -> None:
    market = standing_by("2.50")

    job = market.job(market.posted())

    assert (job.status, job.agent_id) == ("REQUESTED", "agent-1")
    assert job.engagement is not None
    assert job.engagement.terms.price == a_price("2.50")


@pytest.mark.parametrize(
    "job",
    [
        a_job(budget=a_price("2.49")),
        a_job(budget=a_price("300", "JPY")),
        a_job(unit="call"),
        a_job(capability="chat"),
    ],
    ids=["too little", "another currency", "another unit", "another capability"],
)
def test_it_is_not_for_whom_it_does_not_fit(job: Any) -> None:
    market = standing_by("2.50")

    assert market.job(market.posted(job)).status == "OPEN"


def test_among_equals_the_id_decides() -> None:
    market = standing_by("2.50", "2.40", "2.60")

    assert market.job(market.posted()).agent_id == "agent-1"


def test_the_better_reputation_has_it_before_the_id() -> None:
    market = standing_by("2.50", "2.50", "2.50")
    done_by(market, "agent-1", 1)
    done_by(market, "agent-2", 5)
    done_by(market, "agent-3", 3)

    assert market.job(market.posted()).agent_id == "agent-2"


def test_an_agent_that_may_not_act_is_passed_over() -> None:
    market = standing_by("2.50", "2.50", "2.50")
    market.do(a_turn(SuspendAgent, "agent-1"))
    market.do(a_turn(RevokeAgent, "agent-2"))

    assert market.job(market.posted()).agent_id == "agent-3"


def test_whom_the_policy_does_not_allow_does_not_have_it() -> None:
    market = standing_by("2.50")

    assert market.job(market.posted(a_job(house=House(gate="job.accept")))).status == "OPEN"


def test_a_job_that_the_client_cannot_pay_for_waits() -> None:
    market = standing_by("2.50")
    market.do(a_spend_cap(999))

    assert market.job(market.posted(a_job(units=4))).status == "OPEN"


# Who sees it


@pytest.mark.parametrize(
    ("viewer", "open_ones", "accepted_ones"),
    [
        (Viewer(CLIENT, ("client",)), True, True),
        (Viewer("client-2", ("client",)), False, False),
        (Viewer(DEVELOPER, ("developer",)), True, True),
        (Viewer("developer-2", ("developer",)), True, False),
        (Viewer(SUPERVISOR, ("supervisor",)), True, True),
    ],
)
def test_a_job_is_seen_by_those_whom_it_concerns(
    viewer: Viewer, open_ones: bool, accepted_ones: bool
) -> None:
    market = Market()
    jobs = {market.posted(): open_ones, market.accepted(): accepted_ones}

    for job_id, sees in jobs.items():
        question = AskJob(tenant=TENANT, viewer=viewer, job_id=job_id)
        if sees:
            assert market.decide(question).reply == market.job(job_id)
        else:
            with pytest.raises(NotFound):
                market.decide(question)


def test_another_tenants_job_is_not_found() -> None:
    market = Market()
    viewer = Viewer(SUPERVISOR, ("supervisor",))

    with pytest.raises(NotFound):
        market.decide(AskJob(tenant="sandbox/bolt", viewer=viewer, job_id=market.posted()))
    with pytest.raises(NotFound):
        History().decide(AskJob(tenant=TENANT, viewer=viewer, job_id=1))
