"""Standing and resolve: tiers that rise with history, signals, and the log as it stood then."""

import time
from datetime import timedelta

import pytest

from tests.stories.client import Client, a_person, ago, an_actor, refusal
from tests.stories.conftest import MakePartner

SIGNALS = {
    "tier",
    "eventCount",
    "backfilledCount",
    "partnerCount",
    "firstEventAt",
    "lastEventAt",
    "claimStatus",
}


# Tiers


def test_somebody_unknown_is_tier_0_and_no_error(partner: Client) -> None:
    found = partner.standing(a_person())

    assert found["tier"] == 0
    assert found["signals"] == {
        "eventCount": 0,
        "effectiveEventCount": 0,
        "backfilledCount": 0,
        "firstEventDaysAgo": None,
        "lastEventDaysAgo": None,
        "distinctPartners": 0,
        "tierQualifiedPartnerCount": 0,
    }
    assert found["claims"] == {"summary": "NONE_RECORDED", "recordedCount": 0}
    assert found["checkpoint"] is None


@pytest.mark.parametrize(
    ("events", "days", "tier"),
    [
        (1, 0, 0),
        (9, 14, 0),
        (10, 13, 0),
        (10, 14, 1),
        (49, 400, 1),
        (50, 29, 1),
        (50, 30, 2),
        (199, 90, 2),
        (200, 89, 2),
        (200, 90, 3),
    ],
)
def test_a_tier_asks_for_events_and_for_days(
    partner: Client, events: int, days: int, tier: int
) -> None:
    person = a_person()
    partner.has_history(person, events, days=days)

    found = partner.standing(person)

    assert found["tier"] == tier
    assert found["signals"]["eventCount"] == events
    assert found["signals"]["effectiveEventCount"] == events
    assert found["signals"]["firstEventDaysAgo"] == days
    assert found["signals"]["lastEventDaysAgo"] == (0 if events > 1 else days)
    assert found["signals"]["backfilledCount"] == (1 if days > 29 else 0)
    assert found["signals"]["distinctPartners"] == 1
    assert found["signals"]["tierQualifiedPartnerCount"] == (1 if events >= 10 else 0)
    assert found["ownSignals"] == found["signals"]


def test_a_tier_rises_with_history_that_is_filled_in_later(partner: Client) -> None:
    person = a_person()
    for _ in range(10):
        partner.submit(userExternalId=person)
    assert partner.standing(person)["tier"] == 0

    partner.submit(userExternalId=person, occurredAt=ago(timedelta(days=15)), batchType="BACKFILL")

    found = partner.standing(person)
    assert found["tier"] == 1
    assert found["signals"]["backfilledCount"] == 1


def test_weight_never_changes_a_tier(partner: Client) -> None:
    light, heavy = a_person(), a_person()
    for person, weight in ((light, 0), (heavy, 1_000_000)):
        partner.submit(userExternalId=person, weight=weight, occurredAt=ago(timedelta(days=20)))
        for number in range(8):
            partner.submit(
                userExternalId=person, weight=weight, occurredAt=ago(timedelta(minutes=number))
            )

    assert partner.standing(heavy)["tier"] == partner.standing(light)["tier"] == 0
    partner.submit(userExternalId=light, weight=0)
    assert partner.standing(light)["tier"] == 1


def test_a_service_s_standing_is_a_human_s(partner: Client) -> None:
    person = a_person()
    partner.has_history(person, 3)
    reply = partner.post("/v1/policy/standing", {"actor": an_actor(person, "service")})

    assert reply.json() == partner.standing(person)


def test_a_standing_holds_no_recommendation(partner: Client) -> None:
    assert set(partner.standing(a_person())) == {
        "tier",
        "signals",
        "ownSignals",
        "claims",
        "checkpoint",
        "position",
    }


def test_a_question_records_nothing(partner: Client) -> None:
    person = a_person()
    partner.submit(userExternalId=person)

    with partner.storing_nothing():
        partner.standing(person)
        partner.get("/v1/resolve", userExternalId=person)
        partner.events(userExternalId=person)


# Resolve


def test_resolve_answers_with_all_signals(partner: Client) -> None:
    person = a_person()
    first = partner.submit(userExternalId=person, occurredAt=ago(timedelta(days=3)))
    last = partner.submit(userExternalId=person, occurredAt=ago(timedelta(days=1)))

    found = partner.get("/v1/resolve", userExternalId=person)

    assert found == {
        "tier": 0,
        "eventCount": 2,
        "backfilledCount": 0,
        "partnerCount": 1,
        "firstEventAt": first["occurredAt"],
        "lastEventAt": last["occurredAt"],
        "claimStatus": "clean",
        "position": partner.head(),
    }


@pytest.mark.parametrize(
    "signals", ["tier", "eventCount,claimStatus", "tier,tier", ",".join(sorted(SIGNALS))]
)
def test_resolve_answers_with_the_signals_that_are_asked_for(partner: Client, signals: str) -> None:
    person = a_person()
    partner.submit(userExternalId=person)

    found = partner.get("/v1/resolve", userExternalId=person, signals=signals)

    assert set(found) == {*signals.split(","), "position"}


@pytest.mark.parametrize("signals", ["", "score", "tier,", "tier,score", "Tier", "tier eventCount"])
def test_a_signal_that_is_none_is_refused(partner: Client, signals: str) -> None:
    person = a_person()
    partner.submit(userExternalId=person)
    reply = partner.try_get("/v1/resolve", userExternalId=person, signals=signals)

    assert refusal(reply) == (400, "INVALID_FIELD")


def test_resolve_takes_a_purpose(partner: Client) -> None:
    person = a_person()
    partner.submit(userExternalId=person)

    assert partner.get("/v1/resolve", userExternalId=person, purpose="checkout")["tier"] == 0


def test_resolve_needs_to_know_whose(partner: Client) -> None:
    reply = partner.try_get("/v1/resolve")

    assert refusal(reply) == (400, "MISSING_FIELD")
    assert reply.json()["error"] == "Missing required field: userExternalId"


def test_resolve_of_nobody_is_404_with_the_body_of_any_404(partner: Client) -> None:
    reply = partner.try_get("/v1/resolve", userExternalId=a_person())

    assert refusal(reply) == (404, "NOT_FOUND")
    assert reply.content == partner.try_get("/v1/nothing").content


def test_an_evaluation_alone_makes_nobody_known(partner: Client) -> None:
    person = a_person()
    partner.evaluate(person)

    assert refusal(partner.try_get("/v1/resolve", userExternalId=person))[0] == 404


# As of


def test_as_of_a_position_the_answer_is_that_of_then(partner: Client) -> None:
    person = a_person()
    before = partner.submit()["position"]
    positions = [partner.submit(userExternalId=person)["position"] for _ in range(4)]

    for count, position in enumerate(positions, start=1):
        standing = partner.standing(person, asOf=position)
        resolved = partner.get("/v1/resolve", userExternalId=person, asOf=position)
        assert standing["signals"]["eventCount"] == resolved["eventCount"] == count
        assert standing["position"] == resolved["position"] == position
    assert partner.standing(person, asOf=before)["signals"]["eventCount"] == 0
    assert refusal(partner.try_get("/v1/resolve", userExternalId=person, asOf=before)) == (
        404,
        "NOT_FOUND",
    )


def test_as_of_a_time_the_answer_is_that_of_then(partner: Client) -> None:
    person = a_person()
    earlier = partner.submit(userExternalId=person)
    time.sleep(0.003)
    later = partner.submit(userExternalId=person)

    for event, count in ((earlier, 1), (later, 2)):
        found = partner.standing(person, asOf=event["recordedAt"])
        assert found["signals"]["eventCount"] == count
        assert found["position"] == event["position"]


def test_as_of_now_the_answer_is_today_s(partner: Client) -> None:
    person = a_person()
    partner.has_history(person, 10, days=14)

    then = partner.standing(person, asOf=partner.head())

    assert then == partner.standing(person)


def test_as_of_a_time_yet_to_come_the_answer_is_that_of_the_newest_entry(
    partner: Client,
) -> None:
    person = a_person()
    partner.submit(userExternalId=person)

    found = partner.standing(person, asOf=ago(timedelta(days=-1)))

    assert found["position"] == partner.head()


def test_as_of_then_a_tier_is_that_of_then(a_partner: MakePartner) -> None:
    partner = a_partner()
    person = a_person()
    partner.has_history(person, 10, days=20)
    reached = partner.head()

    assert partner.standing(person, asOf=reached)["tier"] == 1
    assert partner.standing(person, asOf=reached - 1)["tier"] == 0


@pytest.mark.parametrize(
    "as_of",
    ["0", "-1", "999999999999", "9" * 30, "1.5", "", "then", "2026-11-01", "1970-01-01T00:00:00Z"],
)
def test_a_place_that_the_log_has_not_is_refused(partner: Client, as_of: str) -> None:
    person = a_person()
    partner.submit(userExternalId=person)

    for reply in (
        partner.try_get("/v1/resolve", userExternalId=person, asOf=as_of),
        partner.post("/v1/policy/standing", {"actor": an_actor(person)}, asOf=as_of),
    ):
        assert refusal(reply) == (400, "INVALID_AS_OF")
