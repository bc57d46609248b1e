"""Rate limits: so much for each tenant or address, whichever worker is asked."""

import re
import time

import httpx

from domain.api_keys import format_key
from tests.stories.client import Client, a_person, an_event, refusal
from tests.stories.two_workers.conftest import QUOTA
from tests.stories.two_workers.partners import a_form, registered


def budget(reply: httpx.Response) -> tuple[int, int]:
    """What is left, and the seconds until it is whole again."""
    assert reply.headers["ratelimit-policy"] == f'"default";q={QUOTA};w=86400'
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', reply.headers["ratelimit"])
    assert found is not None
    return int(found[1]), int(found[2])


def test_every_reply_of_a_tenant_says_what_is_left(nobody: Client) -> None:
    client = Client(nobody.http, registered(nobody)["apiKey"])

    replies = [
        client.try_get("/v1/partners/me"),
        client.post("/v1/events", an_event()),
        client.post("/v1/events", {}),
        client.try_get("/v1/events", cursor="no cursor"),
    ]

    for reply in replies:
        left, seconds = budget(reply)
        assert QUOTA - 4 <= left < QUOTA
        assert 0 < seconds <= 86400


def test_beyond_the_quota_a_tenant_is_refused_on_both_workers_and_no_other_is(
    nobody: Client,
) -> None:
    client = Client(nobody.http, registered(nobody)["apiKey"])
    passed = refused = 0
    # In one burst each worker lets a whole quota pass at most; then it learns of the other.
    for _ in range(3):
        for _ in range(QUOTA):
            reply = client.try_get("/v1/partners/me")
            passed, refused = passed + reply.is_success, refused + (reply.status_code == 429)
    time.sleep(2.5)
    later = [client.try_get("/v1/partners/me") for _ in range(20)]

    assert QUOTA <= passed <= 2 * QUOTA
    assert passed + refused == 3 * QUOTA
    for reply in later:
        assert refusal(reply) == (429, "RATE_LIMITED")
        assert int(reply.headers["retry-after"]) == budget(reply)[1]
        assert budget(reply)[0] == 0
    Client(nobody.http, registered(nobody)["apiKey"]).submit()


def test_a_link_code_may_be_guessed_twenty_times_an_hour_at_each_worker(nobody: Client) -> None:
    client = Client(nobody.http, registered(nobody)["apiKey"])
    guesses = [{"linkCode": f"lnk_{n}", "userExternalId": a_person()} for n in range(45)]

    replies = [client.post("/v1/links/redeem", guess) for guess in guesses]

    heard = [refusal(reply) for reply in replies].count((404, "LINK_CODE_INVALID"))
    assert 20 <= heard <= 40
    assert {refusal(reply)[0] for reply in replies} == {404, 429}


def test_who_shows_a_key_that_opens_nothing_is_counted_by_address(nobody: Client) -> None:
    reply = Client(nobody.http, format_key("mir_sandbox_", bytes(32))).try_get("/v1/partners/me")

    assert refusal(reply) == (401, "UNAUTHENTICATED")
    assert budget(reply)[0] < QUOTA


def test_who_shows_no_key_is_counted_by_address(nobody: Client) -> None:
    assert budget(nobody.post("/v1/partners/register", a_form()))[0] < QUOTA
    assert "ratelimit" not in nobody.try_get("/healthz").headers
