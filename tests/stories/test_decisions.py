"""Decisions: several at once, listed, shown, and replayed from the log."""

from typing import Any

import pytest

from tests.stories.client import Client, a_person, an_actor, an_evaluation, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

BULK = "/v1/policy/evaluate/bulk"


@pytest.fixture
def somebody(a_partner: MakePartner) -> Client:
    """A partner whose decisions are all of the story's own."""
    return a_partner()


def bulk(client: Client, *evaluations: object, debug: bool = False) -> dict[str, Any]:
    """The reply to several evaluations, whatever became of each."""
    reply = client.post(BULK, {"evaluations": evaluations}, debug=debug)
    assert reply.status_code == 200, told(reply)
    found: dict[str, Any] = reply.json()
    return found


def replayed(client: Client, decision_id: str) -> dict[str, Any]:
    """What a replay says."""
    reply = client.post(f"/v1/decisions/{decision_id}/replay")
    assert reply.status_code == 200, told(reply)
    found: dict[str, Any] = reply.json()
    return found


# Several at once


def test_several_are_judged_in_order_and_each_is_recorded(somebody: Client) -> None:
    person = a_person()
    somebody.has_history(person, 10, days=14)
    actions = ["checkout.complete", "data.export_pii", "iam.grant_admin", "payout.request"]

    found = bulk(somebody, *(an_evaluation(person, action=action) for action in actions))

    assert found["summary"] == {
        "total": 4,
        "allow": 2,
        "step_up": 1,
        "limit": 0,
        "deny": 1,
        "errors": 0,
    }
    results = found["results"]
    assert [one["index"] for one in results] == [0, 1, 2, 3]
    assert {one["status"] for one in results} == {"evaluated"}
    assert [one["action"] for one in results] == actions
    assert [one["decision"] for one in results] == ["ALLOW", "STEP_UP", "DENY", "ALLOW"]
    for one in results:
        shown = somebody.get(f"/v1/decisions/{one['decision_correlation_id']}")
        assert shown["decision"] == one["decision"]


def test_several_are_judged_on_one_state(somebody: Client) -> None:
    found = bulk(somebody, *(an_evaluation(a_person()) for _ in range(100)))

    assert len({one["position"] for one in found["results"]}) == 1
    assert len({one["evaluatedAt"] for one in found["results"]}) == 1
    ids = {one["decision_correlation_id"] for one in found["results"]}
    assert len(ids) == 100
    assert somebody.head() == found["results"][0]["position"] + 100


def test_what_is_wrong_with_one_refuses_that_one_alone(somebody: Client) -> None:
    wrong: list[tuple[object, str]] = [
        ({"actor": {"type": "human"}, "action": "job.accept"}, "MISSING_FIELD"),
        (an_evaluation(action="no.such"), "UNKNOWN_ACTION"),
        (an_evaluation(colour="blue"), "UNKNOWN_FIELD"),
        (an_evaluation(action=7), "INVALID_FIELD"),
        ("not an object", "INVALID_FIELD"),
        (None, "INVALID_FIELD"),
    ]
    before = somebody.head()

    found = bulk(somebody, an_evaluation(), *(item for item, _ in wrong), an_evaluation())

    first, *errors, last = found["results"]
    assert (first["status"], last["status"]) == ("evaluated", "evaluated")
    assert [one["code"] for one in errors] == [code for _, code in wrong]
    assert [one["index"] for one in errors] == list(range(1, 1 + len(wrong)))
    assert errors[0]["error"] == "Missing required field: actor.id"
    assert (found["summary"]["total"], found["summary"]["errors"]) == (8, 6)
    assert somebody.head() == before + 2


def test_none_of_which_is_right_records_nothing(somebody: Client) -> None:
    with somebody.storing_nothing():
        found = bulk(somebody, an_evaluation(action="no.such"), {})

    assert found["summary"]["errors"] == 2


def test_more_than_100_are_refused_together(somebody: Client) -> None:
    with somebody.storing_nothing():
        reply = somebody.post(BULK, {"evaluations": [an_evaluation()] * 101})

    assert refusal(reply) == (400, "BULK_LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"evaluations": []}, "INVALID_FIELD"),
        ({"evaluations": {}}, "INVALID_FIELD"),
        ({"evaluations": [an_evaluation()], "atomic": True}, "UNKNOWN_FIELD"),
        ([an_evaluation()], "INVALID_FIELD"),
    ],
)
def test_a_body_that_is_none_is_refused(somebody: Client, body: object, code: str) -> None:
    assert refusal(somebody.post(BULK, body)) == (400, code)


def test_100_long_evaluations_are_taken(somebody: Client) -> None:
    long = an_evaluation("x" * 256, resource={"type": "t" * 64, "id": "y" * 256, "amount": 1})

    assert bulk(somebody, *([long] * 100))["summary"]["errors"] == 0


def test_each_of_several_can_be_looked_into(somebody: Client) -> None:
    plain = bulk(somebody, an_evaluation())
    by_query = bulk(somebody, an_evaluation(), debug=True)
    by_header = somebody.post(
        BULK, {"evaluations": [an_evaluation()]}, headers={"x-policy-debug": "true"}
    ).json()

    assert "debug" not in plain["results"][0]
    assert by_query["results"][0]["debug"].keys() == by_header["results"][0]["debug"].keys()
    assert "mirSignals" in by_query["results"][0]["debug"]


# Shown


def test_a_decision_is_shown_as_it_was_given(somebody: Client) -> None:
    person = a_person()
    somebody.has_history(person, 10, days=14)
    reply = somebody.post(
        "/v1/policy/evaluate",
        an_evaluation(person, resource={"type": "report", "id": "r-1", "amount": 9.5}),
    )
    given = reply.json()

    shown = somebody.get(f"/v1/decisions/{given['decision_correlation_id']}")

    same = given.keys() & shown.keys() - {"actor", "position"}
    assert {name: shown[name] for name in same} == {name: given[name] for name in same}
    assert {"decision", "tier", "whyRec", "reasons", "evaluatedAt", "policyVersion"} <= same
    assert shown["seenPosition"] == given["position"]
    assert shown["position"] == int(reply.headers["x-log-position"])
    assert shown["actor"]["type"] == "human"
    assert shown["actor"]["userExternalId"] is None
    assert (shown["resource"]["type"], shown["resource"]["amount"]) == ("report", 9.5)
    assert "r-1" not in str(shown)
    assert person not in str(shown)


@pytest.mark.parametrize("path", ["/v1/decisions/{id}", "/decisions/{id}"])
def test_what_is_not_there_or_not_yours_is_not_found_alike(
    partner: Client, somebody: Client, path: str
) -> None:
    mine = somebody.evaluate(a_person())["decision_correlation_id"]
    ids = [mine, "00000000-0000-4000-8000-000000000000", "x", "%00", "%F0%9F%90%88", "x" * 300]

    shown = [partner.try_get(path.format(id=one)) for one in ids]
    again = [partner.post(f"{path.format(id=one)}/replay") for one in ids]

    assert {refusal(reply) for reply in [*shown, *again]} == {(404, "NOT_FOUND")}
    assert len({reply.content for reply in [*shown, *again]}) == 1


# Listed


def decisions(client: Client, **query: Any) -> list[str]:
    """The ids that a query finds on its first page, newest first."""
    data = client.get("/v1/decisions", **query)["data"]
    return [one["decision_correlation_id"] for one in data]


def test_decisions_are_listed_by_person_action_and_time(somebody: Client) -> None:
    known, unknown = a_person(), a_person()
    somebody.submit(userExternalId=known)
    given = [
        somebody.evaluate(person, action)
        for person in (known, unknown)
        for action in ("payout.request", "job.accept")
    ]
    ids = [one["decision_correlation_id"] for one in given]

    assert decisions(somebody) == ids[::-1]
    assert decisions(somebody, action="job.accept") == [ids[3], ids[1]]
    assert decisions(somebody, userExternalId=known) == [ids[1], ids[0]]
    assert decisions(somebody, userExternalId=known, action="job.accept") == [ids[1]]
    assert decisions(somebody, userExternalId=unknown) == []
    assert decisions(somebody, since=given[2]["evaluatedAt"])[:2] == ids[:1:-1]
    assert decisions(somebody, since="2200-01-01T00:00:00Z") == []
    (first,) = somebody.get("/v1/decisions", userExternalId=known, limit=1)["data"]
    assert first["actor"]["userExternalId"] == known


def test_pages_miss_and_repeat_nothing_while_decisions_are_given(somebody: Client) -> None:
    ids = [somebody.evaluate(a_person())["decision_correlation_id"] for _ in range(7)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}

    while True:
        page = somebody.get("/v1/decisions", **query)
        seen += [one["decision_correlation_id"] for one in page["data"]]
        assert page["pagination"]["hasMore"] == (page["pagination"]["cursor"] is not None)
        if not page["pagination"]["hasMore"]:
            break
        query["cursor"] = page["pagination"]["cursor"]
        bulk(somebody, an_evaluation(), an_evaluation(action="job.accept"))

    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 0}, "INVALID_FIELD"),
        ({"limit": 201}, "INVALID_FIELD"),
        ({"cursor": "nonsense"}, "INVALID_CURSOR"),
        ({"since": "yesterday"}, "INVALID_FIELD"),
        ({"until": "2026-11-22T08:00:00Z"}, "UNKNOWN_FIELD"),
        ({"action": "no.such_action"}, "UNKNOWN_ACTION"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    somebody: Client, query: dict[str, Any], code: str
) -> None:
    assert refusal(somebody.try_get("/v1/decisions", **query)) == (400, code)


def test_decisions_on_an_action_of_one_s_own_may_be_none_yet(somebody: Client) -> None:
    somebody.put("/v1/policy/actions/desk.book", {"requiredTier": 1, "risk": "LOW"})

    assert decisions(somebody, action="desk.book") == []


def test_another_tenant_s_decisions_are_in_no_list(
    somebody: Client, a_partner: MakePartner
) -> None:
    person = a_person()
    somebody.submit(userExternalId=person)
    somebody.evaluate(person)
    other = a_partner()

    assert decisions(other) == []
    assert decisions(other, userExternalId=person) == []
    assert decisions(other, action="data.export_pii") == []


# Replayed


def test_a_decision_agrees_with_the_log_field_by_field(somebody: Client) -> None:
    person = a_person()
    somebody.has_history(person, 10, days=14)
    given = somebody.evaluate(person, "message.send_bulk")

    found = replayed(somebody, given["decision_correlation_id"])

    assert found["agrees"] is True
    assert found["position"] == given["position"]
    fields = {one["name"]: one for one in found["fields"]}
    assert set(fields) == {
        "decision",
        "tier",
        "requiredTier",
        "risk",
        "claimStatus",
        "reasons",
        "limits",
        "policyVersion",
    }
    assert all(one["agrees"] and one["recorded"] == one["recomputed"] for one in fields.values())
    assert fields["decision"]["recorded"] == given["decision"]
    assert fields["reasons"]["recorded"] == given["reasons"]


def test_decisions_agree_whatever_happens_after_them(
    somebody: Client, a_partner: MakePartner
) -> None:
    other, person, theirs = a_partner(), a_person(), a_person()
    given: list[dict[str, Any]] = []

    def decide() -> None:
        given.append(somebody.evaluate(person, "message.send_bulk"))
        given.extend(bulk(somebody, an_evaluation(person), an_evaluation(a_person()))["results"])

    decide()
    somebody.has_history(person, 10, days=14)
    other.has_history(theirs, 60, days=40)
    decide()
    code = somebody.post("/v1/links", {"userExternalId": person}).json()["linkCode"]
    joined = other.post("/v1/links/redeem", {"linkCode": code, "userExternalId": theirs})
    assert joined.is_success, told(joined)
    decide()
    claim = other.post("/v1/claims", {"userExternalId": theirs, "claimType": "fraud"}).json()
    decide()
    contested = somebody.post(f"/v1/claims/{claim['id']}/contest", {"reasonCode": "NOT_ME"})
    assert contested.status_code == 200, told(contested)
    decide()
    somebody.put("/v1/policy/actions/message.send_bulk", {"requiredTier": 3, "risk": "HIGH"})
    decide()
    somebody.post("/v1/entities/erase", {"userExternalId": person})
    decide()

    assert len({one["claimStatus"] for one in given}) == 3
    assert len({one["tier"] for one in given}) > 1
    assert len({one["policyVersion"] for one in given}) == 2
    for one in given:
        found = replayed(somebody, one["decision_correlation_id"])
        assert found["agrees"], found


def test_a_replay_records_nothing_and_takes_no_key(somebody: Client) -> None:
    decision_id = somebody.evaluate(a_person())["decision_correlation_id"]

    with somebody.storing_nothing():
        first = somebody.post(f"/v1/decisions/{decision_id}/replay", key="a-key")
        second = somebody.post(f"/v1/decisions/{decision_id}/replay", key="a-key")

    assert first.json() == second.json()
    assert "x-idempotency-replay" not in second.headers


def test_a_service_s_decisions_are_shown_and_agree_too(somebody: Client) -> None:
    body = {"actor": an_actor(a_person(), "service"), "action": "job.accept"}
    decision_id = somebody.post("/v1/policy/evaluate", body).json()["decision_correlation_id"]

    assert somebody.get(f"/v1/decisions/{decision_id}")["actor"]["type"] == "service"
    assert replayed(somebody, decision_id)["agrees"]
