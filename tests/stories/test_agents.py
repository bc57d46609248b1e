"""Agents over HTTP: made, shown, changed, stopped and ended; and as actors themselves."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from domain.api_keys import is_whole
from tests.interfaces.serving import eventually
from tests.stories.agents import (
    OPERATOR_FOR,
    Agent,
    an_agent,
    lets_spawn,
    moved,
    narrowed,
    registered,
    seen,
    spawned,
)
from tests.stories.client import Client, a_key, a_person, an_actor, an_event, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told
from tests.stories.lines import streaming
from tests.stories.logged import logged

UNKNOWN_KEY = (401, "UNAUTHENTICATED")


# Made


def test_an_agent_is_shown_whole_with_a_key_that_opens_at_once(a_partner: MakePartner) -> None:
    partner = a_partner()
    body = an_agent(name="Support assistant", rateLimitPerMinute=600)

    reply = partner.post("/v1/agents", body)

    assert reply.status_code == 201, told(reply)
    made = reply.json()
    key, agent_id = made.pop("apiKey"), made["id"]
    assert key.startswith("mir_agent_")
    assert is_whole(key)
    assert made == {
        "id": agent_id,
        "name": "Support assistant",
        "type": "AI_AGENT",
        "preset": "operator",
        "permissions": [
            "agents:read",
            "agents:spawn",
            "claims:read",
            "claims:write",
            "events:read",
            "events:write",
            "jobs:work",
            "policy:evaluate",
            "policy:read",
        ],
        "allowedEventTypes": OPERATOR_FOR,
        "requireIdempotency": True,
        "rateLimitPerMinute": 600,
        "status": "ACTIVE",
        "authMode": "API_KEY",
        "parentId": None,
        "rootId": agent_id,
        "depth": 0,
        "membershipSource": "REGISTERED",
        "accountable": "PARTNER",
        "createdBy": f"partner:{partner.get('/v1/partners/me')['partnerId']}",
        "createdAt": made["createdAt"],
        "lastActivityAt": None,
    }
    assert Client(partner.http, key).get("/v1/events")["data"] == []


def test_an_agent_is_the_same_wherever_it_is_shown(a_partner: MakePartner) -> None:
    partner = a_partner()
    made = partner.post("/v1/agents", an_agent()).json()
    del made["apiKey"]
    path = f"/v1/agents/{made['id']}"

    shown = [
        partner.get(path),
        *partner.get("/v1/agents")["data"],
        *partner.get("/v1/agents/tree")["data"],
        partner.get(f"{path}/lineage")["self"],
        partner.post(f"{path}/suspend").json() | {"status": "ACTIVE"},
        partner.patch(path, {}).json() | {"status": "ACTIVE"},
    ]

    assert shown == [made] * 6


def test_whoever_answers_for_an_agent_is_said_and_not_named(partner: Client, log_url: str) -> None:
    person = f"{a_person()}-who-answers"

    reply = partner.post("/v1/agents", an_agent(authorizedBy=person))

    assert reply.json()["accountable"] == "HUMAN"
    assert person not in reply.text
    assert person not in str(logged(log_url))


def test_a_key_is_shown_once(partner: Client) -> None:
    body, key = an_agent(), a_key()

    first = partner.post("/v1/agents", body, key=key)
    again = partner.post("/agents", body, key=key)

    assert is_replay(again)
    assert first.json()["apiKey"] is not None
    assert again.json() == first.json() | {"apiKey": None}
    assert seen(partner, Agent(partner.http, first.json()))["id"] == again.json()["id"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": ""}, "INVALID_NAME"),
        ({"name": "line\nbreak"}, "INVALID_NAME"),
        ({"type": "ROBOT"}, "INVALID_FIELD"),
        ({"preset": "root"}, "INVALID_FIELD"),
        ({"allowedEventTypes": ["transaction.complete"]}, "INVALID_EVENT_TYPE"),
        ({"rateLimitPerMinute": 0}, "INVALID_FIELD"),
        ({"rateLimitPerMinute": 1_000_001}, "INVALID_FIELD"),
        ({"authorizedBy": ""}, "INVALID_FIELD"),
        ({"parentId": "mine"}, "UNKNOWN_FIELD"),
    ],
)
def test_a_registration_that_is_wrong_is_refused(
    partner: Client, fields: dict[str, object], code: str
) -> None:
    with partner.storing_nothing():
        reply = partner.post("/v1/agents", an_agent(**fields))

    assert refusal(reply) == (400, code)


@pytest.mark.parametrize("missing", ["name", "type", "preset"])
def test_a_registration_says_name_type_and_preset(partner: Client, missing: str) -> None:
    reply = partner.post("/v1/agents", an_agent(**{missing: None}))

    assert refusal(reply) == (400, "MISSING_FIELD")


# Listed


def test_lists_go_page_by_page_newest_first(a_partner: MakePartner) -> None:
    partner = a_partner()
    agents = [registered(partner) for _ in range(5)]

    first = partner.get("/v1/agents", limit=3)
    registered(partner)
    rest = partner.get("/v1/agents", limit=3, cursor=first["pagination"]["cursor"])

    listed = [one["id"] for one in first["data"] + rest["data"]]
    assert listed == [agent.id for agent in reversed(agents)]
    assert rest["pagination"] == {"cursor": None, "hasMore": False}


def test_lists_are_of_one_status_if_wanted(a_partner: MakePartner) -> None:
    partner = a_partner()
    active, suspended, revoked = (registered(partner) for _ in range(3))
    moved(partner, suspended, "suspend")
    moved(partner, revoked, "revoke")

    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in partner.get("/v1/agents", **query)["data"]]

    assert ids(status="ACTIVE") == [active.id]
    assert ids(status="SUSPENDED") == [suspended.id]
    assert ids(status="REVOKED") == [revoked.id]
    assert ids(status="PENDING_APPROVAL") == []
    assert refusal(partner.try_get("/v1/agents", status="DEAD")) == (400, "INVALID_FIELD")
    assert refusal(partner.try_get("/v1/agents", cursor="none")) == (400, "INVALID_CURSOR")


def test_the_last_activity_of_an_agent_is_shown_and_outlives_its_key(partner: Client) -> None:
    agent = registered(partner)
    agent.get("/v1/events")

    eventually(lambda: seen(partner, agent)["lastActivityAt"], seconds=60)
    active = seen(partner, agent)["lastActivityAt"]
    rotated = moved(partner, agent, "key/rotate")

    assert active > seen(partner, agent)["createdAt"]
    assert rotated["lastActivityAt"] == active


# Another partner's


REQUESTS: dict[str, Callable[[Client, str], httpx.Response]] = {
    "show": lambda client, one: client.try_get(f"/v1/agents/{one}"),
    "lineage": lambda client, one: client.try_get(f"/v1/agents/{one}/lineage"),
    "tree": lambda client, one: client.try_get("/v1/agents/tree", root=one),
    "change": lambda client, one: client.patch(f"/v1/agents/{one}", {"preset": "reader"}),
    "suspend": lambda client, one: client.post(f"/v1/agents/{one}/suspend"),
    "reactivate": lambda client, one: client.post(f"/v1/agents/{one}/reactivate"),
    "revoke": lambda client, one: client.post(f"/v1/agents/{one}/revoke"),
    "rotate": lambda client, one: client.post(f"/v1/agents/{one}/key/rotate"),
    "approve": lambda client, one: client.post(f"/v1/agents/{one}/approve"),
    "reject": lambda client, one: client.post(f"/v1/agents/{one}/reject"),
    "spawn": lambda client, one: client.post(f"/v1/agents/{one}/spawn", {"name": "Child"}),
    "kill": lambda client, one: client.post(f"/v1/agents/{one}/revoke-descendants"),
    "preview": lambda client, one: client.post(
        f"/v1/agents/{one}/revoke-descendants", preview="true"
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_another_partner_s_agent_is_like_one_that_does_not_exist(
    partner: Client, a_partner: MakePartner, name: str
) -> None:
    agent, other = registered(partner), a_partner()
    lets_spawn(other)
    before = seen(partner, agent)

    with other.storing_nothing():
        missing, foreign = REQUESTS[name](other, "no-such"), REQUESTS[name](other, agent.id)

    assert refusal(missing) == (404, "NOT_FOUND")
    assert foreign.content == missing.content
    assert seen(partner, agent) == before


def test_another_partner_s_agent_sees_nothing_either(
    partner: Client, a_partner: MakePartner
) -> None:
    agent, other = registered(partner), registered(a_partner())

    for name in ("show", "lineage", "tree"):
        assert refusal(REQUESTS[name](other, agent.id)) == (404, "NOT_FOUND")


# Changed


def test_rights_are_set_one_by_one_and_what_is_left_out_stays(partner: Client) -> None:
    agent = registered(partner, rateLimitPerMinute=100)

    by_preset = narrowed(partner, agent, preset="reporter")
    by_types = narrowed(partner, agent, allowedEventTypes=["message.sent"])
    by_rate = narrowed(partner, agent, rateLimitPerMinute=None)

    def rights(shown: dict[str, Any]) -> tuple[object, ...]:
        return shown["preset"], shown["allowedEventTypes"], shown["rateLimitPerMinute"]

    assert rights(by_preset) == ("reporter", OPERATOR_FOR, 100)
    assert rights(by_types) == ("reporter", ["message.sent"], 100)
    assert rights(by_rate) == ("reporter", ["message.sent"], None)
    assert seen(partner, agent) == by_rate


def test_rights_that_were_taken_are_gone_at_the_next_request(partner: Client) -> None:
    agent = registered(partner)
    assert agent.reports().status_code == 201

    narrowed(partner, agent, preset="reader")

    assert refusal(agent.reports()) == (403, "FORBIDDEN")
    narrowed(partner, agent, preset="reporter")
    assert agent.reports().status_code == 201


def test_setting_what_is_in_force_writes_nothing(partner: Client) -> None:
    agent = registered(partner)

    with partner.storing_nothing():
        narrowed(partner, agent, preset="operator", allowedEventTypes=OPERATOR_FOR)


@pytest.mark.parametrize(
    ("rights", "refused"),
    [
        ({"preset": "admin"}, (403, "AGENT_PRESET_FORBIDDEN")),
        ({"allowedEventTypes": None}, (400, "AGENT_ALLOWLIST_REQUIRED")),
        ({"allowedEventTypes": []}, (400, "AGENT_ALLOWLIST_REQUIRED")),
        ({"allowedEventTypes": ["no.such"]}, (400, "INVALID_EVENT_TYPE")),
        ({"rateLimitPerMinute": -1}, (400, "INVALID_FIELD")),
        ({"status": "ACTIVE"}, (400, "UNKNOWN_FIELD")),
        ({"requireIdempotency": False}, (400, "UNKNOWN_FIELD")),
    ],
)
def test_a_change_that_is_wrong_is_refused(
    partner: Client, rights: dict[str, object], refused: tuple[int, str]
) -> None:
    agent = registered(partner)

    with partner.storing_nothing():
        assert refusal(partner.patch(agent.path, rights)) == refused


# Stopped and ended

MOVES = ["suspend", "reactivate", "approve", "reject", "revoke", "key/rotate"]
TAKEN = {
    "active": {"suspend", "revoke", "key/rotate"},
    "suspended": {"reactivate", "revoke", "key/rotate"},
    "pending": {"approve", "reject", "revoke", "key/rotate"},
    "revoked": set[str](),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", TAKEN)
def test_only_some_moves_are_taken_in_a_state(
    a_partner: MakePartner, state: str, move: str
) -> None:
    partner = a_partner()
    lets_spawn(partner, approvalFromDepth=1)
    agent = registered(partner)
    match state:
        case "suspended":
            moved(partner, agent, "suspend")
        case "revoked":
            moved(partner, agent, "revoke")
        case "pending":
            agent = spawned(agent)

    if move in TAKEN[state]:
        moved(partner, agent, move)
    else:
        with partner.storing_nothing():
            reply = partner.post(f"{agent.path}/{move}")
        assert refusal(reply) == (409, "INVALID_AGENT_STATE")


def test_what_is_revoked_cannot_be_changed(partner: Client) -> None:
    agent = registered(partner)
    moved(partner, agent, "revoke")

    reply = partner.patch(agent.path, {"preset": "reader"})

    assert refusal(reply) == (409, "INVALID_AGENT_STATE")


def test_a_suspended_agent_does_nothing_until_it_is_reactivated(partner: Client) -> None:
    agent, key = registered(partner), a_key()
    body = an_event()
    agent.post("/v1/events", body, key=key)

    moved(partner, agent, "suspend")
    with partner.storing_nothing():
        replies = [
            agent.try_get("/v1/events"),
            agent.try_get("/v1/event-types"),
            agent.try_get(agent.path),
            agent.reports(),
            agent.post("/v1/events", body, key=key),
            agent.post("/v1/policy/standing", {"actor": an_actor(a_person())}),
            agent.post(f"{agent.path}/spawn", {"name": "Child"}),
        ]

    assert {refusal(reply) for reply in replies} == {(403, "AGENT_SUSPENDED")}
    moved(partner, agent, "reactivate")
    assert is_replay(agent.post("/v1/events", body, key=key))


def test_a_suspended_partner_s_agents_are_stopped_with_it(
    operator: Client, a_partner: MakePartner
) -> None:
    partner = a_partner()
    agent, suspended = registered(partner), registered(partner)
    moved(partner, suspended, "suspend")
    named = {"partnerId": partner.get("/v1/partners/me")["partnerId"]}

    operator.post("/v1/partners/suspend", named)
    stopped = [agent.try_get("/v1/events"), agent.reports(), suspended.try_get("/v1/events")]
    operator.post("/v1/partners/reactivate", named)

    assert {refusal(reply) for reply in stopped} == {(403, "PARTNER_SUSPENDED")}
    assert agent.reports().status_code == 201
    assert refusal(suspended.reports()) == (403, "AGENT_SUSPENDED")


def test_a_revoked_agent_s_key_is_nobody_s(partner: Client) -> None:
    agent, key = registered(partner), a_key()
    body = an_event()
    agent.post("/v1/events", body, key=key)

    after = moved(partner, agent, "revoke")

    assert (after["status"], after["authMode"]) == ("REVOKED", "NONE")
    assert refusal(agent.try_get("/v1/events")) == UNKNOWN_KEY
    assert refusal(agent.post("/v1/events", body, key=key)) == UNKNOWN_KEY
    assert seen(partner, agent)["authMode"] == "NONE"


def test_a_key_that_is_replaced_is_dead_at_once_and_what_was_done_with_it_replayed(
    partner: Client,
) -> None:
    agent, key = registered(partner), a_key()
    body = an_event()
    first = agent.post("/v1/events", body, key=key)

    new = moved(partner, agent, "key/rotate")["apiKey"]

    assert new.startswith("mir_agent_")
    assert refusal(agent.post("/v1/events", body, key=key)) == UNKNOWN_KEY
    again = agent.with_key(new).post("/v1/events", body, key=key)
    assert is_replay(again)
    assert again.content == first.content


def test_a_replaced_key_is_shown_once(partner: Client) -> None:
    agent, key = registered(partner), a_key()

    first = partner.post(f"{agent.path}/key/rotate", key=key)
    again = partner.post(f"{agent.path}/key/rotate", key=key)

    assert is_replay(again)
    assert again.json() == first.json() | {"apiKey": None}
    agent.with_key(first.json()["apiKey"]).get("/v1/events")


@pytest.mark.parametrize("move", ["suspend", "revoke"])
def test_a_move_with_a_key_is_made_once(partner: Client, move: str) -> None:
    agent, key = registered(partner), a_key()

    first = partner.post(f"{agent.path}/{move}", key=key)
    with partner.storing_nothing():
        again = partner.post(f"{agent.path}/{move}", key=key)

    assert is_replay(again)
    assert again.content == first.content


def test_a_key_for_one_agent_is_no_repeat_for_another(partner: Client) -> None:
    one, other, key = registered(partner), registered(partner), a_key()
    partner.post(f"{one.path}/suspend", key=key)

    reply = partner.post(f"{other.path}/suspend", key=key)

    assert refusal(reply) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert seen(partner, other)["status"] == "ACTIVE"


def test_two_agents_of_a_partner_may_use_the_same_idempotency_key(partner: Client) -> None:
    one, other, key = registered(partner), registered(partner), a_key()

    replies = [agent.reports(key=key) for agent in (one, other)]

    assert [reply.status_code for reply in replies] == [201, 201]
    assert not any(is_replay(reply) for reply in replies)


def test_a_stream_of_lines_ends_when_its_agent_is_suspended_and_says_why(
    partner: Client,
) -> None:
    agent, person = registered(partner), a_person()

    with streaming(agent, key=a_key()) as sent:
        sent.send(an_event(userExternalId=person))
        moved(partner, agent, "suspend")
        (last,) = sent.rest()

    assert last["code"] == "AGENT_SUSPENDED"
    assert partner.events(userExternalId=person) == []


# As actors


@pytest.fixture
def worker(partner: Client) -> Agent:
    """An agent with a history of its own: ten events in fourteen days, tier 1."""
    agent = registered(partner)
    partner.has_history(agent.id, 10, days=14)
    return agent


def judged(client: Client, agent_id: str, kind: str = "service") -> dict[str, Any]:
    """The recommendation for an action that tier 1 allows."""
    body = {"actor": an_actor(agent_id, kind), "action": "payout.request"}
    reply = client.post("/v1/policy/evaluate", body)
    assert reply.status_code == 200, told(reply)
    given: dict[str, Any] = reply.json()
    return given


def verdict(given: dict[str, Any]) -> tuple[object, ...]:
    return given["decision"], given["reasons"], given["tier"]


def test_an_agent_has_a_history_under_its_id(partner: Client, worker: Agent) -> None:
    found = partner.post("/v1/policy/standing", {"actor": an_actor(worker.id, "service")}).json()

    assert (found["tier"], found["signals"]["eventCount"]) == (1, 10)
    assert len(partner.events(userExternalId=worker.id)) == 10
    assert verdict(judged(partner, worker.id)) == ("ALLOW", ["TIER_MET"], 1)


def test_an_agent_reports_events_of_its_own(partner: Client) -> None:
    agent = registered(partner)

    reply = agent.reports(userExternalId=agent.id, actorType="AGENT")

    assert reply.status_code == 201, told(reply)
    assert [one["actorType"] for one in partner.events(userExternalId=agent.id)] == ["AGENT"]


@pytest.mark.parametrize(
    ("move", "reason"), [("suspend", "AGENT_SUSPENDED"), ("revoke", "AGENT_REVOKED")]
)
def test_an_agent_that_is_not_in_force_is_denied_and_its_tier_unchanged(
    partner: Client, worker: Agent, move: str, reason: str
) -> None:
    moved(partner, worker, move)

    assert verdict(judged(partner, worker.id)) == ("DENY", [reason], 1)


def test_an_agent_below_a_suspended_one_is_denied(a_partner: MakePartner) -> None:
    partner = a_partner()
    lets_spawn(partner)
    root = registered(partner)
    grandchild = spawned(spawned(root))
    moved(partner, root, "suspend")

    assert verdict(judged(partner, grandchild.id))[:2] == ("DENY", ["AGENT_SUSPENDED"])
    moved(partner, root, "reactivate")
    assert verdict(judged(partner, grandchild.id))[:2] != ("DENY", ["AGENT_SUSPENDED"])


def test_an_agent_that_waits_for_approval_is_denied(a_partner: MakePartner) -> None:
    partner = a_partner()
    lets_spawn(partner, approvalFromDepth=1)
    pending = spawned(registered(partner))

    assert verdict(judged(partner, pending.id)) == ("DENY", ["AGENT_PENDING"], 0)


def test_a_denied_agent_s_decision_agrees_when_it_is_computed_again(
    partner: Client, worker: Agent
) -> None:
    moved(partner, worker, "suspend")
    denied = judged(partner, worker.id)
    moved(partner, worker, "reactivate")
    allowed = judged(partner, worker.id)
    moved(partner, worker, "revoke")

    for given in (denied, allowed):
        decision = given["decision_correlation_id"]
        replayed = partner.post(f"/v1/decisions/{decision}/replay").json()
        assert replayed["agrees"], replayed


def test_an_agent_is_judged_as_it_was(partner: Client, worker: Agent) -> None:
    then = partner.head()
    moved(partner, worker, "suspend")

    body = {"actor": an_actor(worker.id, "service"), "action": "payout.request"}
    was = partner.post("/v1/policy/evaluate", body, asOf=then).json()

    assert verdict(was) == ("ALLOW", ["TIER_MET"], 1)


def test_many_judged_together_are_denied_one_by_one(partner: Client, worker: Agent) -> None:
    moved(partner, worker, "suspend")
    actors = [an_actor(worker.id, "service"), an_actor(worker.id), an_actor("nobody", "service")]

    body = {"evaluations": [{"actor": one, "action": "checkout.complete"} for one in actors]}
    results = partner.post("/v1/policy/evaluate/bulk", body).json()["results"]

    assert [one["reasons"] for one in results] == [["AGENT_SUSPENDED"], ["TIER_MET"], ["TIER_MET"]]


def test_a_person_who_is_named_like_an_agent_is_judged_as_a_person(
    partner: Client, worker: Agent
) -> None:
    moved(partner, worker, "revoke")

    assert verdict(judged(partner, worker.id, kind="human")) == ("ALLOW", ["TIER_MET"], 1)


def test_another_partner_s_agent_is_no_agent_here(worker: Agent, a_partner: MakePartner) -> None:
    assert verdict(judged(a_partner(), worker.id)) == ("LIMIT", ["TIER_ONE_BELOW"], 0)


def test_an_agent_cannot_be_linked(a_partner: MakePartner) -> None:
    ours, theirs = a_partner(), a_partner()
    agent = registered(theirs)
    code = ours.post("/v1/links", {"userExternalId": a_person()}).json()["linkCode"]

    offered = theirs.post("/v1/links", {"userExternalId": agent.id})
    redeemed = theirs.post("/v1/links/redeem", {"linkCode": code, "userExternalId": agent.id})

    assert refusal(offered) == refusal(redeemed) == (409, "LINK_NOT_ALLOWED")
    # The code was not used up, and under our name nobody there is an agent.
    taken = theirs.post("/v1/links/redeem", {"linkCode": code, "userExternalId": a_person()})
    assert taken.status_code == 200, told(taken)
    assert ours.post("/v1/links", {"userExternalId": agent.id}).status_code == 201


# In the log


def test_each_change_says_where_in_the_log_it_stands(a_partner: MakePartner) -> None:
    partner = a_partner()
    lets_spawn(partner, approvalFromDepth=1)
    root = registered(partner)
    agent = spawned(root)
    moves = ("approve", "key/rotate", "suspend", "reactivate", "revoke")

    replies = [
        *(partner.post(f"{agent.path}/{move}") for move in moves),
        partner.patch(root.path, {"preset": "reader"}),
        partner.post(f"{root.path}/revoke-descendants"),
    ]

    positions = [int(reply.headers["x-log-position"]) for reply in replies]
    assert positions == list(range(positions[0], positions[0] + len(replies)))
    assert positions[-1] == partner.head()


def test_what_is_done_with_an_agent_is_in_the_log_with_who_did_it(
    a_partner: MakePartner, log_url: str
) -> None:
    partner = a_partner()
    lets_spawn(partner)
    root = registered(partner)
    agent = spawned(root)
    for move in ("suspend", "reactivate", "key/rotate", "revoke"):
        headers = {"x-request-id": f"{move}-{agent.id}"}
        partner.post(f"{agent.path}/{move}", headers=headers)

    entries = logged(log_url, stream=f"agent-{agent.id}")

    by_partner = f"partner:{partner.get('/v1/partners/me')['partnerId']}"
    assert [(one["type"], one["principal"]) for one in entries] == [
        ("agent.spawned.v1", f"agent:{root.id}"),
        ("agent.suspended.v1", by_partner),
        ("agent.reactivated.v1", by_partner),
        ("agent.key_rotated.v1", by_partner),
        ("agent.revoked.v1", by_partner),
    ]
    assert entries[1]["request_id"] == f"suspend-{agent.id}"
    assert [one["version"] for one in entries] == [1, 2, 3, 4, 5]


def test_no_key_is_in_the_log(partner: Client, log_url: str) -> None:
    agent = registered(partner)
    new = moved(partner, agent, "key/rotate")["apiKey"]

    log = str(logged(log_url))

    assert agent.id in log
    assert agent.key is not None
    assert agent.key not in log
    assert new not in log
