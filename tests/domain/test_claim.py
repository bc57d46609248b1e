"""A claim: attributed to who filed it, moved by few, and never a matter of the tier."""

from contextlib import suppress
from itertools import product
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.claim import (
    ACTIVE,
    CLAIM,
    CLAIM_TYPES,
    CLAIMS_OF_ENTITY,
    MOVES,
    STATUSES,
    Claim,
    ClaimsOfEntity,
    ContestReason,
    Settled,
    Status,
    Verdict,
    claim_status,
)
from domain.entity import ENTITY
from domain.known import SUBJECT
from domain.refusals import (
    InvalidClaimState,
    InvalidClaimType,
    InvalidOccurredAt,
    NotFound,
)
from domain.standing import Assessment, assess
from tests.builders import (
    NOW,
    TENANT,
    History,
    a_claim,
    a_contest,
    a_lookup,
    a_participation,
    a_redemption,
    a_settlement,
    an_offer,
    days_ago,
)

OTHER = "sandbox/bolt"
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
WAY_TO: dict[Status, tuple[Status, ...]] = {
    "OPEN": (),
    "CONTESTED": ("CONTESTED",),
    "UPHELD": ("CONTESTED", "UPHELD"),
    "DISMISSED": ("CONTESTED", "DISMISSED"),
    "WITHDRAWN": ("WITHDRAWN",),
}


def claim_of(history: History, claim_id: str) -> Claim:
    claim = history.known().get(CLAIM, claim_id)
    assert claim is not None
    return claim


def move_to(history: History, claim_id: str, status: Status) -> None:
    if status == "CONTESTED":
        history.do(a_contest(claim_id))
    elif status != "OPEN":
        history.do(a_settlement(claim_id, status))


def with_a_claim(status: Status = "OPEN") -> tuple[History, str]:
    """A history in which a claim stands so, and the claim's id."""
    filed = a_claim()
    history = History(filed)
    for step in WAY_TO[status]:
        move_to(history, filed.id, step)
    return history, filed.id


def assessed(history: History, person: str = "alice", tenant: str = TENANT) -> Assessment:
    known = history.known()
    return assess(known.entity(a_lookup(person, tenant)), known, NOW)


# Filing


def test_a_claim_is_open_and_says_who_filed_it_against_whom() -> None:
    history = History()
    entity_id = history.do(a_participation()).entity_id
    command = a_claim(claim_type="claim.abuse", occurred_at=days_ago(2), reference="case-7")

    reply = history.do(command)

    assert reply.claim_id == command.id
    assert reply.claim == claim_of(history, command.id)
    assert reply.claim == Claim(
        tenant=TENANT,
        entity_id=entity_id,
        claim_type="claim.abuse",
        status="OPEN",
        occurred_at=days_ago(2),
        filed_at=NOW,
        changed_at=NOW,
        reference="case-7",
    )


def test_a_claim_against_somebody_unknown_makes_them_known() -> None:
    history = History()

    reply = history.do(a_claim("stranger"))

    assert history.known().entity(a_lookup("stranger")) == reply.claim.entity_id
    assert (SUBJECT, a_lookup("stranger")) in history.rows


def test_events_of_somebody_who_was_met_by_a_claim_are_of_the_same_entity() -> None:
    history = History()
    claimed = history.do(a_claim("stranger")).claim

    reported = history.do(a_participation("stranger"))

    assert reported.entity_id == claimed.entity_id
    entity = history.known().get(ENTITY, claimed.entity_id)
    assert entity is not None
    assert entity.event_count == 1


@pytest.mark.parametrize("claim_type", CLAIM_TYPES)
def test_every_kind_of_claim_is_taken_with_or_without_its_prefix(claim_type: str) -> None:
    bare = claim_type.removeprefix("claim.")

    assert History().do(a_claim(claim_type=claim_type)).claim.claim_type == claim_type
    assert History().do(a_claim(claim_type=bare)).claim.claim_type == claim_type


@pytest.mark.parametrize("claim_type", ["", "claim.", "Fraud", "claim.claim.fraud", "fraud "])
def test_another_kind_of_claim_is_refused(claim_type: str) -> None:
    with pytest.raises(InvalidClaimType) as refused:
        History().do(a_claim(claim_type=claim_type))

    assert refused.value.hint is not None
    assert all(known in refused.value.hint for known in CLAIM_TYPES)


def test_the_kinds_of_claims_are_the_contracts() -> None:
    assert sorted(CLAIM_TYPES) == [
        "claim.abuse",
        "claim.chargeback",
        "claim.fraud",
        "claim.identity_dispute",
        "claim.policy_violation",
        "claim.suspension",
    ]


@pytest.mark.parametrize("days", [-1, 20 * 365 + 6])
def test_a_claim_of_the_future_or_of_twenty_years_ago_is_refused(days: int) -> None:
    with pytest.raises(InvalidOccurredAt):
        History().do(a_claim(occurred_at=days_ago(days)))


def test_a_claim_may_be_older_than_thirty_days_without_further_words() -> None:
    assert History().do(a_claim(occurred_at=days_ago(400))).claim.occurred_at == days_ago(400)


def test_a_claim_without_a_time_occurred_when_it_was_filed() -> None:
    assert History().do(a_claim()).claim.occurred_at == NOW


# Moves


def test_the_moves_are_the_contracts() -> None:
    assert {(before, after) for before, afters in MOVES.items() for after in afters} == {
        ("OPEN", "CONTESTED"),
        ("OPEN", "WITHDRAWN"),
        ("CONTESTED", "UPHELD"),
        ("CONTESTED", "DISMISSED"),
        ("CONTESTED", "WITHDRAWN"),
        ("UPHELD", "WITHDRAWN"),
    }


@pytest.mark.parametrize(("before", "after"), [*product(STATUSES, STATUSES)])
def test_a_claim_moves_where_it_may_and_nowhere_else(before: Status, after: Status) -> None:
    history, claim_id = with_a_claim(before)
    if after == "OPEN":
        assert after not in MOVES[before]
    elif after in MOVES[before]:
        move_to(history, claim_id, after)
        assert claim_of(history, claim_id).status == after
    else:
        with pytest.raises(InvalidClaimState, match=f"{before} cannot become {after}"):
            move_to(history, claim_id, after)
        assert claim_of(history, claim_id).status == before


def test_a_move_tells_the_claim_as_it_then_stands() -> None:
    history, claim_id = with_a_claim()

    reply = history.do(a_contest(claim_id, reason_code="DUPLICATE"), at=days_ago(-1))

    assert reply.claim == claim_of(history, claim_id)
    assert (reply.claim.status, reply.claim.reason_code) == ("CONTESTED", "DUPLICATE")
    assert (reply.claim.filed_at, reply.claim.changed_at) == (NOW, days_ago(-1))


@pytest.mark.parametrize("reason_code", get_args(ContestReason))
def test_a_reason_stays_with_the_claim_when_it_is_settled(reason_code: ContestReason) -> None:
    history, claim_id = with_a_claim()
    history.do(a_contest(claim_id, reason_code=reason_code))

    history.do(a_settlement(claim_id, "UPHELD"))

    assert claim_of(history, claim_id).reason_code == reason_code


@pytest.mark.parametrize("before", ["OPEN", "CONTESTED", "UPHELD"])
def test_a_settlement_remembers_how_the_claim_stood(before: Status) -> None:
    history, claim_id = with_a_claim(before)

    history.do(a_settlement(claim_id, "WITHDRAWN"))

    entity_id = claim_of(history, claim_id).entity_id
    expected = Settled(entity_id=entity_id, was=before, verdict="WITHDRAWN")
    assert history.entries[-1].data == expected


# Who may


@pytest.mark.parametrize("verdict", VERDICTS)
def test_only_who_filed_a_claim_settles_it(verdict: Verdict) -> None:
    history, claim_id = with_a_claim("CONTESTED")

    with pytest.raises(NotFound):
        history.do(a_settlement(claim_id, verdict, tenant=OTHER))


def test_a_partner_that_is_not_linked_neither_sees_nor_contests_a_claim() -> None:
    history, claim_id = with_a_claim()
    history.do(a_participation("alice", tenant=OTHER))

    with pytest.raises(NotFound):
        history.do(a_contest(claim_id, tenant=OTHER))


def test_a_partner_whose_entity_is_linked_contests_a_claim() -> None:
    history, claim_id = with_a_claim()
    history.do(an_offer("alice"))
    history.do(a_redemption("alice", tenant=OTHER))

    history.do(a_contest(claim_id, tenant=OTHER))

    assert claim_of(history, claim_id).status == "CONTESTED"


def test_a_linked_partner_does_not_settle_a_claim() -> None:
    history, claim_id = with_a_claim()
    history.do(an_offer("alice"))
    history.do(a_redemption("alice", tenant=OTHER))

    with pytest.raises(NotFound):
        history.do(a_settlement(claim_id, tenant=OTHER))


def test_the_same_partner_in_the_other_environment_is_another() -> None:
    history, claim_id = with_a_claim()

    with pytest.raises(NotFound):
        history.do(a_settlement(claim_id, tenant=TENANT.replace("sandbox", "production")))


def test_a_claim_that_is_not_there_is_not_found() -> None:
    for command in (a_contest("no claim"), a_settlement("no claim")):
        with pytest.raises(NotFound):
            History().do(command)


# What claims amount to


def test_active_are_the_claims_that_nobody_took_back() -> None:
    assert {"OPEN", "CONTESTED", "UPHELD"} == ACTIVE


@given(st.integers(0, 20), st.integers(0, 20))
def test_claims_amount_to_one_of_three(active: int, contested: int) -> None:
    contested = min(active, contested)

    status = claim_status(active, contested)

    assert (status == "clean") == (active == 0)
    assert (status == "contested") == (0 < active == contested)
    assert (status == "flagged") == (active > contested)


@given(st.lists(st.sampled_from(STATUSES), max_size=6))
def test_the_status_of_somebody_is_that_of_all_their_claims(statuses: list[Status]) -> None:
    history = History(a_participation())
    for status in statuses:
        filed = a_claim()
        history.do(filed)
        for step in WAY_TO[status]:
            move_to(history, filed.id, step)

    found = assessed(history)

    active = [status for status in statuses if status in ACTIVE]
    assert found.claims_recorded == len(statuses)
    assert found.claims_active == len(active)
    assert found.claims_contested == active.count("CONTESTED")
    assert found.claim_status == claim_status(len(active), active.count("CONTESTED"))


steps = st.tuples(st.sampled_from(["alice", "bob"]), st.integers(0, 9), st.sampled_from(STATUSES))


@given(st.lists(steps, max_size=20))
def test_what_is_counted_is_what_a_recount_of_the_claims_finds(
    steps: list[tuple[str, int, Status]],
) -> None:
    history, filed = History(), [""]
    for person, place, status in steps:
        if status == "OPEN":
            filed.append(history.do(a_claim(person)).claim_id)
        else:
            with suppress(InvalidClaimState, NotFound):
                move_to(history, filed[place % len(filed)], status)

    counted = {
        entity_id: row.state.counts
        for (fold, entity_id), row in history.rows.items()
        if fold == CLAIMS_OF_ENTITY.name
    }

    recounted: dict[str, dict[Status, int]] = {}
    for claim in (claim_of(history, claim_id) for claim_id in filed[1:]):
        of_entity = recounted.setdefault(claim.entity_id, dict.fromkeys(STATUSES, 0))
        of_entity[claim.status] += 1
    assert counted == recounted


def test_what_is_counted_has_one_size_however_many_claims_there_are() -> None:
    history, claim_id = with_a_claim()
    entity_id = claim_of(history, claim_id).entity_id

    for _ in range(8):
        history.do(a_claim())

    claims = history.known().get(CLAIMS_OF_ENTITY, entity_id)
    assert claims == ClaimsOfEntity(dict.fromkeys(STATUSES, 0) | {"OPEN": 9})
    assert len(msgspec.json.encode(claims)) == len(msgspec.json.encode(ClaimsOfEntity()))
