"""Webhooks: a marketplace tells its members and agents, who check who it was."""

from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.interfaces.serving import eventually
from tests.stories.client import Client, a_key, is_replay
from tests.stories.market import BASE, Market, Member, map_refusal
from tests.stories.reading import reading
from tests.stories.two_workers.partners import registered


@pytest.fixture
def market(nobody: Client) -> Market:
    """A marketplace of a story's own."""
    return Market(Client(nobody.http, registered(nobody)["apiKey"]))


def attempts_of(member: Member, webhook_id: str) -> list[dict[str, Any]]:
    attempts: list[dict[str, Any]] = member.map_get(f"/webhooks/{webhook_id}/attempts")["data"]
    return attempts


def test_a_job_is_told_from_its_offer_to_its_invoice(market: Market) -> None:
    with reading() as reader:
        made = market.developer.map_post(
            "/agents",
            {
                "name": "Caller",
                "capabilities": ["told-of"],
                "pricing": {"unit": "lead", "price_per_unit": "1.50", "currency": "USD"},
                "webhook_url": reader.url("/agent"),
            },
        )
        hook = market.client.map_post("/webhooks", {"url": reader.url()})
        job = market.job(capability="told-of")
        reader.has(1, "/agent")
        agent = market.agent_of(made)
        market.platform.has_history(agent.id, 10, days=20)
        agent.accepts(job)
        agent.delivers(job)
        market.judge(job)
        reader.has(4)

        (offer,) = reader.verified(made["webhook_secret"], "/agent")
        told = {one["type"]: one["data"] for one in reader.verified(hook["secret"])}

    assert offer["type"] == "job.offer"
    assert offer["data"] == {
        "job_id": job,
        "capability": "told-of",
        "unit": "lead",
        "units": 1,
        "budget": {"price_per_unit": "2.00", "currency": "USD"},
        "deadline": None,
    }
    assert set(told) == {"job.accepted", "job.delivered", "evaluation.created", "invoice.issued"}
    assert told["job.accepted"]["agreed"] == {"price_per_unit": "1.50", "currency": "USD"}
    assert told["job.accepted"]["agent_id"] == agent.id
    assert told["evaluation.created"]["charged"] == "1.50"
    invoice = market.client.map_get(f"/invoices/{told['invoice.issued']['invoice_id']}")
    assert told["invoice.issued"].items() <= invoice.items()
    assert {data["job_id"] for data in told.values()} == {job}


def test_a_secret_is_shown_once_and_both_hold_after_a_rotation(market: Market) -> None:
    key = a_key()
    with reading() as reader:
        body = {"url": reader.url(), "topics": ["invoice.issued"]}
        first = market.client.post(f"{BASE}/webhooks", body, key=key)
        again = market.client.post(f"{BASE}/webhooks", body, key=key)
        hook = first.json()
        rotated = market.client.map_post(f"/webhooks/{hook['webhook_id']}/rotate")
        market.client.map_post(f"/webhooks/{hook['webhook_id']}/ping")
        reader.has(1)

        for secret in (hook["secret"], rotated["secret"]):
            (ping,) = reader.verified(secret)
            assert ping["type"] == "webhook.ping"
        with pytest.raises(WebhookVerificationError):
            reader.verified("whsec_" + "A" * 43 + "=")

    assert hook["secret"].startswith("whsec_")
    assert hook["secret"] != rotated["secret"]
    assert is_replay(again)
    assert again.json() == hook | {"secret": None}
    shown = market.client.map_get(f"/webhooks/{hook['webhook_id']}")
    assert shown == {name: value for name, value in rotated.items() if name != "secret"}
    assert market.client.map_get("/webhooks")["data"] == [shown]


def test_each_attempt_is_shown_and_what_failed_can_be_sent_again(market: Market) -> None:
    with reading(503) as reader:
        hook = market.client.map_post("/webhooks", {"url": reader.url()})["webhook_id"]
        market.client.map_post(f"/webhooks/{hook}/ping")
        eventually(lambda: attempts_of(market.client, hook))
        (failed,) = attempts_of(market.client, hook)
        reader.status = 200
        key = a_key()
        path = f"{BASE}/webhooks/{hook}/deliveries/{failed['delivery_id']}/replay"
        replayed = market.client.post(path, key=key)
        eventually(lambda: len(attempts_of(market.client, hook)) == 2)
        newest, oldest = attempts_of(market.client, hook)
        repeated = market.client.post(path, key=key)

    assert failed["topic"] == "webhook.ping"
    assert (failed["number"], failed["status"], failed["error"]) == (1, 503, None)
    assert (failed["delivery_status"], failed["next_attempt_at"] > failed["at"]) == (
        "PENDING",
        True,
    )
    assert replayed.status_code == 202
    assert is_replay(repeated)
    assert (newest["number"], newest["status"]) == (2, 200)
    assert {newest["delivery_status"], oldest["delivery_status"]} == {"DELIVERED"}
    assert set(reader.ids()) == {failed["delivery_id"]}


def test_attempts_are_listed_page_by_page(market: Market) -> None:
    with reading() as reader:
        hook = market.client.map_post("/webhooks", {"url": reader.url()})["webhook_id"]
        for _ in range(5):
            market.client.map_post(f"/webhooks/{hook}/ping")
        eventually(lambda: len(attempts_of(market.client, hook)) == 5)
        pages, cursor = [], None
        while True:
            query: dict[str, str] = {} if cursor is None else {"cursor": cursor}
            page = market.client.map_get(f"/webhooks/{hook}/attempts", limit=2, **query)
            pages.append(page["data"])
            cursor = page["pagination"]["cursor"]
            if cursor is None:
                break

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one for page in pages for one in page] == attempts_of(market.client, hook)


def test_a_reader_that_is_gone_has_its_webhook_disabled(market: Market) -> None:
    with reading(410) as reader:
        hook = market.client.map_post("/webhooks", {"url": reader.url()})["webhook_id"]
        market.client.map_post(f"/webhooks/{hook}/ping")
        eventually(lambda: attempts_of(market.client, hook))

    assert market.client.map_get(f"/webhooks/{hook}")["disabled_at"] is not None
    refused = market.client.post(f"{BASE}/webhooks/{hook}/ping")
    assert map_refusal(refused) == (409, "WEBHOOK_DISABLED")
    (attempt,) = attempts_of(market.client, hook)
    replay = f"{BASE}/webhooks/{hook}/deliveries/{attempt['delivery_id']}/replay"
    assert map_refusal(market.client.post(replay)) == (409, "WEBHOOK_DISABLED")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/hooks", "http://169.254.169.254/latest", "http://0.0.0.0:80/"]
)
def test_where_nothing_may_be_sent_is_refused_although_this_machine_is_admitted(
    market: Market, url: str
) -> None:
    refused = market.client.post(f"{BASE}/webhooks", {"url": url})

    assert map_refusal(refused) == (422, "INVALID_VALUE")
