"""A restart: everything is there, and what is folded from the log can be folded anew."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg

from tests.faults.audit import rows_equal_a_fold_over_the_log
from tests.interfaces.serving import Served, a_data_folder, serving
from tests.stories.client import Client, a_key, a_person, an_event, connected, is_replay
from tests.stories.document import Document
from tests.stories.market import Market


def test_after_a_restart_everything_is_there_and_a_fold_s_lost_table_is_filled_anew(
    tmp_path: Path, database_url: str, document: Document
) -> None:
    person, erased, event, key = a_person(), a_person(), an_event(), a_key()
    with a_server(tmp_path, database_url) as first, connected(first.url, document) as http:
        partner = Client(http, first.first_key)
        partner.has_history(person, 12, days=20)
        before = partner.evaluate(person, "payout.request", debug="true")
        partner.submit(userExternalId=erased)
        partner.post("/v1/entities/erase", {"userExternalId": erased})
        replied = partner.post("/v1/events", event, key=key)
        first.stop()
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table state_entity_1")

    with a_server(tmp_path, database_url) as second, connected(second.url, document) as http:
        partner = Client(http, first.first_key)
        again = partner.post("/v1/events", event, key=key)
        after = partner.evaluate(person, "payout.request", debug="true")
        standing = partner.standing(erased)

    assert (is_replay(again), again.content) == (True, replied.content)
    assert (after["decision"], after["debug"]) == (before["decision"], before["debug"])
    assert standing["signals"]["eventCount"] == 0
    rows_equal_a_fold_over_the_log(database_url)


def test_whoever_waits_for_work_is_let_go_when_the_server_stops(document: Document) -> None:
    with (
        a_data_folder() as data,
        serving(data, app=None) as served,
        connected(served.url, document) as http,
    ):
        agent = Market(Client(http, served.first_key)).agent()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(agent.poll, wait=30)
            time.sleep(0.5)
            began = time.monotonic()

            served.stop()

            assert waiting.result() == []
            assert time.monotonic() - began < 15


def a_server(data: Path, url: str) -> AbstractContextManager[Served]:
    """A server on a database that outlives it."""
    return serving(data, app=None, TENURE_DATABASE_URL=url)
