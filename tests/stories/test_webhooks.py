"""Webhooks: whose they are, how few there are, and where nothing is ever sent."""

from typing import Any

import pytest

from tests.stories.client import is_replay
from tests.stories.market import BASE, Market, MarketAgent, a_listing, at_fault, map_refusal

URL = "https://hooks.example/told?by=tenure"
ROUTES = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/rotate"),
    ("POST", "/ping"),
    ("GET", "/attempts"),
    ("POST", "/deliveries/msg_1/replay"),
]


def test_a_webhook_is_as_it_was_asked_for(market: Market) -> None:
    made = market.client.map_post(
        "/webhooks", {"url": URL, "topics": ["job.accepted", "job.delivered", "job.accepted"]}
    )

    assert made["url"] == URL
    assert made["topics"] == ["job.accepted", "job.delivered"]
    assert (made["user_id"], made["agent_id"]) == (market.client.id, None)
    assert (made["rotated_at"], made["disabled_at"]) == (None, None)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "https://hooks.example:8443/",
        "https://user:secret@hooks.example/",
        "https://hooks.example/#fragment",
        "https://hooks.example/a b",
        "https://hooks.example\\@10.0.0.1/",
        "http://127.0.0.1/hooks",
        "http://localhost/hooks",
        "http://[::1]/hooks",
        "http://10.0.0.1/hooks",
        "http://2130706433/hooks",
        f"https://hooks.example/{'a' * 300}",
    ],
)
@pytest.mark.parametrize("field", ["url", "webhook_url"])
def test_an_address_to_which_nothing_may_be_sent_is_refused(
    market: Market, field: str, url: str
) -> None:
    if field == "url":
        refused = market.client.post(f"{BASE}/webhooks", {"url": url})
    else:
        refused = market.developer.post(f"{BASE}/agents", a_listing(webhook_url=url))

    assert at_fault(refused) == (422, "INVALID_VALUE", field)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, (400, "MISSING_FIELD", "url")),
        ({"url": 5}, (400, "INVALID_FIELD", "url")),
        ({"url": None}, (400, "INVALID_FIELD", "url")),
        ({"url": URL, "topics": []}, (422, "INVALID_VALUE", "topics")),
        ({"url": URL, "topics": ["job.offers"]}, (422, "INVALID_VALUE", "topics.0")),
        ({"url": URL, "topics": "job.offer"}, (400, "INVALID_FIELD", "topics")),
        ({"url": URL, "secret": "whsec_mine"}, (400, "UNKNOWN_FIELD", "secret")),
    ],
)
def test_what_is_wrong_is_named(
    market: Market, body: dict[str, Any], fault: tuple[int, str, str]
) -> None:
    assert at_fault(market.client.post(f"{BASE}/webhooks", body)) == fault


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_s_webhook_is_not_found_like_none(market: Market, method: str, path: str) -> None:
    hook = market.client.map_post("/webhooks", {"url": URL})["webhook_id"]
    stranger = market.member("client")

    for who, webhook_id in ((stranger, hook), (market.client, "none"), (market.supervisor, hook)):
        reply = who.http.request(
            method, f"{BASE}/webhooks/{webhook_id}{path}", headers=who.headers()
        )
        assert map_refusal(reply) == (404, "NOT_FOUND")


def test_a_developer_has_an_agent_s_webhook_in_hand_and_the_agent_its_own(market: Market) -> None:
    agent = market.agent(webhook_url=URL)
    more = market.developer.map_post(
        "/webhooks", {"url": URL, "agent_id": agent.id, "topics": ["job.accepted"]}
    )
    own = agent.map_post("/webhooks", {"url": URL})
    market.developer.map_post("/webhooks", {"url": URL})

    of_agent = [one["webhook_id"] for one in agent.map_get("/webhooks")["data"]]
    of_developer = [one["webhook_id"] for one in market.developer.map_get("/webhooks")["data"]]
    assert of_agent == [own["webhook_id"], more["webhook_id"], agent.id]
    assert of_developer[1:] == of_agent
    assert market.developer.map_get(f"/webhooks/{agent.id}")["topics"] == ["job.offer"]
    assert market.developer.map_post(f"/webhooks/{agent.id}/rotate")["secret"]
    not_its_own = agent.try_get(f"{BASE}/webhooks/{of_developer[0]}")
    assert map_refusal(not_its_own) == (404, "NOT_FOUND")


def test_nobody_listens_for_somebody_else_s_agent(market: Market, worker: MarketAgent) -> None:
    for who in (market.client, market.member("developer"), market.agent()):
        refused = who.post(f"{BASE}/webhooks", {"url": URL, "agent_id": worker.id})

        assert map_refusal(refused) == (404, "NOT_FOUND")


def test_an_address_is_shown_to_nobody_but_its_owner(market: Market) -> None:
    made = market.developer.map_post("/agents", a_listing(webhook_url=URL))

    assert "webhook_url" not in made
    assert made["webhook_secret"].startswith("whsec_")
    assert market.developer.map_post("/agents", a_listing())["webhook_secret"] is None


def test_there_are_ten_and_no_more_until_one_is_deleted(market: Market) -> None:
    hooks = [market.client.map_post("/webhooks", {"url": URL})["webhook_id"] for _ in range(10)]

    full = market.client.post(f"{BASE}/webhooks", {"url": URL})
    deleted = market.client.delete(f"{BASE}/webhooks/{hooks[0]}")

    assert map_refusal(full) == (409, "TOO_MANY_WEBHOOKS")
    assert deleted.json()["webhook_id"] == hooks[0]
    market.client.map_post("/webhooks", {"url": URL})
    listed = [one["webhook_id"] for one in market.client.map_get("/webhooks", limit=4)["data"]]
    assert len(listed) == 4
    assert hooks[0] not in listed


def test_webhooks_are_listed_page_by_page_newest_first(market: Market) -> None:
    hooks = [market.client.map_post("/webhooks", {"url": URL})["webhook_id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        query: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        page = market.client.map_get("/webhooks", limit=2, **query)
        seen += [one["webhook_id"] for one in page["data"]]
        cursor = page["pagination"]["cursor"]
        if cursor is None:
            break

    assert seen == hooks[::-1]


@pytest.mark.parametrize(
    ("path", "cursor"),
    [("", "nonsense"), ("/{hook}/attempts", "nonsense"), ("/{hook}/attempts", "YQli")],
)
def test_a_cursor_that_no_list_gave_is_refused(market: Market, path: str, cursor: str) -> None:
    hook = market.client.map_post("/webhooks", {"url": URL})["webhook_id"]

    refused = market.client.try_get(f"{BASE}/webhooks{path.format(hook=hook)}", cursor=cursor)

    assert map_refusal(refused) == (400, "INVALID_CURSOR")


def test_a_repeat_of_a_rotation_rotates_once(market: Market) -> None:
    hook = market.client.map_post("/webhooks", {"url": URL})["webhook_id"]
    path = f"{BASE}/webhooks/{hook}/rotate"

    first = market.client.post(path, key="rotate-once")
    again = market.client.post(path, key="rotate-once")

    assert is_replay(again)
    assert again.json() == first.json() | {"secret": None}
    assert market.client.map_get(f"/webhooks/{hook}")["rotated_at"] == first.json()["rotated_at"]
