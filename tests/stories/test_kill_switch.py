"""The kill switch over HTTP: an agent and all who come from it end at once, for good."""

from typing import Any

import httpx
import psycopg
import pytest

from tests.stories.agents import Agent, lets_spawn, moved, registered, seen, spawned
from tests.stories.client import Client, a_key, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told
from tests.stories.logged import logged

UNKNOWN_KEY = (401, "UNAUTHENTICATED")


@pytest.fixture
def partner(a_partner: MakePartner) -> Client:
    """A partner of this story's own, whose agents may spawn."""
    partner = a_partner()
    lets_spawn(partner)
    return partner


@pytest.fixture
def family(partner: Client) -> dict[str, Agent]:
    """A tree: the root has a and b, a has aa, aa has aaa; b has ba."""
    root = registered(partner, name="root")
    a, b = spawned(root, name="a"), spawned(root, name="b")
    aa, ba = spawned(a, name="aa"), spawned(b, name="ba")
    aaa = spawned(aa, name="aaa")
    return {agent.name: agent for agent in (root, a, aa, aaa, b, ba)}


def killed(partner: Client, agent: Agent, *, key: str | None = None, **query: Any) -> Any:
    """What the kill switch says; it must be taken."""
    reply = partner.post(f"{agent.path}/revoke-descendants", key=key, **query)
    assert reply.status_code == 200, told(reply)
    return reply.json()


def statuses(partner: Client) -> dict[str, str]:
    """The status of each of a partner's agents, by name."""
    return {one["name"]: one["status"] for one in partner.get("/v1/agents/tree")["data"]}


def test_an_agent_and_all_who_come_from_it_are_ended_and_nobody_else(
    partner: Client, family: dict[str, Agent]
) -> None:
    said = killed(partner, family["a"])

    assert said == {
        "preview": False,
        "count": 3,
        "agents": [
            {"id": family[name].id, "name": name, "status": "ACTIVE", "depth": depth}
            for name, depth in (("a", 1), ("aa", 2), ("aaa", 3))
        ],
    }
    for name in ("a", "aa", "aaa"):
        assert refusal(family[name].reports()) == UNKNOWN_KEY
    for name in ("root", "b", "ba"):
        assert family[name].reports().status_code == 201
    assert statuses(partner) == {
        "root": "ACTIVE",
        "a": "REVOKED",
        "aa": "REVOKED",
        "aaa": "REVOKED",
        "b": "ACTIVE",
        "ba": "ACTIVE",
    }


def test_a_preview_names_them_and_changes_nothing(
    partner: Client, family: dict[str, Agent]
) -> None:
    with partner.storing_nothing():
        preview = killed(partner, family["root"], preview="true")
    done = killed(partner, family["root"])

    assert preview["count"] == 6
    assert preview | {"preview": False} == done


def test_where_everybody_stood_is_still_told(partner: Client, family: dict[str, Agent]) -> None:
    before = partner.get("/v1/agents/tree")["data"]

    killed(partner, family["aa"])

    def place(one: dict[str, Any]) -> tuple[object, ...]:
        return one["id"], one["depth"], one["parentId"], one["rootId"], one["membershipSource"]

    after = partner.get("/v1/agents/tree")["data"]
    assert [place(one) for one in after] == [place(one) for one in before]
    assert seen(partner, family["aaa"])["authMode"] == "NONE"


def test_the_pending_and_the_suspended_end_with_them(partner: Client) -> None:
    root = registered(partner)
    suspended = spawned(root)
    moved(partner, suspended, "suspend")
    lets_spawn(partner, approvalFromDepth=1)
    pending = spawned(root)

    said = killed(partner, root)

    assert {one["status"] for one in said["agents"]} == {
        "ACTIVE",
        "SUSPENDED",
        "PENDING_APPROVAL",
    }
    assert refusal(partner.post(f"{pending.path}/approve")) == (409, "INVALID_AGENT_STATE")
    assert refusal(partner.post(f"{suspended.path}/reactivate")) == (409, "INVALID_AGENT_STATE")


def test_below_one_that_was_revoked_before_they_end_too(
    partner: Client, family: dict[str, Agent]
) -> None:
    moved(partner, family["aa"], "revoke")
    assert family["aaa"].reports().status_code == 201

    said = killed(partner, family["root"])

    assert [one["name"] for one in said["agents"] if one["name"][0] == "a"] == ["a", "aaa"]
    assert refusal(family["aaa"].reports()) == UNKNOWN_KEY


def test_a_revoked_agent_s_descendants_can_be_ended(
    partner: Client, family: dict[str, Agent]
) -> None:
    moved(partner, family["a"], "revoke")

    said = killed(partner, family["a"])

    assert [one["name"] for one in said["agents"]] == ["aa", "aaa"]


def test_a_second_kill_ends_nobody(partner: Client, family: dict[str, Agent]) -> None:
    killed(partner, family["root"])

    with partner.storing_nothing():
        again = killed(partner, family["root"])
        below = killed(partner, family["a"])

    assert again == below == {"preview": False, "count": 0, "agents": []}


def test_a_repeat_says_what_the_first_said(partner: Client, family: dict[str, Agent]) -> None:
    key, path = a_key(), f"{family['root'].path}/revoke-descendants"

    first = partner.post(path, key=key)
    with partner.storing_nothing():
        again = partner.post(path, key=key)

    assert is_replay(again)
    assert again.content == first.content


def test_a_preview_under_a_key_does_not_stand_for_the_kill(
    partner: Client, family: dict[str, Agent]
) -> None:
    key = a_key()
    killed(partner, family["root"], key=key, preview="true")

    assert killed(partner, family["root"], key=key)["preview"] is False
    assert set(statuses(partner).values()) == {"REVOKED"}


def test_nobody_who_was_ended_comes_back(partner: Client, family: dict[str, Agent]) -> None:
    killed(partner, family["root"])

    def tried(agent: Agent) -> list[httpx.Response]:
        moves = ("suspend", "reactivate", "approve", "reject", "revoke", "key/rotate")
        return [
            *(partner.post(f"{agent.path}/{move}") for move in moves),
            partner.patch(agent.path, {"preset": "reader"}),
        ]

    with partner.storing_nothing():
        for agent in family.values():
            assert {refusal(one) for one in tried(agent)} == {(409, "INVALID_AGENT_STATE")}
            spawn = partner.post(f"{agent.path}/spawn", {"name": "Child"})
            assert refusal(spawn) == (409, "PARENT_NOT_ACTIVE")


def test_agents_do_not_pull_the_switch(partner: Client, family: dict[str, Agent]) -> None:
    for agent in family.values():
        for preview in ("true", "false"):
            reply = agent.post(f"{family['root'].path}/revoke-descendants", preview=preview)
            assert refusal(reply) == (403, "FORBIDDEN")
    assert set(statuses(partner).values()) == {"ACTIVE"}


def test_it_is_one_transaction_with_an_event_for_each(
    partner: Client, family: dict[str, Agent], log_url: str
) -> None:
    before = partner.head()

    reply = partner.post(
        f"{family['root'].path}/revoke-descendants", headers={"x-request-id": "the-switch"}
    )

    entries = logged(log_url, after=before)
    assert [one["stream"] for one in entries] == [
        f"agent-{one['id']}" for one in reply.json()["agents"]
    ]
    assert len(entries) == 6
    assert {(one["type"], one["request_id"]) for one in entries} == {
        ("agent.revoked.v1", "the-switch")
    }
    assert {one["principal"] for one in entries} == {
        f"partner:{partner.get('/v1/partners/me')['partnerId']}"
    }
    assert reply.headers["x-log-position"] == str(before + 6)
    with psycopg.connect(log_url) as connection:
        found = connection.execute(
            "select distinct xmin from log where position > %s and position <= %s",
            [before, before + 6],
        )
        assert found.rowcount == 1


def test_what_their_keys_opened_is_kept_nowhere(
    partner: Client, family: dict[str, Agent], log_url: str
) -> None:
    def kept() -> int:
        with psycopg.connect(log_url) as connection:
            found = connection.execute(
                "select from state where fold = 'credential' and row ->> 'agent_id' = any(%s)",
                [[agent.id for agent in family.values()]],
            )
            return found.rowcount

    assert kept() == 6
    killed(partner, family["root"])

    assert kept() == 0


def test_whom_it_ended_do_not_count_for_the_spawn_policy(
    partner: Client, family: dict[str, Agent]
) -> None:
    lets_spawn(partner, maxDescendants=5)
    b = family["b"]

    def one_more() -> httpx.Response:
        return b.post(f"{b.path}/spawn", {"name": "One more"})

    before = one_more()
    killed(partner, family["a"])
    after = [one_more() for _ in range(4)]

    assert refusal(before) == (409, "SPAWN_LIMIT_EXCEEDED")
    assert [reply.status_code for reply in after] == [201, 201, 201, 409]
