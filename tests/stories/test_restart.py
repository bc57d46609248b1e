"""A restart: everything is there, and what is folded from the log can be folded anew."""

from contextlib import AbstractContextManager
from pathlib import Path

import psycopg

from tests.faults.audit import rows_equal_a_fold_over_the_log
from tests.interfaces.serving import Served, serving
from tests.stories.client import Client, a_key, a_person, an_event, connected, is_replay
from tests.stories.document import Document


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


def a_server(data: Path, url: str) -> AbstractContextManager[Served]:
    """A server on a database that outlives it."""
    return serving(data, app=None, TENURE_DATABASE_URL=url)
