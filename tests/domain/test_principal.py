"""Principals: who a credential says is asking."""

from contextlib import suppress

import pytest

from domain.agent import AGENT
from domain.command import Command
from domain.credential import CREDENTIAL
from domain.known import Known
from domain.partner import PARTNER
from domain.principal import OPERATOR, ActingAgent, Identify, Principal, identify
from domain.refusals import (
    AgentEventTypeNotAllowed,
    AgentIdempotencyRequired,
    AgentSuspended,
    AncestorSuspended,
    Forbidden,
    PartnerSuspended,
    Refusal,
    Unauthenticated,
)
from domain.registry import RevokeAgent, SuspendAgent
from domain.rights import ADMIN, GUARDRAILS, OPERATOR_PERMISSIONS, PARTNER_PERMISSIONS, Rights
from domain.rights import OPERATOR as OPERATOR_PRESET
from domain.spawning import ApproveAgent
from tests.builders import (
    FREE,
    History,
    a_change_of_rights,
    a_key_added,
    a_key_deleted,
    a_principal,
    a_reactivation,
    a_spawn,
    a_spawn_policy,
    a_suspension,
    a_turn,
    an_agent,
    an_agents_key,
    an_approval,
    an_issued_key,
)
from tests.domain.forest import CHILD, FOREST, GRANDCHILD, OTHER_ROOT, ROOT, caller


def test_a_living_key_is_its_partner_in_its_environment() -> None:
    key = an_issued_key()
    history = History(an_approval("acme", environment="production", key=key))

    who = identify(key.lookup, history.known())

    assert (who.id, who.tenant, who.key_id) == (
        "partner:acme",
        "production/acme",
        key.key_id,
    )


def test_an_unknown_key_is_nobody() -> None:
    history = History(an_approval("acme"))

    with pytest.raises(Unauthenticated):
        history.do(Identify(an_issued_key("never issued").lookup))


def test_a_deleted_key_is_nobody() -> None:
    first, second = an_issued_key("first"), an_issued_key("second")
    history = History(an_approval(key=first), a_key_added(second), a_key_deleted(first))

    with pytest.raises(Unauthenticated):
        history.do(Identify(first.lookup))


def test_a_key_among_several_still_opens_when_another_is_deleted() -> None:
    first, second = an_issued_key("first"), an_issued_key("second")
    history = History(an_approval(key=first), a_key_added(second), a_key_deleted(first))

    who: Principal = history.do(Identify(second.lookup))

    assert who.key_id == second.key_id


def test_a_principal_carries_the_authority_it_was_identified_at() -> None:
    key = an_issued_key()
    rows = History(an_approval(key=key)).rows

    assert identify(key.lookup, Known(9, authority=5, rows=rows)).authority == 5


def test_identifying_on_what_is_not_loaded_says_what_is_missing() -> None:
    known = Known(0)

    with pytest.raises(Unauthenticated):
        identify("a lookup", known)
    assert known.missing == {("credential", "a lookup")}


def test_a_permission_that_is_held_lets_pass() -> None:
    a_principal(permissions=frozenset({"events:read"})).must("events:read")


def test_a_route_that_wants_no_permission_lets_everybody_pass() -> None:
    a_principal(permissions=frozenset()).must(None)


def test_a_permission_that_is_not_held_is_named() -> None:
    with pytest.raises(Forbidden, match="events:write"):
        a_principal(permissions=frozenset({"events:read"})).must("events:write")


def test_the_operator_belongs_to_no_tenant_and_shows_no_credential() -> None:
    assert (OPERATOR.tenant, OPERATOR.lookup) == ("", "")
    assert OPERATOR.permissions == OPERATOR_PERMISSIONS


# Agents


def acting(history: History, agent_id: str) -> ActingAgent:
    """What binds an agent that calls."""
    agent = caller(history, agent_id).agent
    assert agent is not None
    return agent


def test_an_agents_key_is_the_agent_in_its_partners_environment() -> None:
    who = caller(History(*FOREST), GRANDCHILD)

    assert (who.id, who.tenant, who.partner_id) == (f"agent:{GRANDCHILD}", "sandbox/acme", "acme")
    assert who.key_id == GRANDCHILD


def test_a_partners_own_key_is_no_agent_and_may_do_all_that_a_partner_may() -> None:
    who = caller(History(*FOREST), an_issued_key("first key of acme"))

    assert who.agent is None
    assert who.permissions == PARTNER_PERMISSIONS


def test_an_agent_may_do_what_its_preset_holds() -> None:
    history = History(*FOREST)

    assert caller(history, ROOT).permissions == OPERATOR_PRESET
    assert caller(history, OTHER_ROOT).permissions == ADMIN


def test_an_agent_may_do_no_more_than_its_partners_own_key() -> None:
    key = an_issued_key("public")
    agent = an_agent(agent_type="SERVICE_ACCOUNT", rights=FREE)
    history = History(an_approval("acme", key=key, public=True), agent)

    assert caller(history, agent.key).permissions == ADMIN & caller(history, key).permissions


def test_what_binds_an_agent_is_its_types_guardrails_and_its_rights_in_force() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, allowed=("gig.started",)))

    agent = acting(history, GRANDCHILD)

    assert (agent.agent_id, agent.guardrails) == (GRANDCHILD, GUARDRAILS["AI_AGENT"])
    assert agent.allowed_event_types == frozenset({"gig.started"})
    assert agent.require_idempotency


def test_a_service_account_without_bounds_is_bound_by_nothing() -> None:
    assert acting(History(*FOREST), OTHER_ROOT) == ActingAgent(
        agent_id=OTHER_ROOT,
        guardrails=GUARDRAILS["SERVICE_ACCOUNT"],
        require_idempotency=False,
        allowed_event_types=None,
        rates=(),
    )


def test_what_an_agent_asks_counts_for_each_ancestor_that_has_a_limit() -> None:
    history = History(
        *FOREST, a_change_of_rights(ROOT, rate=600), a_change_of_rights(GRANDCHILD, rate=60)
    )

    assert acting(history, GRANDCHILD).rates == ((ROOT, 600), (GRANDCHILD, 60))
    assert acting(history, CHILD).rates == ((ROOT, 600),)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([a_turn(SuspendAgent, GRANDCHILD)], AgentSuspended),
        ([a_turn(SuspendAgent, CHILD)], AncestorSuspended),
        ([a_turn(SuspendAgent, GRANDCHILD), a_turn(SuspendAgent, CHILD)], AgentSuspended),
        ([a_turn(RevokeAgent, GRANDCHILD)], Unauthenticated),
        ([a_suspension(), a_turn(SuspendAgent, GRANDCHILD)], PartnerSuspended),
        ([a_suspension(), a_turn(RevokeAgent, GRANDCHILD)], Unauthenticated),
    ],
)
def test_an_agent_that_may_not_act_is_told_why(
    given: list[Command[object]], told: type[Refusal]
) -> None:
    history = History(*FOREST, *given)

    with pytest.raises(told) as refused:
        caller(history, GRANDCHILD)

    assert type(refused.value) is told


def test_the_agents_of_a_suspended_partner_wake_with_it() -> None:
    history = History(*FOREST, a_suspension(), a_reactivation())

    assert caller(history, GRANDCHILD).id == f"agent:{GRANDCHILD}"


def test_a_pending_agents_key_opens_nothing_until_it_is_approved() -> None:
    pending = a_spawn(ROOT)
    history = History(*FOREST, a_spawn_policy(approval_from_depth=1), pending)

    with pytest.raises(Unauthenticated):
        caller(history, pending.key)
    history.do(a_turn(ApproveAgent, pending.id))
    assert caller(history, pending.key).id == f"agent:{pending.id}"


def test_an_agent_at_any_depth_is_identified_with_two_loads() -> None:
    rows, lookup = History(*FOREST).rows, an_agents_key(GRANDCHILD).lookup
    known, loads = Known(0), []

    for _ in range(2):
        with suppress(Refusal):
            identify(lookup, known)
        loads.append(known.missing)
        known = Known(0, rows=known.rows | {key: rows[key] for key in known.missing})

    assert identify(lookup, known).id == f"agent:{GRANDCHILD}"
    assert loads == [
        {(CREDENTIAL.name, lookup)},
        {(PARTNER.name, "acme"), *((AGENT.name, one) for one in (ROOT, CHILD, GRANDCHILD))},
    ]


def test_an_agent_reports_what_it_may_and_nothing_else() -> None:
    history = History(*FOREST)

    caller(history, ROOT).must("events:write", "gig.completed")
    caller(history, OTHER_ROOT).must("events:write", "signal.positive")
    with pytest.raises(AgentEventTypeNotAllowed, match=r"signal\.positive"):
        caller(history, ROOT).must("events:write", "signal.positive")


def test_an_agent_that_may_report_nothing_is_not_one_that_may_report_all() -> None:
    agent = an_agent(
        agent_type="SERVICE_ACCOUNT", rights=Rights(preset="reporter", allowed_event_types=())
    )
    history = History(an_approval("acme"), agent)

    with pytest.raises(AgentEventTypeNotAllowed):
        caller(history, agent.key).must("events:write", "gig.completed")


def test_a_permission_is_looked_at_before_an_event_type() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reader"))

    with pytest.raises(Forbidden, match="events:write"):
        caller(history, ROOT).must("events:write", "signal.positive")


def test_an_agent_names_its_repeats_where_it_must() -> None:
    history = History(*FOREST)

    acting(history, ROOT).must_name_repeats("a key")
    acting(history, OTHER_ROOT).must_name_repeats(None)
    with pytest.raises(AgentIdempotencyRequired):
        acting(history, ROOT).must_name_repeats(None)
