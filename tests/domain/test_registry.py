"""The registry: how a partner makes agents and says what they may do."""

from typing import get_args

import pytest

from domain.agent import Registered, RightsSet, Status
from domain.credential import CREDENTIAL, Credential
from domain.entity import ENTITY
from domain.refusals import (
    AgentAllowlistRequired,
    AgentIdempotencyRequired,
    AgentPresetForbidden,
    InvalidAgentState,
    InvalidEventType,
    InvalidField,
    InvalidName,
    SpawnEscalation,
    Unauthenticated,
)
from domain.rights import Rights
from tests.builders import (
    FREE,
    WORKING,
    History,
    a_change_of_rights,
    a_lookup,
    a_participation,
    a_rotation,
    an_agent,
    an_agents_key,
    an_issued_key,
)
from tests.domain.forest import (
    CHILD,
    FOREST,
    GRANDCHILD,
    OTHER_ROOT,
    ROOT,
    agent_in,
    caller,
    rights_of,
    statuses_in,
    with_an_agent,
)

STATUSES: tuple[Status, ...] = get_args(Status)


# Registering


def test_a_registered_agent_is_an_active_root_with_the_commands_id() -> None:
    command = an_agent("Scout")
    history = History()

    reply = history.do(command)

    assert reply.agent_id == command.id
    assert reply.agent == agent_in(history, command.id)
    assert (reply.agent.name, reply.agent.status, reply.agent.path) == ("Scout", "ACTIVE", ())
    assert reply.agent.rights == reply.rights == WORKING


def test_an_agent_that_nobody_is_named_for_is_its_partners() -> None:
    assert History().do(an_agent()).agent.accountable == "PARTNER"


def test_a_human_who_answers_for_an_agent_is_their_entity() -> None:
    history = History()
    alice = history.do(a_participation("alice")).entity_id

    reply = history.do(an_agent(human="alice"))

    assert (reply.agent.accountable, reply.agent.authorized_by) == ("HUMAN", alice)


def test_a_human_whom_nobody_knew_becomes_known() -> None:
    history = History()
    command = an_agent(human="stranger")

    reply = history.do(command)
    reported = history.do(a_participation("stranger"))

    assert reply.agent.authorized_by == command.human_id == reported.entity_id
    assert history.known().entity(a_lookup("stranger")) == command.human_id
    assert history.known().get(ENTITY, command.human_id) is not None


def test_two_agents_may_have_the_same_name() -> None:
    first, second = an_agent("Scout"), an_agent("Scout")
    history = History(first, second)

    assert agent_in(history, first.id).name == agent_in(history, second.id).name


@pytest.mark.parametrize("name", ["", " ", "n" * 201, "two\nlines", "\u202eright to left"])
def test_a_name_that_cannot_be_printed_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        History().do(an_agent(name))


def test_what_a_type_does_not_allow_is_not_registered() -> None:
    with pytest.raises(AgentPresetForbidden):
        History().do(an_agent(rights=Rights(preset="admin", allowed_event_types=("gig.started",))))
    with pytest.raises(AgentAllowlistRequired):
        History().do(an_agent(rights=Rights(preset="reader")))
    with pytest.raises(InvalidEventType):
        History().do(an_agent(rights=Rights(preset="reader", allowed_event_types=("no.such",))))
    with pytest.raises(AgentIdempotencyRequired):
        History().do(an_agent(require_idempotency=False))


def test_a_service_account_may_have_all_that_an_agent_ever_has() -> None:
    reply = History().do(an_agent(agent_type="SERVICE_ACCOUNT", rights=FREE))

    assert (reply.rights, reply.agent.require_idempotency) == (FREE, False)


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_an_agents_key_opens_its_partners_environment_for_the_agent(environment: str) -> None:
    command = an_agent(tenant=f"{environment}/acme")

    history = History(command)

    credential = history.known().get(CREDENTIAL, command.key.lookup)
    assert credential is not None
    assert (credential.environment, credential.partner_id) == (environment, "acme")
    assert (credential.agent_id, credential.path) == (command.id, ())


def test_what_registering_says_is_what_the_log_keeps() -> None:
    command = an_agent(human="alice")

    (change,) = History().decide(command).changes

    assert (change.stream, change.begins) == (f"agent-{command.id}", True)
    assert change.event == Registered(
        name=command.name,
        type=command.type,
        rights=command.rights,
        require_idempotency=True,
        authorized_by=command.human_id,
        key=command.key,
    )


# Rights


def test_rights_that_are_left_out_stay_as_they_are() -> None:
    history = History(*FOREST)

    history.do(a_change_of_rights(ROOT, rate=60))
    history.do(a_change_of_rights(ROOT, preset="reporter"))

    assert agent_in(history, ROOT).rights == Rights(
        preset="reporter",
        allowed_event_types=WORKING.allowed_event_types,
        rate_limit_per_minute=60,
    )


def test_a_change_of_rights_tells_what_is_then_in_force() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reporter"))

    reply = history.do(a_change_of_rights(CHILD, rate=5))

    assert reply.agent == agent_in(history, CHILD)
    assert (reply.agent.rights.preset, reply.rights.preset) == ("operator", "reporter")
    assert reply.rights == rights_of(history, CHILD)


def test_none_lifts_a_bound_of_an_agent_that_has_no_parent() -> None:
    history = History(*FOREST, a_change_of_rights(OTHER_ROOT, allowed=("gig.started",), rate=60))

    history.do(a_change_of_rights(OTHER_ROOT, allowed=None, rate=None))

    assert agent_in(history, OTHER_ROOT).rights == FREE


def test_setting_rights_that_an_agent_has_does_nothing() -> None:
    outcome = History(*FOREST).decide(a_change_of_rights(ROOT, preset="operator"))

    assert outcome.changes == ()


def test_rights_are_within_the_parents() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reporter", rate=60))

    with pytest.raises(SpawnEscalation, match="preset, allowedEventTypes, rateLimitPerMinute"):
        history.do(
            a_change_of_rights(CHILD, preset="operator", allowed=("signal.positive",), rate=61)
        )
    history.do(a_change_of_rights(CHILD, preset="reporter", allowed=("gig.started",), rate=60))


def test_rights_are_within_those_of_every_ancestor() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reporter"))

    with pytest.raises(SpawnEscalation, match="preset"):
        history.do(a_change_of_rights(GRANDCHILD, preset="operator"))


def test_narrowing_one_right_is_taken_though_an_ancestor_was_narrowed_in_another() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reader"))

    history.do(a_change_of_rights(CHILD, rate=1))

    assert agent_in(history, CHILD).rights.preset == "operator"
    assert (rights_of(history, CHILD).preset, rights_of(history, CHILD).rate_limit_per_minute) == (
        "reader",
        1,
    )


def test_rights_are_what_the_type_allows() -> None:
    history = History(*FOREST)

    with pytest.raises(AgentPresetForbidden):
        history.do(a_change_of_rights(ROOT, preset="admin"))
    with pytest.raises(AgentAllowlistRequired):
        history.do(a_change_of_rights(ROOT, allowed=None))
    with pytest.raises(InvalidField):
        history.do(a_change_of_rights(ROOT, rate=0))


@pytest.mark.parametrize("status", STATUSES)
def test_rights_of_any_agent_but_a_revoked_one_can_be_set(status: Status) -> None:
    history, agent_id = with_an_agent(status)

    if status == "REVOKED":
        with pytest.raises(InvalidAgentState, match="REVOKED"):
            history.do(a_change_of_rights(agent_id, rate=1))
    else:
        history.do(a_change_of_rights(agent_id, rate=1))
        assert isinstance(history.entries[-1].data, RightsSet)
        assert statuses_in(history, agent_id) == [status]


# Keys


def test_a_new_key_opens_and_the_one_before_opens_nothing() -> None:
    history, key = History(*FOREST), an_issued_key("another")

    reply = history.do(a_rotation(CHILD, key))

    assert reply.agent.key == key
    assert caller(history, key).id == f"agent:{CHILD}"
    with pytest.raises(Unauthenticated):
        caller(history, CHILD)


def test_a_new_key_opens_just_what_the_first_did() -> None:
    history, key = History(*FOREST), an_issued_key("another")
    first = history.known().get(CREDENTIAL, an_agents_key(GRANDCHILD).lookup)

    history.do(a_rotation(GRANDCHILD, key))

    assert history.known().get(CREDENTIAL, key.lookup) == Credential(
        partner_id="acme",
        environment="sandbox",
        key_id=key.key_id,
        agent_id=GRANDCHILD,
        path=(ROOT, CHILD),
    )
    assert first is not None
    assert (first.agent_id, first.path) == (GRANDCHILD, (ROOT, CHILD))


@pytest.mark.parametrize("status", STATUSES)
def test_any_agent_but_a_revoked_one_is_given_another_key_and_stands_as_before(
    status: Status,
) -> None:
    history, agent_id = with_an_agent(status)

    if status == "REVOKED":
        with pytest.raises(InvalidAgentState, match="REVOKED"):
            history.do(a_rotation(agent_id, an_issued_key("another")))
    else:
        history.do(a_rotation(agent_id, an_issued_key("another")))
    assert statuses_in(history, agent_id) == [status]
