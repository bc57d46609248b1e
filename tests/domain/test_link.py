"""Links: entities of several partners that are one, one a partner, all of one environment."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.command import Command
from domain.link import GROUP, OFFER, group_of
from domain.refusals import LinkCodeInvalid, LinkExists, LinkNotAllowed, NotFound, Refusal
from tests.builders import (
    NOW,
    TENANT,
    History,
    a_hash_of,
    a_kill,
    a_leave,
    a_lookup,
    a_participation,
    a_redemption,
    an_agent,
    an_approval,
    an_erasure,
    an_offer,
    days_ago,
)

ACME, BOLT, COG = "sandbox/acme", "sandbox/bolt", "sandbox/cog"


def others(history: History, tenant: str, person: str = "alice") -> set[str]:
    """The tenants whose entities somebody's entity is one with."""
    known = history.known()
    entity_id = known.entity(a_lookup(person, tenant))
    return set(group_of(entity_id, known).values()) if entity_id else set()


def linked() -> History:
    """Alice of acme and bolt, linked."""
    return History(an_offer(tenant=ACME), a_redemption(tenant=BOLT))


# Offering


def test_an_offer_holds_for_fifteen_minutes() -> None:
    reply = History().do(an_offer())

    assert reply.expires_at == days_ago(0, minutes=-15)


def test_an_offer_is_known_by_the_hash_of_its_code() -> None:
    history = History(an_offer(code="a code"))

    offer = history.known().get(OFFER, a_hash_of("a code"))

    assert offer is not None
    assert (offer.tenant, offer.entity_id) == (TENANT, history.known().entity(a_lookup()))


def test_an_offer_for_somebody_unknown_makes_them_known() -> None:
    history = History(an_offer("stranger"))

    reported = history.do(a_participation("stranger"))

    assert history.known().entity(a_lookup("stranger")) == reported.entity_id


def test_an_offer_alone_links_nobody() -> None:
    assert others(History(an_offer()), ACME) == set()


# Redeeming


def test_a_code_that_is_redeemed_makes_two_entities_one() -> None:
    history = History(a_participation(tenant=ACME), a_participation(tenant=BOLT))
    history.do(an_offer(tenant=ACME))

    history.do(a_redemption(tenant=BOLT))

    assert others(history, ACME) == {BOLT}
    assert others(history, BOLT) == {ACME}


def test_the_two_may_be_known_by_different_names() -> None:
    history = History(an_offer("alice", tenant=ACME), a_redemption("customer 7", tenant=BOLT))

    assert others(history, ACME, "alice") == {BOLT}
    assert others(history, BOLT, "customer 7") == {ACME}


def test_a_third_partner_joins_the_group_of_whoever_offered() -> None:
    history = linked()
    history.do(an_offer(tenant=BOLT, code="second"))

    history.do(a_redemption(tenant=COG, code="second"))

    assert others(history, ACME) == {BOLT, COG}
    assert others(history, COG) == {ACME, BOLT}


def test_a_code_is_good_until_its_last_moment() -> None:
    history = History(an_offer(tenant=ACME))

    history.do(a_redemption(tenant=BOLT), at="2026-11-22T08:14:59.999Z")

    assert others(history, ACME) == {BOLT}


@pytest.mark.parametrize("at", ["2026-11-22T08:15:00.000Z", "2026-11-23T08:00:00.000Z"])
def test_an_expired_code_opens_nothing(at: str) -> None:
    history = History(an_offer(tenant=ACME))

    with pytest.raises(LinkCodeInvalid):
        history.do(a_redemption(tenant=BOLT), at=at)


def test_a_wrong_code_opens_nothing() -> None:
    history = History(an_offer(tenant=ACME, code="right"))

    with pytest.raises(LinkCodeInvalid):
        history.do(a_redemption(tenant=BOLT, code="wrong"))


def test_a_code_opens_once() -> None:
    history = linked()

    with pytest.raises(LinkCodeInvalid):
        history.do(a_redemption(tenant=COG))


def test_a_code_of_the_other_environment_opens_nothing() -> None:
    history = History(an_offer(tenant="production/acme"))

    with pytest.raises(LinkCodeInvalid):
        history.do(a_redemption(tenant="sandbox/bolt"))


def test_a_partner_does_not_link_its_own_entities() -> None:
    history = History(an_offer("alice", tenant=ACME))

    with pytest.raises(LinkExists, match="the code is your own"):
        history.do(a_redemption("another alice", tenant=ACME))


def test_a_group_holds_one_entity_a_partner() -> None:
    history = linked()
    history.do(an_offer(tenant=ACME, code="second"))

    with pytest.raises(LinkExists):
        history.do(a_redemption("another alice", tenant=BOLT, code="second"))


def test_whoever_is_linked_already_joins_no_other_group() -> None:
    history = linked()
    history.do(an_offer("carol", tenant=COG, code="second"))

    with pytest.raises(LinkExists):
        history.do(a_redemption("alice", tenant=BOLT, code="second"))


def test_a_code_that_was_refused_is_still_good_for_others() -> None:
    history = History(an_offer(tenant=ACME))
    with pytest.raises(LinkExists):
        history.do(a_redemption("another alice", tenant=ACME))

    history.do(a_redemption(tenant=BOLT))

    assert others(history, ACME) == {BOLT}


def test_a_redemption_names_the_partners_that_one_is_then_linked_with() -> None:
    history = History(an_approval("acme", name="Acme"), an_approval("bolt", name="Bolt"))
    history.do(an_offer(tenant=ACME))
    first = history.do(a_redemption(tenant=BOLT))
    history.do(an_offer(tenant=BOLT, code="second"))

    second = history.do(a_redemption(tenant=COG, code="second"))

    assert (first.partners, second.partners) == (("Acme",), ("Acme", "Bolt"))


# Leaving


def test_whoever_leaves_is_alone_and_so_is_the_last_of_two() -> None:
    history = linked()

    history.do(a_leave(tenant=BOLT))

    assert others(history, ACME) == others(history, BOLT) == set()


def test_whoever_leaves_three_takes_only_itself_out() -> None:
    history = linked()
    history.do(an_offer(tenant=BOLT, code="second"))
    history.do(a_redemption(tenant=COG, code="second"))

    history.do(a_leave(tenant=ACME))

    assert others(history, BOLT) == {COG}
    assert others(history, ACME) == set()


def test_nobody_leaves_what_they_are_not_in() -> None:
    history = History(a_participation())

    for person in ("alice", "nobody"):
        with pytest.raises(NotFound):
            history.do(a_leave(person))


def test_whoever_left_may_come_back() -> None:
    history = linked()
    history.do(a_leave(tenant=BOLT))
    history.do(an_offer(tenant=ACME, code="second"))

    history.do(a_redemption(tenant=BOLT, code="second"))

    assert others(history, ACME) == {BOLT}


def test_whoever_was_left_alone_may_join_another_group() -> None:
    history = linked()
    history.do(a_leave(tenant=BOLT))
    history.do(an_offer("carol", tenant=COG, code="second"))

    history.do(a_redemption("alice", tenant=ACME, code="second"))

    assert others(history, ACME) == {COG}
    assert others(history, COG, "carol") == {ACME}


def test_whoever_left_may_be_joined_by_somebody_else_of_the_same_partner() -> None:
    history = linked()
    history.do(a_leave(tenant=BOLT))
    history.do(an_offer(tenant=ACME, code="second"))

    history.do(a_redemption("another alice", tenant=BOLT, code="second"))

    assert others(history, ACME) == {BOLT}
    assert others(history, BOLT, "alice") == set()


# Erasing


def test_whoever_is_erased_leaves_their_group() -> None:
    history = linked()

    history.do(an_erasure(tenant=BOLT))

    assert others(history, ACME) == set()


def test_the_code_of_somebody_erased_opens_nothing() -> None:
    history = History(an_offer(tenant=ACME), an_erasure(tenant=ACME))

    with pytest.raises(LinkCodeInvalid):
        history.do(a_redemption(tenant=BOLT))


# Agents


@pytest.mark.parametrize("command", [an_offer, a_redemption])
def test_an_agents_id_cannot_be_linked(
    command: Callable[..., Command[object]],
) -> None:
    agent = an_agent(tenant=BOLT)
    history = History(an_offer("alice", tenant=ACME), agent)

    with pytest.raises(LinkNotAllowed):
        history.do(command(agent.id, tenant=BOLT))

    assert others(history, ACME) == set()


def test_the_id_of_another_tenants_agent_is_a_name_like_any_other() -> None:
    agent = an_agent(tenant=BOLT)
    history = History(agent, an_offer(agent.id, tenant=ACME))

    history.do(a_redemption("alice", tenant=BOLT))

    assert others(history, ACME, agent.id) == {BOLT}


def test_an_agent_that_was_ended_cannot_be_linked_either() -> None:
    agent = an_agent(tenant=ACME)
    history = History(agent, a_kill(agent.id, tenant=ACME))

    with pytest.raises(LinkNotAllowed):
        history.do(an_offer(agent.id, tenant=ACME))


# Whatever happens

tenants = st.sampled_from([ACME, BOLT, COG, "production/acme"])
people = st.sampled_from(["alice", "carol"])
codes = st.sampled_from(["one", "two", "three"])
moves: st.SearchStrategy[Command[object]] = st.one_of(
    st.builds(an_offer, people, tenant=tenants, code=codes),
    st.builds(a_redemption, people, tenant=tenants, code=codes),
    st.builds(a_leave, people, tenant=tenants),
)


@given(st.lists(moves, max_size=25))
def test_whatever_happens_groups_stay_whole(asked: list[Command[object]]) -> None:
    history = History()
    for command in asked:
        try:
            history.do(command, at=NOW)
        except Refusal:
            continue

    known = history.known()
    groups = [row.state for (fold, _), row in history.rows.items() if fold == GROUP.name]
    members = [entity_id for group in groups for entity_id in group.tenants]
    assert len(members) == len(set(members)), "somebody is in two groups"
    for group in groups:
        owners = list(group.tenants.values())
        assert len(owners) == len(set(owners)), "a partner has two entities in one group"
        assert len({owner.partition("/")[0] for owner in owners}) <= 1
        for entity_id in group.tenants:
            assert {entity_id, *group_of(entity_id, known)} == set(group.tenants)
