"""Lists of events: newest first, filters, pages that hold while events arrive."""

import time
from datetime import timedelta
from typing import Any

import pytest

from tests.stories.client import Client, a_person, ago, refusal
from tests.stories.conftest import MakePartner


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


def pages(partner: Client, **query: Any) -> list[list[dict[str, Any]]]:
    """All pages of a list, by their cursors."""
    found = []
    cursor: dict[str, Any] = {}
    while True:
        page = partner.get("/v1/events", **query, **cursor)
        found.append(page["data"])
        assert page["pagination"]["hasMore"] == (page["pagination"]["cursor"] is not None)
        if page["pagination"]["cursor"] is None:
            return found
        cursor = {"cursor": page["pagination"]["cursor"]}


def test_an_empty_list_has_its_shape(a_partner: MakePartner) -> None:
    found = a_partner().get("/v1/events")

    assert found == {"data": [], "pagination": {"cursor": None, "hasMore": False}}


def test_events_come_newest_first_in_the_order_of_recording(a_partner: MakePartner) -> None:
    partner = a_partner()
    # The second happened before the first.
    sent = [partner.submit(occurredAt=ago(timedelta(hours=hours))) for hours in (1, 3, 2)]

    assert ids(partner.events()) == ids(sent)[::-1]


def test_a_listed_event_is_the_one_that_was_answered(partner: Client) -> None:
    person = a_person()
    sent = partner.submit(userExternalId=person, weight=7, actorType="HUMAN")

    assert partner.events(userExternalId=person) == [sent]
    assert partner.events(limit=1) == [sent | {"userExternalId": None}]


def test_a_page_holds_50_events_unless_told_and_200_at_most(a_partner: MakePartner) -> None:
    partner = a_partner()
    person = a_person()
    partner.has_history(person, 205)

    assert len(partner.events()) == 50
    assert len(partner.events(limit=200)) == 200
    assert refusal(partner.try_get("/v1/events", limit=201)) == (400, "INVALID_FIELD")
    assert [len(page) for page in pages(partner, limit=100)] == [100, 100, 5]


@pytest.mark.parametrize("of_one_person", [False, True])
def test_pages_neither_miss_nor_repeat_while_events_arrive(
    a_partner: MakePartner, of_one_person: bool
) -> None:
    partner = a_partner()
    person = a_person()
    sent = [partner.submit(userExternalId=person) for _ in range(23)]
    query: dict[str, Any] = {"userExternalId": person} if of_one_person else {}
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}

    while True:
        page = partner.get("/v1/events", limit=5, **query, **cursor)
        found += page["data"]
        partner.submit(userExternalId=person)
        if not page["pagination"]["hasMore"]:
            break
        cursor = {"cursor": page["pagination"]["cursor"]}

    assert ids(found) == ids(sent)[::-1]


def test_a_page_that_ends_with_the_list_is_the_last(a_partner: MakePartner) -> None:
    partner = a_partner()
    for _ in range(4):
        partner.submit()

    assert [len(page) for page in pages(partner, limit=2)] == [2, 2]


# Filters


def test_filters_narrow_the_list(a_partner: MakePartner) -> None:
    partner = a_partner()
    ada, bob = a_person(), a_person()
    first = partner.submit(userExternalId=ada)
    second = partner.submit(userExternalId=ada, eventType="review.submitted")
    third = partner.submit(userExternalId=bob)
    by_type = "transaction.completed"

    assert ids(partner.events(userExternalId=ada)) == ids([second, first])
    assert ids(partner.events(eventType=by_type)) == ids([third, first])
    assert ids(partner.events(userExternalId=ada, eventType=by_type)) == ids([first])
    assert partner.events(userExternalId=bob, eventType="gig.started") == []


def test_a_person_or_a_type_that_nobody_reported_lists_nothing(a_partner: MakePartner) -> None:
    partner = a_partner()
    partner.submit(eventType="review.submitted")

    assert partner.events(userExternalId=a_person()) == []
    assert partner.events(eventType="lending.repaid") == []


@pytest.mark.parametrize("narrowed", ["", "userExternalId", "eventType"])
def test_since_and_until_bound_the_time_of_recording_and_hold_their_ends(
    a_partner: MakePartner, narrowed: str
) -> None:
    partner = a_partner()
    person = a_person()
    # Recorded milliseconds apart, whenever they happened.
    sent = []
    for _ in range(6):
        sent.append(partner.submit(userExternalId=person))
        time.sleep(0.003)
    query: dict[str, Any] = {
        "": {},
        "userExternalId": {"userExternalId": person},
        "eventType": {"eventType": "transaction.completed"},
    }[narrowed]
    since, until = sent[1]["recordedAt"], sent[3]["recordedAt"]

    assert ids(partner.events(since=since, **query)) == ids(sent[1:])[::-1]
    assert ids(partner.events(until=until, **query)) == ids(sent[:4])[::-1]
    assert ids(partner.events(since=since, until=until, **query)) == ids(sent[1:4])[::-1]
    assert partner.events(since=until, until=since, **query) == []
    assert [len(page) for page in pages(partner, since=since, limit=2, **query)] == [2, 2, 1]


def test_bounds_far_away_list_everything_or_nothing(a_partner: MakePartner) -> None:
    partner = a_partner()
    event = partner.submit()

    assert ids(partner.events(since="0001-01-01T00:00:00Z")) == [event["id"]]
    assert ids(partner.events(until="9999-12-31T23:59:59Z")) == [event["id"]]
    assert partner.events(since="9999-12-31T23:59:59Z") == []
    assert partner.events(until="0001-01-01T00:00:00Z") == []


# Cursors


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "-1", "MTI=", "____", "é", "1" * 64])
def test_a_cursor_that_no_list_gave_is_refused(partner: Client, cursor: str) -> None:
    reply = partner.try_get("/v1/events", cursor=cursor)

    assert refusal(reply) == (400, "INVALID_CURSOR")


def test_another_partner_s_cursor_shows_nothing_of_theirs(a_partner: MakePartner) -> None:
    mine, other = a_partner(), a_partner()
    for _ in range(3):
        mine.submit()
    cursor = mine.get("/v1/events", limit=1)["pagination"]["cursor"]

    assert other.events(cursor=cursor) == []


def test_an_evaluation_is_no_event_of_the_list(a_partner: MakePartner) -> None:
    partner = a_partner()
    person = a_person()
    event = partner.submit(userExternalId=person)
    partner.evaluate(person)

    assert ids(partner.events()) == [event["id"]]
    assert ids(partner.events(userExternalId=person)) == [event["id"]]
