"""Spawning over HTTP: who comes from whom, within which rights, and what stops whom."""

from typing import Any

import pytest

from tests.stories.agents import (
    OPERATOR_FOR,
    Agent,
    a_service_of,
    lets_spawn,
    moved,
    narrowed,
    registered,
    seen,
    spawned,
)
from tests.stories.client import Client, a_key, a_person, an_event, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

UNKNOWN_KEY = (401, "UNAUTHENTICATED")
STOPPED_ABOVE = (403, "ANCESTOR_SUSPENDED")
ESCALATION = (403, "SPAWN_ESCALATION")
PARENT_NOT_ACTIVE = (409, "PARENT_NOT_ACTIVE")


@pytest.fixture
def partner(a_partner: MakePartner) -> Client:
    """A partner of this story's own, whose agents may spawn."""
    partner = a_partner()
    lets_spawn(partner)
    return partner


def a_line(partner: Client, length: int) -> list[Agent]:
    """An agent, one that comes from it, one that comes from that, and so on."""
    line = [registered(partner)]
    while len(line) < length:
        line.append(spawned(line[-1]))
    return line


# Policy


def test_agents_do_not_spawn_until_the_partner_lets_them(a_partner: MakePartner) -> None:
    partner = a_partner()
    agent = registered(partner)

    by_agent = agent.post(f"{agent.path}/spawn", {"name": "Child"})
    by_partner = partner.post(f"{agent.path}/spawn", {"name": "Child"})

    assert refusal(by_agent) == refusal(by_partner) == (403, "SPAWN_DISABLED")
    lets_spawn(partner)
    assert seen(partner, spawned(agent))["depth"] == 1


def test_the_spawn_policy_is_shown_to_agents_too(a_partner: MakePartner) -> None:
    partner = a_partner()
    agent = registered(partner)
    none_set = partner.get("/v1/spawn-policy")

    policy = {
        "enabled": True,
        "maxDepth": 3,
        "maxChildren": 7,
        "maxDescendants": 20,
        "approvalFromDepth": 2,
    }
    reply = partner.put("/v1/spawn-policy", policy)

    assert none_set["enabled"] is False
    assert (none_set["maxDepth"], none_set["approvalFromDepth"]) == (5, None)
    assert reply.json() == policy
    assert partner.get("/v1/spawn-policy") == agent.get("/v1/spawn-policy") == policy


def test_setting_the_policy_that_is_in_force_writes_nothing(partner: Client) -> None:
    with partner.storing_nothing():
        lets_spawn(partner)


@pytest.mark.parametrize(
    "policy",
    [
        {"maxDepth": -1},
        {"maxDepth": 33},
        {"maxChildren": -1},
        {"maxDescendants": 100_001},
        {"approvalFromDepth": 0},
        {"enabled": "yes"},
    ],
)
def test_a_policy_that_is_wrong_is_refused(partner: Client, policy: dict[str, object]) -> None:
    assert refusal(partner.put("/v1/spawn-policy", policy)) == (400, "INVALID_FIELD")


def test_a_partner_s_policy_is_no_other_s(partner: Client, a_partner: MakePartner) -> None:
    assert a_partner().get("/v1/spawn-policy")["enabled"] is False


# Spawned


def test_a_child_is_made_by_its_parent_and_inherits_what_it_has(partner: Client) -> None:
    root = registered(partner, rateLimitPerMinute=500, authorizedBy=a_person())
    parent = seen(partner, root)

    reply = root.post(f"{root.path}/spawn", {"name": "Research assistant"})

    assert reply.status_code == 201, told(reply)
    made = reply.json()
    key = made.pop("apiKey")
    assert key.startswith("mir_agent_")
    assert made == parent | {
        "id": made["id"],
        "name": "Research assistant",
        "parentId": root.id,
        "rootId": root.id,
        "depth": 1,
        "membershipSource": "SPAWNED",
        "createdBy": f"agent:{root.id}",
        "createdAt": made["createdAt"],
        "lastActivityAt": None,
    }
    assert made["accountable"] == "HUMAN"
    assert Agent(root.http, reply.json()).reports().status_code == 201


def test_a_partner_spawns_under_any_of_its_agents(partner: Client) -> None:
    line = a_line(partner, 3)

    made = seen(partner, spawned(line[2], partner))

    assert made["createdBy"].startswith("partner:")
    assert (made["parentId"], made["rootId"], made["depth"]) == (line[2].id, line[0].id, 3)


def test_an_agent_spawns_under_itself_alone(partner: Client, a_partner: MakePartner) -> None:
    root, child = a_line(partner, 2)
    others = [child.id, registered(partner).id, registered(a_partner()).id, "no-such"]

    with partner.storing_nothing():
        replies = [
            root.post(f"/v1/agents/{other}/spawn", body)
            for other in others
            for body in ({"name": "Child"}, {})
        ]

    assert {refusal(reply) for reply in replies} == {(403, "FORBIDDEN")}


def test_a_child_has_less_if_it_is_given_less(partner: Client) -> None:
    root = registered(partner)

    child = spawned(root, preset="reporter", allowedEventTypes=["message.sent"])

    made = seen(partner, child)
    assert (made["preset"], made["allowedEventTypes"]) == ("reporter", ["message.sent"])
    assert refusal(child.post(f"{child.path}/spawn", {"name": "Child"})) == (403, "FORBIDDEN")


def test_a_key_of_a_child_is_shown_once(partner: Client) -> None:
    root, key = registered(partner), a_key()
    body = {"name": "Once"}

    first = root.post(f"{root.path}/spawn", body, key=key)
    again = root.post(f"{root.path}/spawn", body, key=key)

    assert is_replay(again)
    assert first.json()["apiKey"] is not None
    assert again.json() == first.json() | {"apiKey": None}
    assert [one["name"] for one in root.get(f"{root.path}/lineage")["children"]] == ["Once"]


# Nothing escalates


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"preset": "operator"}, "preset"),
        ({"allowedEventTypes": [*OPERATOR_FOR, "review.received"]}, "allowedEventTypes"),
        ({"rateLimitPerMinute": 101}, "rateLimitPerMinute"),
        ({"type": "SERVICE_ACCOUNT"}, "type"),
        ({"requireIdempotency": False}, "requireIdempotency"),
    ],
)
def test_a_child_never_has_more_and_the_answer_names_what(
    partner: Client, asked: dict[str, object], named: str
) -> None:
    root = registered(partner, preset="operator", rateLimitPerMinute=100)
    if "preset" in asked:
        narrowed(partner, root, preset="reporter")

    with partner.storing_nothing():
        reply = partner.post(f"{root.path}/spawn", {"name": "More", **asked})

    assert refusal(reply) == ESCALATION
    assert reply.json()["error"].endswith(f": {named}.")


def test_a_whole_number_may_be_spelled_with_a_point(a_partner: MakePartner) -> None:
    partner = a_partner()
    lets_spawn(partner, maxDepth=4.0, maxChildren=3.0, maxDescendants=9.0, approvalFromDepth=2.0)
    root = registered(partner, rateLimitPerMinute=100.0)

    assert partner.get("/v1/spawn-policy") == {
        "enabled": True,
        "maxDepth": 4,
        "maxChildren": 3,
        "maxDescendants": 9,
        "approvalFromDepth": 2,
    }
    assert seen(partner, root)["rateLimitPerMinute"] == 100


def test_all_that_exceeds_is_named_at_once(partner: Client) -> None:
    root = registered(partner, preset="reporter", rateLimitPerMinute=1)

    asked = {"preset": "admin", "allowedEventTypes": ["ai.tool_called"], "rateLimitPerMinute": 2}
    reply = partner.post(f"{root.path}/spawn", {"name": "More", **asked})

    assert reply.json()["error"].endswith(": preset, allowedEventTypes, rateLimitPerMinute.")


def test_a_child_is_bound_by_what_is_in_force_above_its_parent_too(partner: Client) -> None:
    root, parent = a_line(partner, 2)
    narrowed(partner, root, allowedEventTypes=["message.sent"])

    inherits = seen(partner, spawned(parent))
    more = parent.post(
        f"{parent.path}/spawn", {"name": "More", "allowedEventTypes": ["transaction.completed"]}
    )

    assert inherits["allowedEventTypes"] == ["message.sent"]
    assert refusal(more) == ESCALATION


def test_a_child_is_not_widened_beyond_its_parent(partner: Client) -> None:
    root = registered(partner, preset="operator", rateLimitPerMinute=100)
    child = spawned(root, preset="reader", rateLimitPerMinute=10)
    narrowed(partner, root, preset="reporter")

    with partner.storing_nothing():
        for more in (
            {"preset": "operator"},
            {"rateLimitPerMinute": 101},
            {"rateLimitPerMinute": None},
            {"allowedEventTypes": ["review.received"]},
        ):
            assert refusal(partner.patch(child.path, more)) == ESCALATION
    assert narrowed(partner, child, preset="reporter")["preset"] == "reporter"


def test_under_a_service_account_an_ai_agent_is_held_to_its_own_guardrails(
    partner: Client,
) -> None:
    root = a_service_of(partner, preset="admin")

    def asked(**fields: Any) -> tuple[int, str]:
        body = {"name": "Assistant", "type": "AI_AGENT", **fields}
        return refusal(partner.post(f"{root.path}/spawn", body))

    assert asked() == (403, "AGENT_PRESET_FORBIDDEN")
    assert asked(preset="operator") == (400, "AGENT_ALLOWLIST_REQUIRED")
    bound: dict[str, Any] = {"preset": "operator", "allowedEventTypes": ["message.sent"]}
    assert asked(**bound, requireIdempotency=False) == (400, "AGENT_IDEMPOTENCY_REQUIRED")
    child = spawned(root, type="AI_AGENT", **bound)
    assert seen(partner, child)["requireIdempotency"] is True
    assert refusal(child.post("/v1/events", an_event(eventType="message.sent"))) == (
        400,
        "AGENT_IDEMPOTENCY_REQUIRED",
    )


def test_a_child_of_another_type_sheds_no_guardrail(partner: Client) -> None:
    root = a_service_of(partner, preset="operator", allowedEventTypes=["message.sent"])
    child = spawned(root, type="AI_AGENT")

    freed = child.post(f"{child.path}/spawn", {"name": "Freed", "type": "SERVICE_ACCOUNT"})

    assert refusal(freed) == ESCALATION
    assert seen(partner, spawned(child))["type"] == "AI_AGENT"


def test_what_a_service_account_must_name_its_children_must(partner: Client) -> None:
    root = a_service_of(partner, requireIdempotency=True)

    freed = root.post(f"{root.path}/spawn", {"name": "Freed", "requireIdempotency": False})

    assert refusal(freed) == ESCALATION
    assert seen(partner, spawned(root))["requireIdempotency"] is True


# Rights in force


def test_narrowing_an_agent_narrows_all_below_it_at_once(partner: Client) -> None:
    root, child, grandchild = a_line(partner, 3)
    own = seen(partner, grandchild)

    narrowed(partner, root, preset="reporter", allowedEventTypes=["message.sent"])

    assert refusal(grandchild.try_get("/v1/claims")) == (403, "FORBIDDEN")
    assert refusal(grandchild.reports()) == (403, "AGENT_EVENT_TYPE_NOT_ALLOWED")
    assert grandchild.reports(eventType="message.sent").status_code == 201
    after = seen(partner, grandchild)
    assert "policy:evaluate" not in after["permissions"]
    assert after | {"permissions": own["permissions"]} == own
    narrowed(partner, root, preset="operator", allowedEventTypes=OPERATOR_FOR)
    assert child.reports().status_code == grandchild.reports().status_code == 201
    assert seen(partner, grandchild) == own


def test_rights_in_force_are_shown_wherever_an_agent_is(partner: Client) -> None:
    root, child = a_line(partner, 2)
    narrowed(partner, root, preset="reader")

    shown = [
        seen(partner, child),
        *[one for one in partner.get("/v1/agents")["data"] if one["id"] == child.id],
        *[one for one in partner.get("/v1/agents/tree")["data"] if one["id"] == child.id],
        *partner.get("/v1/agents/tree", root=child.id)["data"],
        *partner.get(f"{root.path}/lineage")["children"],
        partner.get(f"{child.path}/lineage")["self"],
        partner.patch(child.path, {}).json(),
    ]

    permissions = {tuple(one["permissions"]) for one in shown}
    assert len(shown) == 7
    assert permissions == {("agents:read", "events:read", "policy:read")}


# Stopped


def test_suspending_an_agent_stops_all_below_it_and_the_answer_names_it(partner: Client) -> None:
    root, middle, child, grandchild = a_line(partner, 4)

    moved(partner, middle, "suspend")

    assert root.reports().status_code == 201
    assert refusal(middle.reports()) == (403, "AGENT_SUSPENDED")
    for below in (child, grandchild):
        reply = below.try_get("/v1/events")
        assert refusal(reply) == STOPPED_ABOVE
        assert middle.id in reply.json()["hint"]
        assert middle.name in reply.json()["hint"]
        assert seen(partner, below)["status"] == "ACTIVE"
    moved(partner, middle, "reactivate")
    assert grandchild.reports().status_code == 201


def test_of_several_that_are_suspended_the_first_is_named(partner: Client) -> None:
    line = a_line(partner, 4)
    for agent in (line[1], line[2], line[0]):
        moved(partner, agent, "suspend")

    assert line[0].id in line[3].try_get("/v1/events").json()["hint"]


def test_below_a_suspended_agent_nobody_is_reactivated(partner: Client) -> None:
    root, child = a_line(partner, 2)
    moved(partner, child, "suspend")
    moved(partner, root, "suspend")

    reply = partner.post(f"{child.path}/reactivate")

    assert refusal(reply) == (409, "INVALID_AGENT_STATE")
    assert root.id in reply.json()["error"]
    moved(partner, root, "reactivate")
    assert refusal(child.reports()) == (403, "AGENT_SUSPENDED")
    moved(partner, child, "reactivate")


def test_revoking_an_agent_leaves_those_below_within_its_last_rights(partner: Client) -> None:
    root, middle, child = a_line(partner, 3)
    narrowed(partner, middle, allowedEventTypes=["message.sent"])

    moved(partner, middle, "revoke")

    assert refusal(middle.reports()) == UNKNOWN_KEY
    assert child.reports(eventType="message.sent").status_code == 201
    assert refusal(child.reports()) == (403, "AGENT_EVENT_TYPE_NOT_ALLOWED")
    widened = partner.patch(child.path, {"allowedEventTypes": OPERATOR_FOR})
    assert widened.status_code == 403
    assert seen(partner, child)["depth"] == 2
    assert root.reports().status_code == 201


def test_revoking_a_suspended_agent_wakes_nobody(partner: Client) -> None:
    root, middle, child = a_line(partner, 3)
    sibling = spawned(middle, partner)
    moved(partner, middle, "suspend")

    moved(partner, middle, "revoke")

    statuses = [seen(partner, one)["status"] for one in (root, middle, child, sibling)]
    assert statuses == ["ACTIVE", "REVOKED", "SUSPENDED", "SUSPENDED"]
    assert refusal(child.reports()) == (403, "AGENT_SUSPENDED")
    moved(partner, child, "reactivate")
    assert child.reports().status_code == 201


def test_revoking_an_agent_below_a_suspended_one_wakes_nobody_either(partner: Client) -> None:
    root, middle, child, grandchild = a_line(partner, 4)
    moved(partner, root, "suspend")

    moved(partner, middle, "revoke")
    moved(partner, root, "revoke")

    assert seen(partner, child)["status"] == "SUSPENDED"
    assert refusal(grandchild.reports()) == STOPPED_ABOVE


def test_whom_a_revoked_agent_made_may_be_stopped_and_made_use_of_again(partner: Client) -> None:
    root, middle, child = a_line(partner, 3)
    moved(partner, middle, "revoke")

    moved(partner, root, "suspend")

    assert refusal(child.reports()) == STOPPED_ABOVE
    moved(partner, root, "reactivate")
    assert seen(partner, spawned(child))["depth"] == 3


# Who may have children


def test_a_parent_that_is_not_active_has_no_children(partner: Client) -> None:
    suspended, below = a_line(partner, 2)
    revoked = registered(partner)
    moved(partner, suspended, "suspend")
    moved(partner, revoked, "revoke")
    lets_spawn(partner, approvalFromDepth=1)
    pending = spawned(registered(partner))

    with partner.storing_nothing():
        for parent in (suspended, below, revoked, pending):
            reply = partner.post(f"{parent.path}/spawn", {"name": "Child"})
            assert refusal(reply) == PARENT_NOT_ACTIVE


def test_below_the_greatest_depth_nobody_is_spawned(partner: Client) -> None:
    lets_spawn(partner, maxDepth=2)
    line = a_line(partner, 3)

    reply = line[2].post(f"{line[2].path}/spawn", {"name": "Too deep"})

    assert refusal(reply) == (409, "SPAWN_DEPTH_EXCEEDED")
    assert "depth 3" in reply.json()["error"]


def test_a_line_of_32_is_as_deep_as_any_may_be(partner: Client) -> None:
    lets_spawn(partner, maxDepth=32)
    line = a_line(partner, 33)

    lineage = line[32].get(f"{line[32].path}/lineage")

    assert [one["id"] for one in lineage["ancestors"]] == [one.id for one in line[:32]]
    assert line[32].reports().status_code == 201


def test_children_and_descendants_are_bounded_and_the_revoked_do_not_count(
    partner: Client,
) -> None:
    lets_spawn(partner, maxChildren=2, maxDescendants=3)
    root = registered(partner)

    def refused(parent: Agent) -> tuple[int, str]:
        return refusal(partner.post(f"{parent.path}/spawn", {"name": "One more"}))

    first, second = spawned(root), spawned(root)
    assert refused(root) == (409, "SPAWN_LIMIT_EXCEEDED")
    grandchild = spawned(first)
    assert refused(second) == (409, "SPAWN_LIMIT_EXCEEDED")
    moved(partner, grandchild, "revoke")
    spawned(second)
    moved(partner, second, "revoke")
    spawned(root)


def test_the_bounds_are_of_one_tree(partner: Client) -> None:
    lets_spawn(partner, maxChildren=1, maxDescendants=1)
    spawned(registered(partner))

    spawned(registered(partner))


# Approval


@pytest.fixture
def pending(partner: Client) -> Agent:
    """An agent that waits for approval, since it stands at depth 2."""
    lets_spawn(partner, approvalFromDepth=2)
    return spawned(spawned(registered(partner)))


def test_from_some_depth_on_a_child_waits_with_a_dead_key(partner: Client) -> None:
    lets_spawn(partner, approvalFromDepth=2)
    child, key = spawned(registered(partner)), a_key()
    body = {"name": "Waits"}

    reply = child.post(f"{child.path}/spawn", body, key=key)
    again = child.post(f"{child.path}/spawn", body, key=key)

    assert (reply.status_code, reply.json()["status"]) == (202, "PENDING_APPROVAL")
    waiting = Agent(child.http, reply.json())
    assert refusal(waiting.try_get("/v1/events")) == UNKNOWN_KEY
    assert (again.status_code, is_replay(again)) == (202, True)
    listed = partner.get("/v1/agents", status="PENDING_APPROVAL")["data"]
    assert [one["id"] for one in listed] == [waiting.id]


def test_an_approved_agent_s_key_opens(partner: Client, pending: Agent) -> None:
    after = moved(partner, pending, "approve")

    assert after["status"] == "ACTIVE"
    assert pending.reports().status_code == 201


def test_a_rejected_agent_is_revoked(partner: Client, pending: Agent) -> None:
    after = moved(partner, pending, "reject")

    assert (after["status"], after["authMode"]) == ("REVOKED", "NONE")
    assert refusal(pending.try_get("/v1/events")) == UNKNOWN_KEY
    assert refusal(partner.post(f"{pending.path}/approve")) == (409, "INVALID_AGENT_STATE")


@pytest.mark.parametrize("move", ["suspend", "revoke"])
def test_below_an_agent_that_is_not_active_nobody_is_approved(
    partner: Client, pending: Agent, move: str
) -> None:
    parent = partner.get(f"{pending.path}/lineage")["ancestors"][-1]
    partner.post(f"/v1/agents/{parent['id']}/{move}")

    reply = partner.post(f"{pending.path}/approve")

    assert refusal(reply) == PARENT_NOT_ACTIVE
    assert refusal(pending.try_get("/v1/events")) == UNKNOWN_KEY


def test_a_pending_agent_s_new_key_is_as_dead_as_the_old_one(
    partner: Client, pending: Agent
) -> None:
    new = pending.with_key(moved(partner, pending, "key/rotate")["apiKey"])

    assert refusal(new.try_get("/v1/events")) == UNKNOWN_KEY
    moved(partner, pending, "approve")
    new.get("/v1/events")
    assert refusal(pending.try_get("/v1/events")) == UNKNOWN_KEY


# Lineage and tree


def test_lineage_is_from_the_root_to_the_children(partner: Client) -> None:
    root, parent, agent = a_line(partner, 3)
    children = [spawned(agent) for _ in range(3)]
    spawned(children[0])

    lineage = partner.get(f"{agent.path}/lineage")

    assert [one["id"] for one in lineage["ancestors"]] == [root.id, parent.id]
    assert lineage["self"] == seen(partner, agent)
    assert [one["id"] for one in lineage["children"]] == [one.id for one in children]


def test_lineage_follows_ids_when_a_name_is_used_again(partner: Client) -> None:
    first = registered(partner, name="Twin")
    child = spawned(first, name="Child of the first")
    moved(partner, first, "revoke")
    second = registered(partner, name="Twin")

    assert partner.get(f"{second.path}/lineage")["children"] == []
    assert [one["id"] for one in partner.get(f"{child.path}/lineage")["ancestors"]] == [first.id]


@pytest.fixture
def forest(partner: Client) -> dict[str, Agent]:
    """Two trees: a with aa, ab, aaa; b with ba, which is revoked."""
    a, b = registered(partner, name="a"), registered(partner, name="b")
    aa, ab = spawned(a, name="aa"), spawned(a, name="ab")
    aaa, ba = spawned(aa, name="aaa"), spawned(b, name="ba")
    moved(partner, ba, "revoke")
    return {agent.name: agent for agent in (a, b, aa, ab, aaa, ba)}


def names(partner: Client, **query: Any) -> set[str]:
    """The names on a page of the tree, each parent before its children."""
    agents = partner.get("/v1/agents/tree", **query)["data"]
    place = {one["id"]: number for number, one in enumerate(agents)}
    for one in agents:
        parent = place.get(one["parentId"], -1)
        assert parent < place[one["id"]]
    return {one["name"] for one in agents}


def test_a_tree_is_of_one_root_one_depth_or_one_status_if_wanted(
    partner: Client, forest: dict[str, Agent]
) -> None:
    a, aa = forest["a"].id, forest["aa"].id

    assert names(partner) == {"a", "aa", "aaa", "ab", "b", "ba"}
    assert names(partner, root=a) == {"a", "aa", "aaa", "ab"}
    assert names(partner, root=aa) == {"aa", "aaa"}
    assert names(partner, root=a, depth=1) == {"a", "aa", "ab"}
    assert names(partner, depth=0) == {"a", "b"}
    assert names(partner, status="REVOKED") == {"ba"}
    assert names(partner, root=a, status="REVOKED") == set()
    assert names(partner, root=aa, depth=0) == {"aa"}


def test_a_tree_goes_page_by_page(partner: Client, forest: dict[str, Agent]) -> None:
    whole = partner.get("/v1/agents/tree")["data"]

    first = partner.get("/v1/agents/tree", limit=4)
    rest = partner.get("/v1/agents/tree", limit=4, cursor=first["pagination"]["cursor"])

    assert first["data"] + rest["data"] == whole
    assert [len(page["data"]) for page in (first, rest)] == [4, 2]
    assert rest["pagination"] == {"cursor": None, "hasMore": False}


def test_a_tree_says_of_each_its_depth_its_source_and_its_status(
    partner: Client, forest: dict[str, Agent]
) -> None:
    found = {one["name"]: one for one in partner.get("/v1/agents/tree")["data"]}

    assert found["aaa"] == seen(partner, forest["aaa"])
    told_of = {
        name: (one["depth"], one["membershipSource"], one["status"]) for name, one in found.items()
    }
    assert told_of["a"] == (0, "REGISTERED", "ACTIVE")
    assert told_of["aaa"] == (2, "SPAWNED", "ACTIVE")
    assert told_of["ba"] == (1, "SPAWNED", "REVOKED")


def test_a_tree_may_be_had_for_drawing(partner: Client, forest: dict[str, Agent]) -> None:
    nodes = partner.get("/v1/agents/tree", view="drawing", root=forest["b"].id)["nodes"]

    b, ba = forest["b"], forest["ba"]
    assert nodes == [
        {"id": b.id, "parentId": None, "name": "b", "type": "AI_AGENT", "status": "ACTIVE"},
        {"id": ba.id, "parentId": b.id, "name": "ba", "type": "AI_AGENT", "status": "REVOKED"},
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"depth": -1}, "INVALID_FIELD"),
        ({"limit": 10_001}, "INVALID_FIELD"),
        ({"status": "DEAD"}, "INVALID_FIELD"),
        ({"view": "art"}, "INVALID_FIELD"),
        ({"cursor": "none"}, "INVALID_CURSOR"),
        ({"parent": "a"}, "UNKNOWN_FIELD"),
    ],
)
def test_a_tree_that_is_asked_for_wrongly_is_refused(
    partner: Client, query: dict[str, Any], code: str
) -> None:
    assert refusal(partner.try_get("/v1/agents/tree", **query)) == (400, code)


def test_a_partner_s_forest_is_its_own(
    partner: Client, forest: dict[str, Agent], a_partner: MakePartner
) -> None:
    other = a_partner()
    registered(other, name="other")

    assert names(other) == {"other"}
    assert "other" not in names(partner)
