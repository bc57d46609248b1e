"""Agents as they were: lineage, tree, list and each by itself, as of a position or a time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.stories.agents import Agent, lets_spawn, moved, narrowed, registered, seen, spawned
from tests.stories.client import Client, ago, refusal
from tests.stories.conftest import MakePartner


@pytest.fixture
def owner(a_partner: MakePartner) -> Client:
    """A partner whose agents may spawn."""
    partner = a_partner()
    lets_spawn(partner)
    return partner


@pytest.fixture
def root(owner: Client) -> Agent:
    return registered(owner)


def not_active(shown: Any) -> Any:
    """What was shown, but for when each agent was last active, which is no history."""
    if isinstance(shown, list):
        return [not_active(one) for one in shown]
    if isinstance(shown, dict):
        return {
            name: None if name == "lastActivityAt" else not_active(value)
            for name, value in shown.items()
        }
    return shown


def everything(owner: Client, root: Agent, **query: Any) -> dict[str, Any]:
    """All that is told of a partner's agents."""
    tree = "/v1/agents/tree"
    return {
        "one": owner.get(root.path, **query),
        "list": owner.get("/v1/agents", **query),
        "active": owner.get("/v1/agents", status="ACTIVE", **query),
        "lineage": owner.get(f"{root.path}/lineage", **query),
        "tree": owner.get(tree, **query),
        "rooted": owner.get(tree, root=root.id, **query),
        "near": owner.get(tree, depth=1, **query),
        "suspended": owner.get(tree, status="SUSPENDED", **query),
        "drawn": owner.get(tree, view="drawing", **query),
    }


def test_what_is_told_of_agents_then_is_what_was_told_then(owner: Client, root: Agent) -> None:
    told: dict[int, dict[str, Any]] = {}

    def remember() -> None:
        told[owner.head()] = not_active(everything(owner, root))

    remember()
    child = spawned(root)
    remember()
    grandchild = spawned(child)
    remember()
    narrowed(owner, root, preset="reporter")
    remember()
    moved(owner, child, "suspend")
    remember()
    moved(owner, root, "revoke")
    remember()
    moved(owner, grandchild, "revoke-descendants")
    remember()

    for position, then in told.items():
        assert everything(owner, root, asOf=position) == then, position


def test_rights_in_force_then_are_put_together_from_the_rights_of_then(
    owner: Client, root: Agent
) -> None:
    child = spawned(root)
    then = owner.head()
    narrowed(owner, root, preset="reader")

    assert "events:write" not in seen(owner, child)["permissions"]
    assert "events:write" in owner.get(child.path, asOf=then)["permissions"]


def test_a_tree_then_goes_page_by_page_whatever_happens_meanwhile(
    owner: Client, root: Agent
) -> None:
    children = [spawned(root) for _ in range(4)]
    then = owner.head()
    whole = not_active(owner.get("/v1/agents/tree")["data"])
    pages: list[Any] = []
    cursor: dict[str, Any] = {}
    while cursor or not pages:
        page = owner.get("/v1/agents/tree", asOf=then, limit=2, status="ACTIVE", **cursor)
        pages += page["data"]
        following = page["pagination"]["cursor"]
        cursor = {} if following is None else {"cursor": following}
        spawned(root)
        if children:
            moved(owner, children.pop(), "suspend")

    assert pages == whole


def test_an_agent_that_was_not_made_yet_is_not_found(owner: Client, root: Agent) -> None:
    then = owner.head()
    child = spawned(root)

    assert refusal(owner.try_get(child.path, asOf=then)) == (404, "NOT_FOUND")
    assert refusal(owner.try_get(f"{child.path}/lineage", asOf=then)) == (404, "NOT_FOUND")
    assert refusal(owner.try_get("/v1/agents/tree", root=child.id, asOf=then)) == (404, "NOT_FOUND")
    assert owner.get(f"{root.path}/lineage", asOf=then)["children"] == []
    assert [one["id"] for one in owner.get("/v1/agents", asOf=then)["data"]] == [root.id]


def test_another_partner_s_agents_are_not_found_then_either(
    owner: Client, root: Agent, a_partner: MakePartner
) -> None:
    other, then = a_partner(), owner.head()

    tree = other.try_get("/v1/agents/tree", root=root.id, asOf=then)
    assert refusal(tree) == (404, "NOT_FOUND")
    for path in (root.path, f"{root.path}/lineage"):
        assert refusal(other.try_get(path, asOf=then)) == (404, "NOT_FOUND")
    assert other.get("/v1/agents/tree", asOf=then)["data"] == []
    assert other.get("/v1/agents", asOf=then)["data"] == []


def test_as_of_a_time_agents_are_those_of_then(owner: Client, root: Agent) -> None:
    made = seen(owner, root)["createdAt"]
    moved(owner, root, "suspend")

    assert owner.get(root.path, asOf=ago(timedelta(days=-1)))["status"] == "SUSPENDED"
    assert owner.get(root.path, asOf=made)["id"] == root.id
    assert refusal(owner.try_get(root.path, asOf="1999-01-01T00:00:00Z")) == (400, "INVALID_AS_OF")


ASKED: dict[str, Callable[[Agent], str]] = {
    "one": lambda agent: agent.path,
    "list": lambda agent: "/v1/agents",
    "lineage": lambda agent: f"{agent.path}/lineage",
    "tree": lambda agent: "/v1/agents/tree",
}


@pytest.mark.parametrize("as_of", ["0", "999999999999", "yesterday", "", "1.5"])
@pytest.mark.parametrize("asked", ASKED)
def test_a_place_that_the_log_has_not_is_refused(
    owner: Client, root: Agent, asked: str, as_of: str
) -> None:
    reply = owner.try_get(ASKED[asked](root), asOf=as_of)

    assert refusal(reply) == (400, "INVALID_AS_OF")
