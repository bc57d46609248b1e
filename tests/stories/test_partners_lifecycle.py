"""A partner's life: registered, promoted, suspended and let go on, on a server of two workers."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from domain.api_keys import is_whole
from interfaces.postgres import EmbeddedPostgres
from tests.interfaces.serving import TENURE, Served, a_data_folder, serving
from tests.stories.client import (
    Client,
    a_key,
    a_person,
    an_event,
    connected,
    is_replay,
    refusal,
)
from tests.stories.document import Document, told

QUOTA = 400
numbers = count(1)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Served]:
    """A server of this module's own: two workers, and what is off elsewhere is on."""
    with serving(
        data,
        app=None,
        workers=2,
        TENURE_PROMOTE_LOOPBACK="true",
        TENURE_PUBLIC_SANDBOX="true",
        TENURE_RATE_LIMIT=f"{QUOTA}/86400",
    ) as served:
        yield served


@pytest.fixture(scope="module")
def http(server: Served) -> Iterator[httpx.Client]:
    document = Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())
    with connected(server.url, document) as client:
        # Each request is a connection of its own, so that both workers are met.
        client.headers["connection"] = "close"
        yield client


@pytest.fixture(scope="module")
def nobody(http: httpx.Client) -> Client:
    return Client(http, None)


class Site:
    """A partner's own web site, on this machine."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                page = site.pages.get(self.path)
                self.send_response(200 if page is not None else 404)
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_request(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.domain = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.domain}"

    def shows(self, token: str) -> None:
        self.pages["/.well-known/mir-challenge"] = f"  {token}\n"


@contextmanager
def a_site() -> Iterator[Site]:
    site = Site()
    serving_it = threading.Thread(target=site.server.serve_forever)
    serving_it.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        serving_it.join()
        site.server.server_close()


def a_form(**fields: Any) -> dict[str, object]:
    return {"name": f"Acme {next(numbers)}", "acceptTerms": True, **fields}


def registered(nobody: Client, **fields: Any) -> dict[str, Any]:
    reply = nobody.post("/v1/partners/register", a_form(**fields))
    assert reply.status_code == 201, told(reply)
    made: dict[str, Any] = reply.json()
    return made


def promoted(nobody: Client) -> tuple[dict[str, Any], Client, Client]:
    """A partner that has both environments: its registration, and a client in each."""
    made = registered(nobody)
    sandbox = Client(nobody.http, made["apiKey"])
    with a_site() as site:
        site.shows(made["domainChallenge"]["token"])
        reply = sandbox.post("/v1/partners/promote", {"url": site.url})
    assert reply.status_code == 200, told(reply)
    return made, sandbox, Client(nobody.http, reply.json()["apiKey"])


def operate(data: Path, *arguments: str) -> Any:
    """What `tenure partner` prints, beside the running server."""
    done = subprocess.run(
        [TENURE, "partner", *arguments, "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Registration


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


# Promotion


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


# Suspension


def everything_refused(client: Client) -> set[tuple[int, str]]:
    """The answers to what a partner does, on both workers."""
    replies = []
    for _ in range(12):
        replies += [
            client.try_get("/v1/partners/me"),
            client.try_get("/v1/events"),
            client.post("/v1/events", an_event()),
            client.post("/v1/partners/keys", key=a_key()),
        ]
    return {refusal(reply) for reply in replies}


def test_a_suspended_partner_is_stopped_at_once_on_every_worker(
    nobody: Client, server: Served, data: Path
) -> None:
    made, sandbox, production = promoted(nobody)
    other = Client(nobody.http, registered(nobody)["apiKey"])
    for client in (sandbox, production):
        for _ in range(12):
            client.get("/v1/partners/me")
            client.submit()
    assert len(server.workers()) == 2

    done = operate(data, "suspend", made["partnerId"])

    assert done == {"partnerId": made["partnerId"], "status": "SUSPENDED"}
    for client in (sandbox, production):
        assert everything_refused(client) == {(403, "PARTNER_SUSPENDED")}
    other.submit()

    assert operate(data, "reactivate", made["partnerId"])["status"] == "ACTIVE"
    for client in (sandbox, production):
        for _ in range(6):
            client.submit()


def test_what_is_written_while_a_partner_is_suspended_is_written_before_it(
    nobody: Client, data: Path
) -> None:
    made = registered(nobody)
    client = Client(nobody.http, made["apiKey"])
    over = threading.Event()
    replies: list[httpx.Response] = []

    def report() -> None:
        while not over.is_set() and len(replies) < 300:
            replies.append(client.post("/v1/events", an_event()))

    with ThreadPoolExecutor(2) as threads:
        reporting = [threads.submit(report) for _ in range(2)]
        operate(data, "suspend", made["partnerId"])
        refused_from_now_on = client.post("/v1/events", an_event())
        over.set()
        for one in reporting:
            one.result()

    assert refusal(refused_from_now_on) == (403, "PARTNER_SUSPENDED")
    with psycopg.connect(EmbeddedPostgres(data).url) as connection:
        ((suspended_at,),) = connection.execute(
            "select position from log where type = 'partner.suspended.v1' and stream = %s",
            [f"partner-{made['partnerId']}"],
        ).fetchall()
    taken = [reply for reply in replies if reply.status_code == 201]
    assert taken
    assert all(int(reply.headers["x-log-position"]) < suspended_at for reply in taken)
    assert {reply.status_code for reply in replies} <= {201, 403}


def test_the_operator_lists_partners_and_helps_one_that_lost_its_keys(
    nobody: Client, data: Path
) -> None:
    made, _, _ = promoted(nobody)

    added = operate(data, "add-key", made["partnerId"], "--environment", "production")
    listed = {one["partnerId"]: one for one in operate(data, "list")}

    assert (
        Client(nobody.http, added["apiKey"]).get("/v1/partners/me")["environment"] == "production"
    )
    assert listed[made["partnerId"]]["environments"] == ["sandbox", "production"]
    assert listed[made["partnerId"]]["status"] == "ACTIVE"


def test_a_partner_that_is_not_there_is_an_error_of_the_command(data: Path) -> None:
    done = subprocess.run(
        [TENURE, "partner", "suspend", "nobody", "--data", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "Error: There is no such thing here.\n")


# The public sandbox


def test_anybody_may_have_the_public_sandbox_s_key(nobody: Client, server: Served) -> None:
    shown = nobody.get("/v1/partners/public-sandbox")

    assert shown["apiKey"] in server.messages()
    anybody = Client(nobody.http, shown["apiKey"])
    anybody.submit()
    assert anybody.get("/v1/partners/me")["slug"] == "public-sandbox"
    for reply in (
        anybody.post("/v1/partners/keys"),
        anybody.try_get("/v1/partners/keys"),
        anybody.post("/v1/partners/promote", {"url": "https://acme.example"}),
    ):
        assert refusal(reply) == (403, "FORBIDDEN")


# Rate limits


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


def test_who_shows_no_key_is_counted_by_address(nobody: Client) -> None:
    assert budget(nobody.post("/v1/partners/register", a_form()))[0] < QUOTA
    assert "ratelimit" not in nobody.try_get("/healthz").headers
