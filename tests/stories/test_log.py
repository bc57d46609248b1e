"""The log, to those who audit it: who sees what, in which form, and that they looked."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import psycopg
import pytest

from tests.interfaces.serving import Served, eventually
from tests.stories.agents import a_service_of
from tests.stories.client import Client, a_person, refusal
from tests.stories.conftest import Auditor, MakeAuditor, MakePartner
from tests.stories.document import Document
from tests.stories.logged import logged

NDJSON = {"accept": "application/x-ndjson"}
OWN_ROUTES = {"/v1/log", "/v1/log/entries/{position}", "/v1/log/access"}


@pytest.fixture(scope="module")
def auditor(an_auditor: MakeAuditor) -> Auditor:
    """Who may read all of it."""
    return an_auditor()


def page(client: Client, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/log", **query)["data"]
    return found


def all_pages(client: Client, **query: Any) -> list[dict[str, Any]]:
    """Everything, page by page."""
    found: list[dict[str, Any]] = []
    after = query.pop("after", 0)
    while True:
        one = client.get("/v1/log", after=after, **query)
        found += one["data"]
        after = one["pagination"]["cursor"]
        if not one["pagination"]["hasMore"]:
            return found


def positions(entries: list[dict[str, Any]]) -> list[int]:
    return [entry["position"] for entry in entries]


def stored(url: str, where: str) -> list[tuple[int, str]]:
    """Positions and exact texts of entries, by a condition."""
    with psycopg.connect(url) as connection:
        statement = f"select position, entry::text from log where {where} order by position"
        return connection.execute(statement.encode()).fetchall()


# Who sees what


def test_a_partner_reads_its_own_log_from_the_day_it_was_approved(a_partner: MakePartner) -> None:
    partner = a_partner()
    event = partner.submit()

    approved, key_added, participated = page(partner)

    tenant = f"sandbox/{partner.get('/v1/partners/me')['partnerId']}"
    assert (approved["type"], key_added["type"]) == ("partner.approved.v1", "partner.key_added.v1")
    assert participated == {
        "position": event["position"],
        "id": event["id"],
        "stream": f"entity-{event['entityId']}",
        "version": 1,
        "type": "entity.participated.v1",
        "recordedAt": event["recordedAt"],
        "tenant": tenant,
        "principal": f"partner:{tenant.partition('/')[2]}",
        "requestId": participated["requestId"],
        "data": {"kind": "transaction.completed", "occurred_at": event["occurredAt"]},
    }


def test_a_partner_s_auditor_reads_what_the_partner_does(
    a_partner: MakePartner, an_auditor: MakeAuditor
) -> None:
    partner = a_partner()
    auditor = an_auditor(partner)
    partner.submit()

    assert page(auditor) == page(partner)
    assert len(page(auditor)) == 4


def test_nobody_reads_another_tenant_s_log(a_partner: MakePartner, an_auditor: MakeAuditor) -> None:
    partner, other = a_partner(), a_partner()
    other.submit()
    tenant = f"sandbox/{partner.get('/v1/partners/me')['partnerId']}"

    for reader in (partner, an_auditor(partner)):
        lines = reader.try_get("/v1/log", headers=NDJSON).content.splitlines()
        for entries in (page(reader), [json.loads(line) for line in lines]):
            assert {entry["tenant"] for entry in entries} == {tenant}


def test_an_auditor_of_all_reads_everything_there_is(auditor: Auditor, log_url: str) -> None:
    head = auditor.head()

    found = all_pages(auditor, asOf=head, limit=200)

    assert positions(found) == list(range(1, head + 1))
    assert [entry["id"] for entry in found] == [one["id"] for one in logged(log_url)[:head]]


def test_what_belongs_to_no_tenant_is_for_auditors_of_all(
    a_partner: MakePartner, auditor: Auditor, operator: Client
) -> None:
    partner = a_partner()
    partner_id = partner.get("/v1/partners/me")["partnerId"]
    before = auditor.head()
    operator.post("/v1/partners/suspend", {"partnerId": partner_id})
    operator.post("/v1/partners/reactivate", {"partnerId": partner_id})

    of_all = page(auditor, after=before)

    assert [one["type"] for one in of_all] == ["partner.suspended.v1", "partner.reactivated.v1"]
    assert "tenant" not in of_all[0]
    assert page(partner, after=before) == []


@pytest.mark.parametrize("of_a_tenant", [True, False])
def test_an_auditor_may_do_nothing_else(
    of_a_tenant: bool, an_auditor: MakeAuditor, a_partner: MakePartner, document: Document
) -> None:
    auditor = an_auditor(a_partner()) if of_a_tenant else an_auditor()
    operations = [
        (method, path)
        for path, methods in document.content["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") and path not in OWN_ROUTES
    ]

    assert len(operations) > 40
    with auditor.storing_nothing():
        for method, path in operations:
            body: dict[str, Any] | None = None if method in {"get", "delete"} else {}
            reply = auditor.http.request(
                method, path.replace("{", "").replace("}", ""), json=body, headers=auditor.headers()
            )
            if path.startswith("/api/ailancer"):
                assert reply.status_code in {401, 403}, path
            else:
                assert refusal(reply) == (403, "FORBIDDEN"), path


@pytest.mark.parametrize("path", ["/v1/log", "/v1/log/entries/1", "/v1/log/access", "/log"])
def test_without_a_key_there_is_no_log(nobody: Client, operator: Client, path: str) -> None:
    assert refusal(nobody.try_get(path)) == (401, "UNAUTHENTICATED")
    assert refusal(operator.try_get(path)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("preset", ["reader", "reporter", "operator", "admin"])
def test_of_a_partner_s_agents_those_with_the_preset_admin_read_its_log(
    a_partner: MakePartner, preset: str
) -> None:
    partner = a_partner()
    agent = a_service_of(partner, preset=preset)

    reply = agent.try_get("/v1/log")

    if preset == "admin":
        assert reply.json() == partner.get("/v1/log")
    else:
        assert refusal(reply) == (403, "FORBIDDEN")


def test_a_revoked_auditor_is_nobody(an_auditor: MakeAuditor) -> None:
    auditor = an_auditor()
    assert page(auditor, limit=1)

    auditor.revoke()

    assert refusal(auditor.try_get("/v1/log")) == (401, "UNAUTHENTICATED")


# Which part


def test_pages_miss_and_repeat_nothing_while_the_log_grows(
    a_partner: MakePartner, auditor: Auditor
) -> None:
    partner, other = a_partner(), a_partner()
    before = auditor.head()

    with ThreadPoolExecutor(2) as pool:
        writing = [
            pool.submit(lambda who: [who.submit() for _ in range(40)], who)
            for who in (partner, other)
        ]
        read = [
            (who, all_pages(who, after=before, limit=7))
            for _ in range(5)
            for who in (partner, auditor)
        ]
        sent = [event["position"] for event in writing[0].result()]
        writing[1].result()

    for who, entries in read:
        found = positions(entries)
        if who is auditor:
            assert all(later == earlier + 1 for earlier, later in pairwise(found))
        else:
            assert found == sent[: len(found)]
    assert positions(all_pages(partner, after=before, limit=7)) == sent
    assert len(all_pages(auditor, after=before, limit=7)) == 80


def test_a_page_holds_50_entries_unless_told_and_200_at_most(a_partner: MakePartner) -> None:
    partner = a_partner()
    partner.has_history(a_person(), 210)

    assert len(page(partner)) == 50
    assert len(page(partner, limit=10_000)) == 200
    assert len(all_pages(partner, limit=200)) == 212
    assert refusal(partner.try_get("/v1/log", limit=0)) == (400, "INVALID_FIELD")


def test_the_cursor_of_the_last_page_goes_on_later(a_partner: MakePartner) -> None:
    partner = a_partner()
    last = partner.get("/v1/log")["pagination"]
    event = partner.submit()

    assert not last["hasMore"]
    assert positions(page(partner, after=last["cursor"])) == [event["position"]]


def test_entries_are_of_the_wanted_types(a_partner: MakePartner) -> None:
    partner = a_partner()
    person = a_person()
    partner.submit(userExternalId=person)
    partner.evaluate(person)

    def types(wanted: str) -> list[str]:
        return [entry["type"] for entry in page(partner, types=wanted)]

    assert types("entity.*") == ["entity.participated.v1"]
    assert types("policy.decided.v1") == ["policy.decided.v1"]
    assert types("policy.decided.v1,entity.*") == ["entity.participated.v1", "policy.decided.v1"]
    assert types("partner.key_added.*") == ["partner.key_added.v1"]
    assert types("claim.*") == []


def test_the_history_of_one_stream_is_read(a_partner: MakePartner, auditor: Auditor) -> None:
    partner, other = a_partner(), a_partner()
    person = a_person()
    sent = [partner.submit(userExternalId=person) for _ in range(3)]
    partner.submit()
    stream = f"entity-{sent[0]['entityId']}"

    def read(reader: Client, **query: Any) -> list[int]:
        return positions(page(reader, stream=stream, **query))

    first, second, third = (event["position"] for event in sent)
    assert read(partner) == read(auditor) == [first, second, third]
    assert read(partner, after=first, limit=1) == [second]
    assert read(partner, asOf=second) == [first, second]
    assert read(partner, types="entity.erased.v1") == []
    assert positions(all_pages(partner, stream=stream, limit=1)) == [first, second, third]
    assert read(other) == []


@pytest.mark.parametrize(
    ("types", "nearest"),
    [
        ("entity.participate", "entity.participated.v1"),
        ("entitty.*", "entity."),
        ("entity.participated.v1,policy.decided", "policy.decided.v1"),
        ("*", "v1"),
        (",", "v1"),
        ("x" * 5_000, "v1"),
    ],
)
def test_a_type_that_is_not_there_is_refused_with_the_nearest(
    partner: Client, types: str, nearest: str
) -> None:
    reply = partner.try_get("/v1/log", types=types)

    assert refusal(reply) == (400, "UNKNOWN_STORED_NAME")
    assert nearest in reply.json()["hint"]
    assert len(reply.json()["error"]) < 200


def test_the_log_is_shown_as_it_stood_then(a_partner: MakePartner) -> None:
    partner = a_partner()
    first, second = partner.submit(), partner.submit()

    assert positions(page(partner, asOf=first["position"]))[-1] == first["position"]
    by_time = positions(page(partner, asOf=second["recordedAt"]))
    assert by_time[-1] >= first["position"]
    assert refusal(partner.try_get("/v1/log", asOf=10**17)) == (400, "INVALID_AS_OF")
    assert refusal(partner.try_get("/v1/log", asOf="yesterday")) == (400, "INVALID_AS_OF")


@pytest.mark.parametrize(
    "query",
    [
        {"after": "-1"},
        {"after": "x"},
        {"after": 10**18},
        {"limit": "1.0"},
        {"types": ""},
        {"format": "xml"},
        {"follow": "perhaps"},
        {"follow": "true", "asOf": "1"},
    ],
)
def test_a_wrong_query_is_refused(partner: Client, query: dict[str, Any]) -> None:
    assert refusal(partner.try_get("/v1/log", **query)) == (400, "INVALID_FIELD")


def test_a_query_that_means_nothing_is_refused(partner: Client) -> None:
    assert refusal(partner.try_get("/v1/log", cursor="1")) == (400, "UNKNOWN_FIELD")


def test_beyond_the_end_there_is_nothing(partner: Client) -> None:
    found = partner.get("/v1/log", after=10**17)

    assert found == {"data": [], "pagination": {"cursor": str(10**17), "hasMore": False}}
    assert partner.try_get("/v1/log", after=10**17, headers=NDJSON).content == b""


# In which form


def test_lines_hold_what_pages_hold_and_all_of_it(a_partner: MakePartner) -> None:
    partner = a_partner()
    partner.has_history(a_person(), 700)

    reply = partner.try_get("/v1/log", headers=NDJSON)

    assert reply.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in reply.content.splitlines()] == all_pages(
        partner, limit=200
    )
    few = partner.try_get("/v1/log", headers=NDJSON, limit=600)
    assert few.content == b"".join(reply.content.splitlines(keepends=True)[:600])


def test_cloud_events_hold_what_pages_hold(a_partner: MakePartner) -> None:
    partner = a_partner()
    partner.submit()

    reply = partner.try_get("/v1/log", format="cloudevents")

    assert reply.headers["content-type"] == "application/cloudevents-batch+json"
    assert "link" not in reply.headers
    assert reply.json() == [
        {
            "specversion": "1.0",
            "id": entry["id"],
            "source": "/v1/log",
            "type": entry["type"],
            "subject": entry["stream"],
            "time": entry["recordedAt"],
            "datacontenttype": "application/json",
            "sequence": f"{entry['position']:019}",
            "partitionkey": entry["stream"],
            "streamversion": entry["version"],
            "tenant": entry["tenant"],
            "principal": entry["principal"],
            "requestid": entry["requestId"],
            "data": entry["data"],
        }
        for entry in page(partner)
    ]
    lines = partner.try_get("/v1/log", format="cloudevents", headers=NDJSON)
    assert [json.loads(line) for line in lines.content.splitlines()] == reply.json()


def test_a_batch_of_cloud_events_leads_to_the_next(a_partner: MakePartner) -> None:
    partner = a_partner()
    partner.has_history(a_person(), 5)
    found: list[dict[str, Any]] = []

    path = "/v1/log?format=cloudevents&limit=2&types=entity.*"
    while path:
        reply = partner.http.get(path, headers=partner.headers())
        found += reply.json()
        path = reply.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert [int(event["sequence"]) for event in found] == positions(page(partner, types="entity.*"))


def test_an_entry_is_shown_byte_for_byte(
    a_partner: MakePartner, an_auditor: MakeAuditor, auditor: Auditor, log_url: str
) -> None:
    partner = a_partner()
    event = partner.submit(weight=2.50)
    ((position, text),) = stored(log_url, f"position = {event['position']}")

    for reader in (partner, an_auditor(partner), auditor):
        reply = reader.try_get(f"/v1/log/entries/{position}")
        assert reply.headers["content-type"] == "application/json"
        assert reply.content == text.encode()


@pytest.mark.parametrize(
    "position", ["0", "999999999", "x", "-1", "1.0", "9" * 30, "%00", "\u0661"]
)
def test_an_entry_that_is_not_there_is_not_found(auditor: Auditor, position: str) -> None:
    assert refusal(auditor.try_get(f"/v1/log/entries/{position}")) == (404, "NOT_FOUND")


def test_another_tenant_s_entry_is_not_found_like_one_that_is_not_there(
    a_partner: MakePartner, an_auditor: MakeAuditor
) -> None:
    event = a_partner().submit()
    other = a_partner()

    for reader in (other, an_auditor(other)):
        others = reader.try_get(f"/v1/log/entries/{event['position']}")
        absent = reader.try_get("/v1/log/entries/999999999")
        assert (others.status_code, others.content) == (404, absent.content)


@pytest.mark.parametrize("query", ["", "?follow=true"])
def test_head_answers_without_a_body(server: Served, partner: Client, query: str) -> None:
    with httpx.Client(base_url=server.url, headers=partner.headers()) as client:
        reply = client.head(f"/v1/log{query}")
        # On the same connection, which a stream without an end would hold.
        after = client.get("/v1/log")

    assert (reply.status_code, reply.content, after.status_code) == (200, b"", 200)


# That they looked


def reads(client: Client, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/log/access", **query)["data"]
    return found


def test_who_read_the_log_is_shown(a_partner: MakePartner, an_auditor: MakeAuditor) -> None:
    partner = a_partner()
    auditor = an_auditor(partner)
    page(auditor)
    page(auditor)
    auditor.try_get("/v1/log/entries/1")
    auditor.try_get("/v1/log", headers=NDJSON)

    who = f"auditor:{auditor.auditor_id}"

    def routes() -> set[str]:
        return {one["route"] for one in reads(partner) if one["principal"] == who}

    eventually(lambda: routes() >= {"/v1/log", "/v1/log/entries/{position}"})
    # Once a minute, which may have gone by meanwhile.
    noted = [(one["minute"], one["keyId"], one["route"]) for one in reads(partner)]
    assert len(noted) == len(set(noted))
    assert noted == sorted(noted, reverse=True)
    assert {one["tenant"] for one in reads(partner)} == {
        f"sandbox/{partner.get('/v1/partners/me')['partnerId']}"
    }


def test_a_tenant_is_not_shown_who_else_read_and_an_auditor_of_all_is(
    a_partner: MakePartner, an_auditor: MakeAuditor
) -> None:
    partner, auditor = a_partner(), an_auditor()
    page(partner)
    page(auditor)

    def principals(reader: Client) -> set[str]:
        return {one["principal"] for one in reads(reader, limit=200)}

    mine = f"partner:{partner.get('/v1/partners/me')['partnerId']}"
    eventually(lambda: {mine, f"auditor:{auditor.auditor_id}"} <= principals(auditor))
    assert principals(partner) == {mine}


def test_pages_of_who_read_follow_each_other(auditor: Auditor) -> None:
    page(auditor)
    eventually(lambda: len(reads(auditor)) > 2)
    whole = reads(auditor, limit=200)
    found: list[dict[str, Any]] = []

    query: dict[str, Any] = {"limit": 2}
    while True:
        one = auditor.get("/v1/log/access", **query)
        found += one["data"]
        if not one["pagination"]["hasMore"]:
            break
        query["cursor"] = one["pagination"]["cursor"]

    assert [one for one in found if one in whole] == [one for one in whole if one in found]
    assert len(found) >= len(whole)
    assert refusal(auditor.try_get("/v1/log/access", cursor="none")) == (400, "INVALID_CURSOR")


def test_a_refused_reader_read_nothing(a_partner: MakePartner, auditor: Auditor) -> None:
    partner = a_partner()
    agent = a_service_of(partner, preset="reader")
    agent.try_get("/v1/log")
    page(partner)

    eventually(lambda: reads(partner))

    assert not [one for one in reads(partner) if one["principal"].startswith("agent:")]
