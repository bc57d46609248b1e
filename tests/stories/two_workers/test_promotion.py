"""Promotion: a partner proves a domain, and has two environments that never mix."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stories.client import Client, a_key, a_person, is_replay, refusal
from tests.stories.two_workers.partners import a_site, promoted, registered


def test_a_domain_that_shows_the_token_opens_production(nobody: Client) -> None:
    made = registered(nobody)
    sandbox = Client(nobody.http, made["apiKey"])
    with a_site() as site:
        site.shows(made["domainChallenge"]["token"])
        first = sandbox.post("/v1/partners/promote", {"url": f"{site.url}/"}).json()
        again = sandbox.post("/v1/partners/promote", {"url": site.url}).json()

    assert site.asked == ["/.well-known/mir-challenge"] * 2
    key = first.pop("apiKey")
    assert key.startswith("mir_live_")
    assert first == {
        "environment": "production",
        "status": "ACTIVE",
        "domain": site.domain,
        "alreadyVerified": False,
    }
    assert again == first | {"apiKey": None, "alreadyVerified": True}
    me = Client(nobody.http, key).get("/v1/partners/me")
    assert me["partnerId"] == made["partnerId"]
    assert (me["environment"], me["environments"]) == ("production", ["sandbox", "production"])
    assert me["domain"] == site.domain


def test_a_repeat_is_replayed_although_the_site_is_gone(nobody: Client) -> None:
    made, key = registered(nobody), a_key()
    sandbox = Client(nobody.http, made["apiKey"])
    with a_site() as site:
        site.shows(made["domainChallenge"]["token"])
        body = {"url": site.url}
        first = sandbox.post("/v1/partners/promote", body, key=key)

    again = sandbox.post("/v1/partners/promote", body, key=key)

    assert first.json()["apiKey"] is not None
    assert is_replay(again)
    assert again.json() == first.json() | {"apiKey": None}


def test_at_once_a_domain_is_proven_once(nobody: Client) -> None:
    made = registered(nobody)
    sandbox = Client(nobody.http, made["apiKey"])
    with a_site() as site, ThreadPoolExecutor(6) as threads:
        site.shows(made["domainChallenge"]["token"])
        body = {"url": site.url}
        replies = list(
            threads.map(lambda _: sandbox.post("/v1/partners/promote", body).json(), range(6))
        )

    assert sorted(reply["alreadyVerified"] for reply in replies) == [False] + [True] * 5
    assert [reply["apiKey"] is None for reply in replies].count(False) == 1
    (key,) = [reply["apiKey"] for reply in replies if reply["apiKey"]]
    assert len(Client(nobody.http, key).get("/v1/partners/keys")["data"]) == 1


@pytest.mark.parametrize("page", [None, "", "mir-challenge-wrong", "<html></html>"])
def test_a_domain_that_does_not_show_the_token_opens_nothing(
    nobody: Client, page: str | None
) -> None:
    made = registered(nobody)
    sandbox = Client(nobody.http, made["apiKey"])
    with a_site() as site:
        if page is not None:
            site.shows(page)
        reply = sandbox.post("/v1/partners/promote", {"url": site.url})

    assert refusal(reply) == (409, "CHALLENGE_FAILED")
    assert ("404" if page is None else "not the token") in reply.json()["error"]
    assert sandbox.get("/v1/partners/me")["environments"] == ["sandbox"]


def test_the_token_of_another_partner_opens_nothing(nobody: Client) -> None:
    mine, other = registered(nobody), registered(nobody)
    with a_site() as site:
        site.shows(other["domainChallenge"]["token"])
        reply = Client(nobody.http, mine["apiKey"]).post("/v1/partners/promote", {"url": site.url})

    assert refusal(reply) == (409, "CHALLENGE_FAILED")


@pytest.mark.parametrize(
    "url", ["", "acme.example", "ftp://acme.example", "http://10.0.0.1", "http://u@acme.example"]
)
def test_a_url_that_names_no_site_is_refused(nobody: Client, url: str) -> None:
    sandbox = Client(nobody.http, registered(nobody)["apiKey"])

    assert refusal(sandbox.post("/v1/partners/promote", {"url": url})) == (400, "INVALID_URL")


def test_a_promotion_wants_a_key(nobody: Client) -> None:
    reply = nobody.post("/v1/partners/promote", {"url": "https://acme.example"})

    assert refusal(reply) == (401, "UNAUTHENTICATED")


def test_a_domain_may_be_tried_twenty_times_an_hour_at_each_worker(nobody: Client) -> None:
    sandbox = Client(nobody.http, registered(nobody)["apiKey"])
    with a_site() as site:
        replies = [sandbox.post("/v1/partners/promote", {"url": site.url}) for _ in range(45)]

    assert {refusal(reply) for reply in replies} == {
        (409, "CHALLENGE_FAILED"),
        (429, "RATE_LIMITED"),
    }
    assert len(site.asked) <= 40
    waits = [int(one.headers["retry-after"]) for one in replies if one.status_code == 429]
    assert all(0 < seconds <= 3600 for seconds in waits)


# Two environments


def test_sandbox_and_production_never_mix(nobody: Client) -> None:
    _, sandbox, production = promoted(nobody)
    person = a_person()
    sandbox.has_history(person, 10, days=14)
    event = production.submit(userExternalId=person)

    assert sandbox.standing(person)["tier"] == 1
    assert production.standing(person)["tier"] == 0
    assert [found["id"] for found in production.events()] == [event["id"]]
    assert len(sandbox.events()) == 10
    keys = [client.get("/v1/partners/keys")["data"] for client in (sandbox, production)]
    assert [len(one) for one in keys] == [1, 1]
    assert keys[0][0]["prefix"].startswith("mir_sandbox_")
    assert keys[1][0]["prefix"].startswith("mir_live_")
    assert production.delete(f"/v1/partners/keys/{keys[0][0]['keyId']}").status_code == 404
