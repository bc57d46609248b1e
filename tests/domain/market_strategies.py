"""Strategies for the marketplace: anything that can be asked of one with a few jobs in it."""

from hypothesis import strategies as st

from domain.command import Command
from domain.negotiation import House
from domain.registry import ReactivateAgent, RevokeAgent, SuspendAgent
from tests.builders import a_kill, a_turn, an_issued_key, days_ago
from tests.marketplace import (
    AGENT,
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    Market,
    a_cancellation,
    a_counter_offer,
    a_decline,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_member,
    a_price,
    a_refusal_of,
    a_result,
    a_reversal,
    a_review_claim,
    a_spend_cap,
    a_taking,
    a_uid_rotation,
    an_acceptance,
    an_agent_uid_rotation,
    an_erasure_of,
    an_expiry,
    some_inputs,
    some_results,
)

SECOND = "agent-2"


def a_busy_market() -> Market:
    """A market where one job is open, one is worked on, one awaits its evaluation, one is done."""
    market = Market(a_listing(AGENT), a_listing(SECOND, auto_accept=True, price=a_price("2.90")))
    market.posted(a_job(budget=a_price("2.60")))
    market.accepted(a_job(budget=a_price("2.60")))
    market.delivered(a_job(budget=a_price("2.60")))
    job_id, _ = market.delivered(a_job(budget=a_price("2.60")))
    market.do(a_judgement(job_id))
    market.do(a_counter_offer(JOBS[0]))
    return market


JOBS = (8, 9, 12, 17)
job_ids = st.sampled_from([*JOBS, 1])
agent_ids = st.sampled_from([AGENT, SECOND, "nobody"])
member_ids = st.sampled_from([CLIENT, DEVELOPER, SUPERVISOR, "nobody"])
items = st.builds(
    a_result,
    st.sampled_from(["lead-1", "lead-2", "no/ref"]),
    st.sampled_from(["a", {"b": 1}, ""]),
    units=st.integers(0, 3),
)
uids = st.builds(an_issued_key, st.sampled_from(["one uid", "another uid"]))
houses = st.sampled_from([House(), House(fee_basis_points=250), House(gate="job.accept")])
prices = st.none() | st.builds(a_price, st.sampled_from(["1", "2.55", "9"]), st.just("USD"))

commands_at_market: st.SearchStrategy[Command[object]] = st.one_of(
    st.builds(a_member, st.just("member-9"), st.sampled_from(["client", "supervisor"])),
    st.builds(a_uid_rotation, member_ids, uids),
    st.builds(a_spend_cap, st.none() | st.integers(0, 5_000)),
    st.builds(a_listing, st.just("agent-9"), auto_accept=st.booleans(), uid=uids),
    st.builds(an_agent_uid_rotation, uids, agent_id=agent_ids),
    st.builds(
        a_job,
        units=st.integers(0, 3),
        budget=st.builds(a_price, st.sampled_from(["1", "3"])),
        deadline=st.none() | st.sampled_from([days_ago(1), days_ago(-1)]),
        house=houses,
    ),
    st.builds(an_acceptance, job_ids, agent_id=agent_ids, price=prices, house=houses),
    st.builds(a_counter_offer, job_ids, agent_id=agent_ids),
    st.builds(a_decline, job_ids, agent_id=agent_ids),
    st.builds(a_taking, job_ids, st.just("no offer")),
    st.builds(a_refusal_of, job_ids, st.just("no offer")),
    st.builds(some_inputs, job_ids),
    st.builds(a_delivery, job_ids, st.sampled_from(["done", "other", ""]), agent_id=agent_ids),
    st.lists(items, max_size=2).flatmap(
        lambda found: st.builds(
            lambda job_id, agent_id, final: some_results(
                job_id, *found, agent_id=agent_id, final=final
            ),
            job_ids,
            agent_ids,
            st.booleans(),
        )
    ),
    st.builds(
        a_judgement,
        job_ids,
        st.sampled_from(["approve", "reject"]),
        supervisor_id=member_ids,
        item_ref=st.none() | st.sampled_from(["lead-1", "all~1"]),
        rating=st.integers(0, 5),
        comments=st.sampled_from(["", "Well"]),
    ),
    st.builds(a_review_claim, job_ids, supervisor_id=member_ids),
    st.builds(a_reversal, st.just("no evaluation")),
    st.builds(a_cancellation, job_ids, client_id=member_ids),
    st.builds(an_expiry, job_ids),
    st.builds(an_erasure_of, job_ids),
    st.builds(a_turn, st.sampled_from([SuspendAgent, ReactivateAgent, RevokeAgent]), agent_ids),
    st.builds(a_kill, agent_ids, preview=st.booleans()),
)
