"""The operator's hand: a partner is stopped at once on every worker, let go on, and helped."""

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from interfaces.postgres import EmbeddedPostgres
from tests.interfaces.serving import TENURE, Served
from tests.stories.client import Client, a_key, an_event, refusal
from tests.stories.two_workers.partners import operate, promoted, registered


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


def test_how_a_partner_may_be_reached_is_forgotten_and_nothing_else(
    nobody: Client, data: Path
) -> None:
    made = registered(nobody, email="bob@forgotten.example", website="https://forgotten.example")
    (before,) = [one for one in operate(data, "list") if one["partnerId"] == made["partnerId"]]

    operate(data, "forget-contact", made["partnerId"])

    (after,) = [one for one in operate(data, "list") if one["partnerId"] == made["partnerId"]]
    assert before["email"] == "bob@forgotten.example"
    assert after == before | {"email": None, "website": None}
    Client(nobody.http, made["apiKey"]).submit()


@pytest.mark.parametrize("command", ["suspend", "forget-contact"])
def test_a_partner_that_is_not_there_is_an_error_of_the_command(
    data: Path, server: Served, command: str
) -> None:
    done = subprocess.run(
        [TENURE, "partner", command, "nobody", "--data", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "Error: There is no such thing here.\n")
