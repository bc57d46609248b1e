"""A COMMIT that is lost, or whose answer is: the client gets the one answer that is stored."""

import asyncio
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from application.log.line import Line, Lost
from tests.faults.audit import positions_have_no_hole, rows_equal_a_fold_over_the_log
from tests.faults.proxy import Loss, Proxy
from tests.interfaces.serving import Served, serving
from tests.stories.client import Client, a_key, a_person, an_event, connected, is_replay
from tests.stories.document import Document, told

pytestmark = pytest.mark.faults

either = pytest.mark.parametrize("loss", ["commit", "answer"])


@pytest.fixture(scope="module")
def proxy(database_url: str) -> Iterator[Proxy]:
    with Proxy(database_url) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, proxy: Proxy) -> Iterator[Served]:
    """A server that reaches its database through the proxy only."""
    folder = tmp_path_factory.mktemp("behind-a-proxy")
    with serving(folder, app=None, TENURE_DATABASE_URL=proxy.url) as served:
        yield served


@pytest.fixture(scope="module")
def partner(server: Served) -> Iterator[Client]:
    document = Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())
    with connected(server.url, document) as http:
        yield Client(http, server.first_key)


@pytest.fixture(autouse=True)
def all_is_well_afterwards(proxy: Proxy, database_url: str) -> Iterator[None]:
    yield
    proxy.lose()
    positions_have_no_hole(database_url)
    rows_equal_a_fold_over_the_log(database_url)


@either
@pytest.mark.parametrize("automatic", [False, True])
def test_an_event_is_answered_with_201_and_is_there_once(
    partner: Client, proxy: Proxy, loss: Loss, automatic: bool
) -> None:
    event, key = an_event(), None if automatic else a_key()
    before = partner.head()
    proxy.lose(loss)

    reply = partner.post("/v1/events", event, key=key)

    assert (reply.status_code, is_replay(reply)) == (201, False), told(reply)
    assert proxy.lost == 1
    assert reply.json()["position"] == before + 1 == partner.head()
    listed = partner.events(userExternalId=event["userExternalId"])
    assert [one["id"] for one in listed] == [reply.json()["id"]]
    again = partner.post("/v1/events", event, key=key)
    assert (is_replay(again), again.content) == (True, reply.content)


@pytest.mark.parametrize(
    "losses", [("answer", "answer"), ("commit", "commit", "commit"), ("commit", "answer")]
)
def test_losses_in_a_row_change_nothing(
    partner: Client, proxy: Proxy, losses: tuple[Loss, ...]
) -> None:
    event, key = an_event(), a_key()
    proxy.lose(*losses)

    reply = partner.post("/v1/events", event, key=key)

    # What is stored is not tried again, so a second answer is lost by nobody.
    assert proxy.lost == (1 if losses[0] == "answer" else len(losses))
    assert (reply.status_code, is_replay(reply)) == (201, False)
    assert len(partner.events(userExternalId=event["userExternalId"])) == 1


@either
def test_what_a_cut_network_swallows_is_answered_over_a_new_connection_and_is_there_once(
    partner: Client, proxy: Proxy, loss: Loss
) -> None:
    event, before = an_event(), partner.head()
    proxy.lose(loss, silently=True)

    reply = partner.post("/v1/events", event, key=a_key())

    assert (reply.status_code, is_replay(reply)) == (201, False), told(reply)
    assert proxy.lost == 1
    assert reply.json()["position"] == before + 1 == partner.head()
    assert len(partner.events(userExternalId=event["userExternalId"])) == 1


@either
def test_a_decision_that_takes_no_key_is_recorded_once(
    partner: Client, proxy: Proxy, loss: Loss
) -> None:
    before = partner.head()
    proxy.lose(loss)

    found = partner.evaluate(a_person())

    assert proxy.lost == 1
    assert found["position"] == before
    assert partner.head() == before + 1


@either
def test_a_new_key_s_secret_is_not_lost(partner: Client, proxy: Proxy, loss: Loss) -> None:
    before = len(partner.get("/v1/partners/keys")["data"])
    proxy.lose(loss)

    made = partner.post("/v1/partners/keys").json()

    assert proxy.lost == 1
    assert Client(partner.http, made["apiKey"]).get("/v1/partners/me")
    assert len(partner.get("/v1/partners/keys")["data"]) == before + 1


@either
def test_an_erasure_happens_once(partner: Client, proxy: Proxy, loss: Loss) -> None:
    person = a_person()
    partner.submit(userExternalId=person)
    before = partner.head()
    proxy.lose(loss)

    reply = partner.post("/v1/entities/erase", {"userExternalId": person}, key=a_key())

    assert (reply.status_code, is_replay(reply)) == (200, False)
    assert partner.head() == before + 1


@either
def test_many_of_one_batch_all_get_their_own_answer(
    partner: Client, server: Served, proxy: Proxy, loss: Loss
) -> None:
    proxy.lose(loss)

    replies = asyncio.run(at_once(server.url, partner, [a_key() for _ in range(64)]))

    assert proxy.lost == 1
    assert {reply.status_code for reply in replies} == {201}
    assert not any(is_replay(reply) for reply in replies)
    person = replies[0].json()["userExternalId"]
    listed = partner.events(userExternalId=person, limit=200)
    assert sorted(one["id"] for one in listed) == sorted(reply.json()["id"] for reply in replies)


@either
def test_rivals_on_one_key_get_one_body(
    partner: Client, server: Served, proxy: Proxy, loss: Loss
) -> None:
    proxy.lose(loss)

    replies = asyncio.run(at_once(server.url, partner, [a_key()] * 16))

    assert proxy.lost == 1
    done = [reply for reply in replies if reply.status_code == 201]
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({reply.content for reply in done}) == 1
    assert [is_replay(reply) for reply in done].count(False) == 1
    assert len(partner.events(userExternalId=done[0].json()["userExternalId"])) == 1


async def at_once(url: str, partner: Client, keys: list[str]) -> list[httpx.Response]:
    """The replies to one event, sent at once under each key."""
    event = an_event()
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        return await asyncio.gather(
            *(
                http.post(
                    "/v1/events", json=event, headers=partner.headers({"idempotency-key": key})
                )
                for key in keys
            )
        )


# The control: the fault is real. Whoever does not look before trying again writes twice.


@pytest.mark.parametrize(("loss", "written"), [("commit", 1), ("answer", 2)])
def test_a_writer_who_simply_tries_again_writes_twice_when_the_answer_is_lost(
    proxy: Proxy, database_url: str, loss: Loss, written: int
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table if exists naive; create table naive (n integer)")
    statements = {
        "begin": b"begin",
        "write": b"insert into naive values (1)",
        "commit": b"commit",
    }

    async def try_again() -> None:
        while True:
            line = await Line.open(proxy.url, "", statements)
            try:
                await line.trip(("begin", ()))
                await line.trip(("write", ()), ("commit", ()))
            except Lost:
                continue
            finally:
                await line.close()
            return

    proxy.lose(loss)
    asyncio.run(try_again())

    assert proxy.lost == 1
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from naive").fetchone() == (written,)
