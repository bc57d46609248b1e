"""Registration: somebody lets themselves in, once, and is told their secrets once."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from domain.api_keys import is_whole
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, serving
from tests.stories.client import Client, a_key, connected, is_replay, refusal
from tests.stories.document import Document
from tests.stories.two_workers.partners import a_form, operate, registered


def test_who_registers_gets_a_key_that_works_at_once(nobody: Client) -> None:
    made = registered(nobody, slug="acme-first")

    assert set(made) == {"partnerId", "apiKey", "domainChallenge", "environment", "status"}
    assert (made["environment"], made["status"]) == ("sandbox", "ACTIVE")
    assert is_whole(made["apiKey"])
    assert re.fullmatch(r"mir-challenge-[\w-]{43}", made["domainChallenge"]["token"])
    me = Client(nobody.http, made["apiKey"]).get("/v1/partners/me")
    assert me["partnerId"] == made["partnerId"]
    assert (me["slug"], me["status"], me["domain"]) == ("acme-first", "ACTIVE", None)
    assert (me["environment"], me["environments"]) == ("sandbox", ["sandbox"])


def test_a_slug_that_is_taken_is_said_so(nobody: Client) -> None:
    registered(nobody, slug="the-only-one")

    again = nobody.post("/partners/register", a_form(slug="the-only-one"))

    assert refusal(again) == (409, "SLUG_TAKEN")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"acceptTerms": False}, "INVALID_FIELD"),
        ({"acceptTerms": 1}, "INVALID_FIELD"),
        ({"acceptTerms": "true"}, "INVALID_FIELD"),
        ({"name": ""}, "INVALID_NAME"),
        ({"name": "株式会社"}, "INVALID_NAME"),
        ({"slug": "Not a slug"}, "INVALID_NAME"),
        ({"slug": "public-sandbox"}, "SLUG_TAKEN"),
        ({"email": "no address"}, "INVALID_FIELD"),
        ({"email": "a@b@c"}, "INVALID_FIELD"),
        ({"website": "javascript:alert(1)"}, "INVALID_FIELD"),
        ({"partnerId": "mine"}, "UNKNOWN_FIELD"),
    ],
)
def test_a_form_that_is_filled_in_wrongly_is_refused(
    nobody: Client, fields: dict[str, object], code: str
) -> None:
    reply = nobody.post("/v1/partners/register", a_form(**fields))

    assert refusal(reply)[1] == code


@pytest.mark.parametrize("missing", ["name", "acceptTerms"])
def test_a_form_that_is_not_filled_in_is_refused(nobody: Client, missing: str) -> None:
    form = a_form()
    del form[missing]

    assert refusal(nobody.post("/v1/partners/register", form)) == (400, "MISSING_FIELD")


def test_a_repeat_makes_no_second_partner_and_shows_no_secret_again(nobody: Client) -> None:
    form, key = a_form(), a_key()

    first = nobody.post("/v1/partners/register", form, key=key)
    again = nobody.post("/partners/register", form, key=key)
    other = nobody.post("/v1/partners/register", a_form(), key=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert is_replay(again)
    secrets = {"apiKey": None, "domainChallenge": {"token": None}}
    assert again.json() == first.json() | secrets
    assert refusal(other) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_at_once_under_one_key_makes_one_partner(nobody: Client) -> None:
    form, key = a_form(), a_key()

    with ThreadPoolExecutor(8) as threads:
        replies = list(
            threads.map(lambda _: nobody.post("/v1/partners/register", form, key=key), range(8))
        )

    made = [reply for reply in replies if reply.status_code == 201]
    assert {reply.json()["partnerId"] for reply in made} == {made[0].json()["partnerId"]}
    assert sum(reply.json()["apiKey"] is not None for reply in made) == 1
    assert {reply.status_code for reply in replies} <= {201, 409}


def test_contacts_and_tokens_are_not_in_the_log(nobody: Client, data: Path) -> None:
    made = registered(nobody, email="ann@somewhere.example", website="https://somewhere.example")

    (listed,) = [one for one in operate(data, "list") if one["partnerId"] == made["partnerId"]]
    with psycopg.connect(EmbeddedPostgres(data).url) as connection:
        log = "\n".join(row[0] for row in connection.execute("select entry::text from log"))

    assert listed["email"] == "ann@somewhere.example"
    assert listed["website"] == "https://somewhere.example"
    assert made["partnerId"] in log
    for hidden in ("somewhere.example", made["domainChallenge"]["token"], made["apiKey"]):
        assert hidden not in log


# Too many


@pytest.fixture
def nobody_elsewhere(server: Served, data: Path, document: Document) -> Iterator[Client]:
    """Nobody, at a second server on the same log that has no settings of its own."""
    settings = Settings.load(data, {})
    with (
        a_data_folder() as folder,
        serving(
            folder,
            app=None,
            TENURE_DATABASE_URL=EmbeddedPostgres(data).url,
            TENURE_PEPPER=settings.pepper.hex(),
            TENURE_IDENTIFIER_SECRET=settings.identifier_secret.hex(),
        ) as second,
        connected(second.url, document) as http,
    ):
        yield Client(http, None)


def test_an_address_registers_ten_partners_an_hour_and_no_more(nobody_elsewhere: Client) -> None:
    first = [registered(nobody_elsewhere) for _ in range(10)]

    with nobody_elsewhere.storing_nothing():
        more = [nobody_elsewhere.post("/v1/partners/register", a_form()) for _ in range(3)]

    assert {refusal(reply) for reply in more} == {(429, "RATE_LIMITED")}
    assert all(0 < int(reply.headers["retry-after"]) <= 3600 for reply in more)
    Client(nobody_elsewhere.http, first[0]["apiKey"]).submit()
