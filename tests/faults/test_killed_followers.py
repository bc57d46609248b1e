"""Followers killed without notice: what is to be told is told, and time goes on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from interfaces.admission import approve_partner
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, command_of, eventually, kill, serving
from tests.stories.client import Client, connected
from tests.stories.document import Document
from tests.stories.market import Market
from tests.stories.reading import reading

pytestmark = pytest.mark.faults

names = count(1)

ROUNDS = 6
PINGS = 10


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Served]:
    """A server whose webhooks reach this machine."""
    with serving(data, app=None, TENURE_PROMOTE_LOOPBACK="true") as served:
        yield served


@pytest.fixture
def market(server: Served, data: Path) -> Iterator[Market]:
    url = EmbeddedPostgres(data).url
    name = f"Partner {next(names)}"
    _, key = approve_partner(Settings.load(data, {}), url, name, None, "sandbox")
    document = Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())
    with connected(server.url, document) as http:
        yield Market(Client(http, key))


def followers_of(server: Served) -> int | None:
    """The process id of a server's followers, None while there is none."""
    children = psutil.Process(server.process.pid).children()
    return next((one.pid for one in children if "interfaces.followers" in command_of(one)), None)


def kill_the_followers(server: Served) -> None:
    pid = followers_of(server)
    if pid is not None:
        kill(pid)


def astray(written: list[str], received: list[str]) -> list[str]:
    """What was written and never received, or twice, and what was received and never written."""
    twice = [one for one in written if written.count(one) > 1]
    return sorted({*twice, *(set(written) ^ set(received))})


def test_killed_again_and_again_they_lose_no_delivery_and_invent_none(
    server: Served, data: Path, market: Market
) -> None:
    with reading() as reader, psycopg.connect(EmbeddedPostgres(data).url, autocommit=True) as log:
        hook = market.client.map_post("/webhooks", {"url": reader.url()})
        ping = f"/webhooks/{hook['webhook_id']}/ping"
        for round_ in range(ROUNDS):
            for number in range(PINGS):
                market.client.map_post(ping)
                if number == round_:
                    kill_the_followers(server)
            # Some are killed while they send, and some while they wait to be started.
            reader.has(round_ + 1)
            kill_the_followers(server)

        def all_are_delivered() -> bool:
            rows = log.execute("select status, count(*) from webhook_delivery group by 1")
            return dict(rows.fetchall()) == {"DELIVERED": ROUNDS * PINGS}

        eventually(all_are_delivered, 60)
        rows = log.execute("select delivery_id from webhook_delivery").fetchall()
        assert astray([delivery_id for (delivery_id,) in rows], reader.ids()) == []
        assert len(reader.verified(hook["secret"])) == len(reader.ids())


def test_a_deadline_passes_although_they_are_killed_before_it(
    server: Served, market: Market
) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=2)
    job = market.job(deadline=deadline.isoformat())
    kill_the_followers(server)

    eventually(lambda: market.client.map_get(f"/jobs/{job}")["job_status"] == "EXPIRED")


# Controls


def test_what_is_lost_doubled_or_invented_is_caught() -> None:
    assert astray(["a", "b"], ["b", "a", "a"]) == []
    assert astray(["a", "b"], ["a"]) == ["b"]
    assert astray(["a", "a"], ["a"]) == ["a"]
    assert astray(["a"], ["a", "c"]) == ["c"]
