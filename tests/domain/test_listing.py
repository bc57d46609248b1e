"""Listings: an agent of the registry, made and offered in one transaction."""

from typing import Any

import pytest

from domain.agent import AGENT, Registered
from domain.listing import LISTING, OFFERING, STANDBY, AskListing, ListingPublished, capability_of
from domain.principal import identify
from domain.refusals import (
    AgentSuspended,
    InvalidName,
    InvalidSchema,
    InvalidValue,
    NotFound,
    UidIsRotatedByDeveloper,
    Unauthenticated,
)
from domain.registry import RevokeAgent, SuspendAgent
from tests.builders import (
    TENANT,
    History,
    a_lookup,
    a_rotation,
    a_turn,
    an_approval,
    an_issued_key,
)
from tests.marketplace import (
    AGENT as ONE,
)
from tests.marketplace import (
    DEVELOPER,
    VOICE,
    Market,
    a_listing,
    a_member,
    a_price,
    an_agent_uid_rotation,
)

FIRST = an_issued_key(f"first uid of {ONE}")
SECOND = an_issued_key("another uid")
DEVELOPERS = an_issued_key(f"first uid of {DEVELOPER}")


def listed() -> Market:
    return Market(given=[an_approval()])


def test_an_agent_is_registered_and_listed_at_once() -> None:
    outcome = History().decide(a_listing())

    registered, published = (change.event for change in outcome.changes)
    assert isinstance(registered, Registered)
    assert isinstance(published, ListingPublished)
    assert (registered.type, registered.rights.preset) == ("AI_AGENT", "operator")
    assert registered.rights.allowed_event_types == ("gig.completed",)
    assert outcome.reply.agent_id == ONE


def test_its_entity_is_known_under_its_id_from_the_start() -> None:
    market = Market()

    assert market.known().entity(a_lookup(ONE)) == f"entity-of-{ONE}"


def test_a_listing_says_what_was_published() -> None:
    reply = Market().decide(AskListing(tenant=TENANT, agent_id=ONE)).reply

    assert (reply.owner_id, reply.capabilities) == (DEVELOPER, (VOICE,))
    assert reply.pricing.price == a_price()


def test_another_tenants_listing_is_not_found() -> None:
    with pytest.raises(NotFound):
        Market().decide(AskListing(tenant="sandbox/bolt", agent_id=ONE))


def test_it_is_found_under_each_of_its_capabilities() -> None:
    market = Market(a_listing(capabilities=("voice", "chat"), auto_accept=True))

    known = market.known()
    for capability in ("voice", "chat"):
        key = capability_of(TENANT, capability, ONE)
        assert known.get(OFFERING, key) == known.get(STANDBY, key)
        assert known.get(OFFERING, key) is not None


def test_only_agents_that_take_work_at_once_stand_by() -> None:
    known = Market().known()

    assert known.get(OFFERING, capability_of(TENANT, VOICE, ONE)) is not None
    assert known.get(STANDBY, capability_of(TENANT, VOICE, ONE)) is None


@pytest.mark.parametrize(
    ("wrong", "refusal", "field"),
    [
        ({"name": ""}, InvalidName, None),
        ({"capabilities": ()}, InvalidValue, "capabilities"),
        ({"capabilities": ("a", "a")}, InvalidValue, "capabilities"),
        ({"capabilities": ("a/b",)}, InvalidValue, "capabilities"),
        ({"capabilities": tuple(f"c{n}" for n in range(21))}, InvalidValue, "capabilities"),
        ({"unit": ""}, InvalidValue, "pricing.unit"),
        ({"sla_max_seconds": 0}, InvalidValue, "sla.max_seconds"),
        ({"input_schema": {"type": "nonsense"}}, InvalidSchema, "input_schema"),
        ({"output_schema": {"type": 3}}, InvalidSchema, "output_schema"),
    ],
)
def test_what_could_not_be_offered_is_refused_and_leaves_nothing(
    wrong: dict[str, Any], refusal: type[Exception], field: str | None
) -> None:
    market = listed()
    entries = len(market.entries)

    with pytest.raises(refusal) as refused:
        market.list(a_listing("agent-2", **wrong))

    assert refused.value.facts.get("field") == field  # type: ignore[attr-defined]
    assert len(market.entries) == entries


# Its uid


def test_its_uid_opens_the_agent_and_with_its_developers_too() -> None:
    known = listed().known()

    assert identify(FIRST.lookup, known).id == f"agent:{ONE}"
    both = identify(FIRST.lookup, known, DEVELOPERS.lookup)
    assert (both.id, both.beside) == (f"agent:{ONE}", DEVELOPERS.lookup)
    assert "jobs:work" in both.permissions


def test_another_developers_uid_does_not_belong_to_it() -> None:
    market = listed()
    market.do(a_member("developer-2", "developer"))
    other = an_issued_key("first uid of developer-2")

    for beside in (other.lookup, FIRST.lookup, "nobody"):
        with pytest.raises(Unauthenticated):
            identify(FIRST.lookup, market.known(), beside)


def test_its_developer_rotates_its_uid_and_nobody_else() -> None:
    market = listed()

    with pytest.raises(NotFound):
        market.do(an_agent_uid_rotation(SECOND, owner_id="developer-2"))
    market.do(an_agent_uid_rotation(SECOND))

    assert identify(SECOND.lookup, market.known()).id == f"agent:{ONE}"
    with pytest.raises(Unauthenticated):
        identify(FIRST.lookup, market.known())


def test_the_registry_gives_it_no_key() -> None:
    with pytest.raises(UidIsRotatedByDeveloper):
        listed().do(a_rotation(ONE, SECOND))


def test_the_registry_stops_it_and_ends_it_like_any_other() -> None:
    market = listed()

    market.do(a_turn(SuspendAgent, ONE))
    with pytest.raises(AgentSuspended):
        identify(FIRST.lookup, market.known())
    market.do(a_turn(RevokeAgent, ONE))

    agent = market.known().get(AGENT, ONE)
    assert agent is not None
    assert agent.status == "REVOKED"
    assert market.known().get(LISTING, ONE) is not None
