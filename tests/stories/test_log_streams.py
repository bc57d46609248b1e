"""The log as it is written: nothing missed or repeated, whoever goes away in between."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from interfaces.admission import create_auditor, revoke_auditor
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.faults.workers import connections, only
from tests.interfaces.serving import Served, a_data_folder, eventually, serving
from tests.stories.client import Client, a_person, an_event, refusal
from tests.stories.conftest import MakeAuditor, MakePartner
from tests.stories.following import Told, following


def positions(told: list[Told]) -> list[int]:
    return [int(one.id) for one in told]


def test_a_follower_is_told_what_was_written_and_what_is(a_partner: MakePartner) -> None:
    partner = a_partner()
    first = partner.submit()

    with following(partner, types="entity.*") as told:
        (before,) = told.next()
        second = partner.submit()
        (then,) = told.next()

    assert positions([before, then]) == [first["position"], second["position"]]
    assert [before.data, then.data] == partner.get("/v1/log", types="entity.*")["data"]


def test_a_follower_goes_on_after_the_last_event_that_it_had(a_partner: MakePartner) -> None:
    partner = a_partner()
    sent = [partner.submit()["position"] for _ in range(5)]
    with following(partner, types="entity.*") as told:
        begun = told.next(2)
    last = {"last-event-id": begun[-1].id}
    sent.append(partner.submit()["position"])

    # The URL is what it was: the header goes before what it says.
    with following(partner, headers=last, types="entity.*", after=0) as told:
        rest = told.next(4)

    assert positions(begun) + positions(rest) == sent


def test_a_follower_goes_on_after_a_position(a_partner: MakePartner) -> None:
    partner = a_partner()
    first, second = partner.submit(), partner.submit()

    with following(partner, after=first["position"]) as told:
        assert positions(told.next()) == [second["position"]]


def test_a_follower_of_so_many_is_told_so_many(a_partner: MakePartner) -> None:
    partner = a_partner()
    partner.has_history(a_person(), 4)

    with following(partner, limit=3, format="cloudevents") as told:
        found = told.rest()

    assert [int(one.data["sequence"]) for one in found] == positions(found)
    assert len(found) == 3


def test_a_follower_sees_its_own_tenant_alone(
    a_partner: MakePartner, an_auditor: MakeAuditor
) -> None:
    partner, other = a_partner(), a_partner()
    auditor = an_auditor(partner)
    before = partner.head()

    with following(auditor, after=before) as told, following(an_auditor(), after=before) as whole:
        other.submit()
        event = partner.submit()
        assert positions(told.next()) == [event["position"]]
        assert event["position"] in positions(whole.next(3))


def test_a_stream_ends_with_its_credential(a_partner: MakePartner, an_auditor: MakeAuditor) -> None:
    partner = a_partner()
    auditor = an_auditor(partner)

    with following(auditor, after=partner.head()) as told:
        partner.submit()
        told.next()
        auditor.revoke()
        last = told.rest()[-1]

    assert (last.event, last.data["code"]) == ("refused", "UNAUTHENTICATED")
    reply = auditor.try_get("/v1/log", follow="true")
    assert refusal(reply) == (401, "UNAUTHENTICATED")


def test_many_followers_listen_by_one_connection(a_partner: MakePartner, log_url: str) -> None:
    partner = a_partner()

    with (
        following(partner, types="entity.*") as first,
        following(partner, types="entity.*") as second,
        following(partner, types="entity.*") as third,
    ):
        event = partner.submit()
        told = [one.next() for one in (first, second, third)]
        listening = listeners(log_url)

    assert [positions(one) for one in told] == [[event["position"]]] * 3
    # Another worker's would be another; the followers' process has none yet.
    assert listening == 1


def listeners(url: str) -> int:
    """How many connections last asked to be told of what is written."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and query = 'listen log'"
        ).fetchone()
    assert found is not None
    return int(found[0])


def test_a_client_that_went_away_is_followed_no_more(
    a_partner: MakePartner, server: Served
) -> None:
    partner = a_partner()
    (worker,) = server.workers()
    before = connections(worker)

    with following(partner):
        eventually(lambda: connections(worker) > before)

    eventually(lambda: connections(worker) <= before)


@pytest.mark.parametrize("place", ["x", "-1", "1.0", "9" * 19])
def test_a_wrong_place_to_go_on_is_refused(partner: Client, place: str) -> None:
    reply = partner.try_get("/v1/log?follow=true", headers={"last-event-id": place})

    assert refusal(reply) == (400, "INVALID_FIELD")


# A server of one's own, for what would end it


@pytest.fixture
def own_data() -> Iterator[Path]:
    with a_data_folder() as folder:
        yield folder


@contextmanager
def client_of(server: Served, key: str) -> Iterator[Client]:
    with httpx.Client(base_url=server.url, timeout=60) as http:
        yield Client(http, key)


@pytest.mark.faults
def test_a_stream_ends_when_the_server_does_and_goes_on_at_the_next(own_data: Path) -> None:
    with serving(own_data, app=None) as server:
        key = server.first_key
        with client_of(server, key) as client, following(client) as told:
            begun = told.next(2)
            server.process.terminate()
            assert told.rest() == []
        assert server.process.wait(30) == 0

    with serving(own_data, app=None) as again, client_of(again, key) as client:
        client.submit()
        with following(client, headers={"last-event-id": begun[-1].id}) as told:
            assert positions(told.next()) == [3]


@pytest.mark.faults
def test_a_stream_ends_with_its_credential_on_whichever_worker(own_data: Path) -> None:
    with serving(own_data, app=None, workers=2) as server:
        url, settings = EmbeddedPostgres(own_data).url, Settings.load(own_data, {})
        auditor_id, key = create_auditor(settings, url, "Ann", None)
        with ExitStack() as stack:
            streams = []
            for worker in server.workers():
                with only(server, worker):
                    client = stack.enter_context(client_of(server, key))
                    told = stack.enter_context(following(client, after=2))
                    assert positions(told.next()) == [3]
                    streams.append(told)

            revoke_auditor(settings, url, auditor_id)

            assert [told.rest()[-1].event for told in streams] == ["refused", "refused"]


@pytest.mark.faults
def test_one_who_does_not_read_is_not_read_for(own_data: Path) -> None:
    """What waits for a client is a page, however long the log is."""
    with serving(own_data, app=None) as server, client_of(server, server.first_key) as client:
        for batch in range(10):
            events = [an_event(userExternalId=f"{batch}-{number}") for number in range(1_000)]
            client.post("/v1/events/batch", {"events": events})
        (worker,) = server.workers()
        before = psutil.Process(worker).memory_info().rss

        with ExitStack() as stack:
            lines = [stack.enter_context(reading_lines(client)) for _ in range(5)]
            for _ in range(5):
                stack.enter_context(following(client))
            # Others are served meanwhile.
            assert client.get("/v1/log", limit=1)["data"]
            grown = psutil.Process(worker).memory_info().rss - before
            whole = [json.loads(line) for line in lines[0].iter_lines()]

    assert len(whole) == 10_002
    # Ten times the whole log would be 40 MB and more.
    assert grown < 25_000_000


@contextmanager
def reading_lines(client: Client) -> Iterator[httpx.Response]:
    headers = client.headers({"accept": "application/x-ndjson"})
    with (
        httpx.Client(base_url=client.http.base_url, timeout=30) as http,
        http.stream("GET", "/v1/log", headers=headers) as reply,
    ):
        yield reply
