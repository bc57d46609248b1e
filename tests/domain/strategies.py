"""Strategies: anything that can be sent, for properties."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from domain.action import DEFAULT_ACTIONS
from domain.api_keys import PREFIXES
from domain.command import Command
from domain.event_types import EVENT_TYPES
from domain.instants import Instant, instant
from tests.builders import (
    NOW,
    a_bulk_evaluation,
    a_claim,
    a_contest,
    a_key_added,
    a_key_deleted,
    a_leave,
    a_participation,
    a_promotion,
    a_reactivation,
    a_redemption,
    a_registration,
    a_settlement,
    a_suspension,
    an_action_set,
    an_approval,
    an_erasure,
    an_evaluation,
    an_issued_key,
    an_offer,
)

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
)
