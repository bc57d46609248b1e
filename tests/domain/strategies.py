"""Strategies: anything that can be sent, for properties."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import strategies as st

from domain.action import DEFAULT_ACTIONS
from domain.api_keys import PREFIXES
from domain.command import Command
from domain.event_types import EVENT_TYPES
from domain.instants import Instant, instant
from domain.registry import ReactivateAgent, RevokeAgent, SuspendAgent
from domain.rights import PRESETS, AgentType, Rights
from domain.spawning import ApproveAgent, RejectAgent
from tests.builders import (
    NOW,
    a_bulk_evaluation,
    a_change_of_rights,
    a_claim,
    a_contest,
    a_key_added,
    a_key_deleted,
    a_kill,
    a_leave,
    a_participation,
    a_promotion,
    a_reactivation,
    a_redemption,
    a_registration,
    a_rotation,
    a_settlement,
    a_spawn,
    a_spawn_policy,
    a_suspension,
    a_turn,
    an_action_set,
    an_agent,
    an_approval,
    an_auditor,
    an_auditors_end,
    an_auditors_rotation,
    an_erasure,
    an_evaluation,
    an_issued_key,
    an_offer,
)
from tests.domain.forest import CHILD, GRANDCHILD, OTHER_ROOT, ROOT

PEOPLE = ("alice", "bob")
PARTNERS = ("acme", "bolt")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

moments = st.integers(-62_135_510_400 * 1_000_000, 253_402_214_400 * 1_000_000).map(
    lambda microseconds: EPOCH + timedelta(microseconds=microseconds)
)
instants = moments.map(instant)


def instants_about(now: Instant, days: int) -> st.SearchStrategy[Instant]:
    """Instants within so many days of another."""
    around = datetime.fromisoformat(now)
    return st.timedeltas(timedelta(days=-days), timedelta(days=days)).map(
        lambda distance: instant(around + distance)
    )


participations = st.builds(
    a_participation,
    st.sampled_from(PEOPLE),
    kind=st.sampled_from([*sorted(EVENT_TYPES), "no.such_type"]),
    occurred_at=st.none() | instants_about(NOW, 8_000),
    weight=st.integers(0, 1_000_000) | st.floats(0, 1_000_000),
    actor_type=st.sampled_from(["HUMAN", "AGENT", "UNKNOWN"]),
    backfill=st.booleans(),
)
erasures = st.builds(an_erasure, st.sampled_from(PEOPLE))
evaluations = st.builds(
    an_evaluation,
    st.sampled_from(PEOPLE),
    action=st.sampled_from([*DEFAULT_ACTIONS, "no.such_action"]),
    actor_type=st.sampled_from(["human", "service"]),
    records=st.booleans(),
)
bulk_evaluations = st.lists(
    st.builds(
        an_evaluation,
        st.sampled_from(PEOPLE),
        action=st.sampled_from([*DEFAULT_ACTIONS]),
    ),
    max_size=3,
).map(lambda evaluations: a_bulk_evaluation(*evaluations))
environments = st.sampled_from(sorted(PREFIXES))
issued_keys = st.builds(an_issued_key, st.sampled_from(["one", "two", "three"]))
approvals = st.builds(
    an_approval,
    st.sampled_from(PARTNERS),
    name=st.text(max_size=3),
    slug=st.sampled_from([*PARTNERS, "Not a slug"]),
    environment=environments,
    key=issued_keys,
)
keys_added = st.builds(a_key_added, issued_keys, st.sampled_from(PARTNERS), environments)
keys_deleted = st.builds(a_key_deleted, issued_keys, st.sampled_from(PARTNERS), environments)

tenants = st.sampled_from(["sandbox/acme", "sandbox/bolt", "production/acme"])
claim_ids = st.sampled_from(["one claim", "another claim"])
claims = st.builds(
    a_claim,
    st.sampled_from(PEOPLE),
    tenant=tenants,
    claim_type=st.sampled_from(["claim.fraud", "abuse", "no_such_claim"]),
    occurred_at=st.none() | instants_about(NOW, 8_000),
    claim_id=claim_ids,
)
contests = st.builds(a_contest, claim_ids, tenant=tenants)
settlements = st.builds(
    a_settlement,
    claim_ids,
    st.sampled_from(["UPHELD", "DISMISSED", "WITHDRAWN"]),
    tenant=tenants,
)
codes = st.sampled_from(["one code", "another code"])
offers = st.builds(an_offer, st.sampled_from(PEOPLE), tenant=tenants, code=codes)
redemptions = st.builds(a_redemption, st.sampled_from(PEOPLE), tenant=tenants, code=codes)
leaves = st.builds(a_leave, st.sampled_from(PEOPLE), tenant=tenants)

registrations = st.builds(a_registration, st.sampled_from(PARTNERS))
promotions = st.builds(
    a_promotion,
    st.sampled_from(PARTNERS),
    domain=st.sampled_from(["acme.example", "bolt.example"]),
    token=st.sampled_from(["a token", "another token", None]),
)
suspensions = st.builds(a_suspension, st.sampled_from(PARTNERS))
reactivations = st.builds(a_reactivation, st.sampled_from(PARTNERS))
actions_set = st.builds(
    an_action_set,
    st.sampled_from(["data.export_pii", "an.action_of_ours", "No Name"]),
    tenant=tenants,
)

presets = st.sampled_from(sorted(PRESETS))
allowlists = st.none() | st.lists(
    st.sampled_from(["gig.started", "gig.completed", "gig.cancelled"]), max_size=3, unique=True
).map(tuple)
rates = st.none() | st.integers(1, 3)
rights = st.builds(
    Rights, preset=presets, allowed_event_types=allowlists, rate_limit_per_minute=rates
)
agent_types = st.sampled_from(get_args(AgentType))
agent_ids = st.sampled_from([ROOT, OTHER_ROOT, CHILD, GRANDCHILD])
registrations_of_agents = st.builds(
    an_agent,
    agent_id=st.sampled_from([ROOT, OTHER_ROOT]),
    agent_type=agent_types,
    rights=rights,
    require_idempotency=st.none() | st.booleans(),
    human=st.none() | st.sampled_from(PEOPLE),
)
spawns = st.sampled_from([(ROOT, CHILD), (OTHER_ROOT, CHILD), (CHILD, GRANDCHILD)]).flatmap(
    lambda kin: st.builds(
        a_spawn,
        st.just(kin[0]),
        agent_id=st.just(kin[1]),
        agent_type=st.none() | agent_types,
        preset=st.none() | presets,
        allowed=allowlists,
        rate=rates,
        require_idempotency=st.none() | st.booleans(),
    )
)
spawn_policies = st.builds(
    a_spawn_policy,
    enabled=st.booleans(),
    max_depth=st.integers(0, 3),
    max_children=st.integers(0, 3),
    approval_from_depth=st.none() | st.integers(1, 2),
)
changes_of_rights = st.builds(
    a_change_of_rights, agent_ids, preset=presets, allowed=allowlists, rate=rates
)
rotations = st.builds(a_rotation, agent_ids, issued_keys)
turns = st.builds(
    a_turn,
    st.sampled_from([SuspendAgent, ReactivateAgent, RevokeAgent, ApproveAgent, RejectAgent]),
    agent_ids,
)
kills = st.builds(a_kill, agent_ids, preview=st.booleans())
evaluations_of_agents = st.builds(an_evaluation, agent_ids, actor_type=st.just("service"))
offers_of_agents = st.builds(an_offer, agent_ids, code=codes)

auditor_ids = st.sampled_from(["one auditor", "another auditor"])
auditors = st.builds(
    an_auditor,
    auditor_ids,
    tenant=st.none() | tenants,
    name=st.text(max_size=3),
    key=issued_keys,
)
rotations_of_auditors = st.builds(an_auditors_rotation, auditor_ids, issued_keys)
ends_of_auditors = st.builds(an_auditors_end, auditor_ids)

commands_about_agents: st.SearchStrategy[Command[object]] = st.one_of(
    registrations_of_agents,
    spawns,
    spawn_policies,
    changes_of_rights,
    rotations,
    turns,
    kills,
    evaluations_of_agents,
    offers_of_agents,
)

commands: st.SearchStrategy[Command[object]] = st.one_of(
    participations,
    erasures,
    evaluations,
    bulk_evaluations,
    approvals,
    keys_added,
    keys_deleted,
    claims,
    contests,
    settlements,
    offers,
    redemptions,
    leaves,
    registrations,
    promotions,
    suspensions,
    reactivations,
    actions_set,
    auditors,
    rotations_of_auditors,
    ends_of_auditors,
    commands_about_agents,
)
