"""Projections as a client and an operator see them: a server that lacks the code of what is live,
and one with a projection that fails, or that nobody follows.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from interfaces.postgres import EmbeddedPostgres
from tests.application.running import as_owner
from tests.interfaces.serving import Served, a_data_folder, command_of, eventually, kill, serving
from tests.stories.client import Client, an_event, connected
from tests.stories.document import Document
from tests.stories.test_operations import metrics, sample

CHOKES = '''
"""A projection that cannot take some entries."""

import msgspec

from domain.entity import Participated
from domain.fold import Fold


class Count(msgspec.Struct, frozen=True):
    number: int = 0


def count(row, entry):
    if entry.data.kind == "signal.negative":
        raise ValueError("of no use")
    return Count((row or Count()).number + 1)


CHOKES = Fold(name="chokes", state=Count, events=(Participated,), evolve=count)
NO_FOLD = "no fold"
'''
POINTS = "[tenure.projections]\nchokes = chokes:CHOKES\nnothing = chokes:NO_FOLD\n"

OTHER_CODE = "update projection set fingerprint = %s where name = 'claim'"
SWITCHED = """
insert into projection_switch (generation, name, version, position)
select max(generation) + 1, 'claim', 1, 0 from projection_switch
"""


@pytest.fixture(scope="module")
def own_data() -> Iterator[Path]:
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def chosen(own_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server, for whose Python a package with a projection is installed."""
    there = tmp_path_factory.mktemp("there")
    (there / "chokes.py").write_text(CHOKES)
    information = there / "chokes-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: chokes\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(POINTS)
    with serving(own_data, app=None, workers=2, PYTHONPATH=str(there)) as served:
        yield served


@pytest.fixture(scope="module")
def own_url(own_data: Path, chosen: Served) -> str:
    return EmbeddedPostgres(own_data).url


@pytest.fixture(scope="module")
def partner(chosen: Served) -> Iterator[Client]:
    document = Document(httpx.get(f"{chosen.url}/openapi.json", timeout=10).json())
    with connected(chosen.url, document) as http:
        yield Client(http, chosen.first_key)


def wrong(partner: Client) -> list[str]:
    said: list[str] = partner.get("/readyz")["wrong"]
    return said


def test_a_server_without_the_code_of_what_is_live_writes_nothing_and_is_not_ready(
    partner: Client, own_url: str
) -> None:
    ((ours,),) = as_owner(own_url, "select fingerprint from projection where name = 'claim'")
    event = partner.submit()

    as_owner(own_url, OTHER_CODE, "of another release")
    as_owner(own_url, SWITCHED)

    ready, submitted = partner.try_get("/readyz"), partner.post("/v1/events", an_event())
    assert (ready.status_code, submitted.status_code) == (503, 503)
    assert "lacks the code of what is live of claim" in ready.json()["error"]
    assert partner.try_get("/v1/claims").status_code == 503
    # What needs no rows of that fold is answered.
    assert partner.get("/v1/events", limit="1")["data"][0]["id"] == event["id"]

    as_owner(own_url, OTHER_CODE, ours)
    as_owner(own_url, SWITCHED)

    assert partner.submit()["position"] == event["position"] + 1
    assert partner.get("/readyz")["status"] == "ready"
    assert partner.get("/v1/claims")["data"] == []


def test_a_projection_that_fails_is_seen_and_hurts_nobody(partner: Client) -> None:
    partner.submit(eventType="signal.negative")

    eventually(lambda: any("chokes 1 stopped" in said for said in wrong(partner)))
    partner.submit()

    (said,) = [said for said in wrong(partner) if "chokes 1" in said]
    assert said.endswith(": ValueError: of no use")
    failed = 'tenure_projection_failed{projection="chokes",version="1"}'
    eventually(lambda: sample(metrics(partner), failed) == 1)
    lag = 'tenure_projection_lag_events{projection="chokes",version="1"}'
    eventually(lambda: (sample(metrics(partner), lag) or 0) >= 1)


def test_what_a_package_brings_and_cannot_be_used_is_said(partner: Client, chosen: Served) -> None:
    said = "A projection cannot be used: nothing = chokes:NO_FOLD: it is no fold"

    assert said in wrong(partner)
    assert said in chosen.messages()


def test_a_projection_that_nobody_follows_is_dead_and_comes_back(
    partner: Client, chosen: Served, own_url: str
) -> None:
    as_owner(own_url, "update projection set cause = null")
    as_owner(own_url, "update follower set cause = null where name = 'projection chokes 1'")
    long_ago = "update follower set seen_at = now() - interval '1 hour' where name like 'proj%'"
    as_owner(own_url, long_ago)

    assert "Projection chokes 1 is followed by nobody" in " ".join(wrong(partner))

    # A process that starts later tries the entry again that stopped it.
    (followers,) = [
        child.pid
        for child in psutil.Process(chosen.process.pid).children()
        if "interfaces.followers" in command_of(child)
    ]
    kill(followers)
    eventually(lambda: "chokes 1 stopped" in " ".join(wrong(partner)))


def test_the_role_of_queries_reads_rows_and_nothing_else(own_url: str) -> None:
    with psycopg.connect(own_url, options="-c role=tenure_projection") as connection:
        assert connection.execute("select count(*) from state").fetchone() is not None
        for statement in ("select * from log", "delete from state", "select * from subject"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)
