"""Killed without notice: nothing acknowledged is lost, and nothing that is tried again doubles."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from interfaces.admission import approve_partner
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from interfaces.wiring import prepare
from tests.faults.audit import (
    nothing_is_lost_or_doubled,
    positions_have_no_hole,
    rows_equal_a_fold_over_the_log,
)
from tests.faults.load import Load
from tests.faults.workers import a_connection_to_each, connections
from tests.interfaces.serving import (
    SECRETS,
    Served,
    a_data_folder,
    accepts,
    eventually,
    kill,
    serving,
)
from tests.stories.client import an_event

pytestmark = pytest.mark.faults

CYCLES = 5
CYCLE_SECONDS = float(os.environ.get("TENURE_TEST_CYCLE_SECONDS", "0.5"))
"""How long there is load before each kill; longer for a soak."""


def kill_the_busiest_worker(server: Served, data: Path) -> None:
    kill(max(server.workers(), key=connections))


def kill_postgresql(server: Served, data: Path) -> None:
    """Kill every process of the server's PostgreSQL at once."""
    pid = EmbeddedPostgres(data).pid()
    assert pid is not None
    postmaster = psutil.Process(pid)
    for process in (postmaster, *postmaster.children(recursive=True)):
        process.kill()
    eventually(lambda: accepts(EmbeddedPostgres(data).url))


@pytest.mark.parametrize("harm", [kill_the_busiest_worker, kill_postgresql])
def test_under_load_kills_lose_and_double_nothing(
    server: Served, data: Path, api_key: str, log_url: str, harm: Callable[[Served, Path], None]
) -> None:
    with Load(server.url, api_key) as load:
        for _ in range(CYCLES):
            time.sleep(CYCLE_SECONDS)
            harm(server, data)
            load.goes_on()
            eventually(lambda: len(server.workers()) == 2)

    nothing_is_lost_or_doubled(server.url, api_key, log_url, load)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/partners/me",
        "/v1/partners/keys",
        "/v1/events",
        "/v1/resolve?userExternalId=somebody",
        "/v1/resolve?userExternalId=somebody&asOf={position}",
    ],
)
def test_the_first_read_after_a_killed_postgresql_is_answered(
    server: Served, data: Path, api_key: str, path: str
) -> None:
    headers = {"x-api-key": api_key}
    with a_connection_to_each(server) as workers:
        event = an_event(userExternalId="somebody")
        position = workers[0].post("/v1/events", json=event, headers=headers).json()["position"]

        kill_postgresql(server, data)

        for worker in workers:
            reply = worker.get(path.format(position=position), headers=headers)
            assert reply.status_code == 200, reply.text


def test_a_killed_supervisor_s_successor_has_everything() -> None:
    with (
        a_data_folder() as data,
        serving(data, workers=2, app=None) as first,
        Load(first.url, first.first_key) as load,
    ):
        time.sleep(CYCLE_SECONDS)
        kill(first.process.pid)
        with serving(data, port=first.port, workers=2, app=None) as second:
            load.goes_on()
            load.finish()

            log_url = EmbeddedPostgres(data).url
            nothing_is_lost_or_doubled(second.url, first.first_key, log_url, load)


# Controls: the audit notices what it is there for.


@pytest.fixture
def small_log(empty_database_url: str, tmp_path: Path) -> str:
    """A log of a few entries, without a server."""
    prepare(empty_database_url)
    for name in ("Acme", "Bell"):
        settings = Settings.load(tmp_path, {**SECRETS})
        approve_partner(settings, empty_database_url, name, None, "sandbox")
    return empty_database_url


def test_the_audit_notices_a_row_that_is_not_what_the_log_says(small_log: str) -> None:
    rows_equal_a_fold_over_the_log(small_log)
    with psycopg.connect(small_log) as connection:
        connection.execute("update state set version = version + 1 where fold = 'partner'")

    with pytest.raises(AssertionError):
        rows_equal_a_fold_over_the_log(small_log)


def test_the_audit_notices_a_hole(small_log: str) -> None:
    positions_have_no_hole(small_log)
    with psycopg.connect(small_log) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from log where position = 2")

    with pytest.raises(AssertionError):
        positions_have_no_hole(small_log)
