"""The supervisor, with a stand-in application: deaths, drains, restarts."""

import asyncio
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from interfaces.postgres import DatabaseUnavailable, EmbeddedPostgres
from interfaces.serve import CannotServe, keep_database, listen
from interfaces.supervisor_metrics import SupervisorMetrics
from tests.faults.workers import only
from tests.interfaces.serving import NO_HOST, accepts, eventually, kill, serving, start
from tests.interfaces.standin import held


def test_a_server_answers_says_its_url_and_ends_with_zero(
    tmp_path: Path, database_url: str
) -> None:
    with serving(tmp_path, TENURE_DATABASE_URL=database_url) as server:
        assert server.get("/database") == database_url

        assert server.stop() == 0
    assert "mir_sandbox_first" in server.messages()


def test_every_worker_answers(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path, workers=2, TENURE_DATABASE_URL=database_url) as server:
        assert len(server.workers()) == 2
        for worker in server.workers():
            with only(server, worker):
                assert server.get("/worker") == str(worker)


def test_the_metrics_of_a_server_that_was_killed_are_not_added_to_the_next_one_s(
    tmp_path: Path, database_url: str
) -> None:
    left = tmp_path / "metrics" / "counter_1.db"
    left.parent.mkdir()
    left.touch()

    with serving(tmp_path, TENURE_DATABASE_URL=database_url) as server:
        assert server.get("/metrics-folder") == str(left.parent)
        assert not left.exists()


@pytest.mark.faults
def test_a_dead_worker_s_gauges_are_forgotten(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path, TENURE_DATABASE_URL=database_url) as server:
        gauges = Path(server.get("/metrics-folder")) / f"gauge_livesum_{server.get('/worker')}.db"
        gauges.touch()

        kill(server.workers()[0])
        eventually(lambda: not gauges.exists())


@pytest.mark.faults
def test_a_worker_that_dies_is_replaced_and_its_exit_code_logged(
    tmp_path: Path, database_url: str
) -> None:
    with serving(tmp_path, TENURE_DATABASE_URL=database_url) as server:
        before = server.get("/worker")
        with pytest.raises(httpx.HTTPError):
            server.get("/die")

        assert server.get("/worker") != before
        assert "exit code 7" in server.messages()


def test_a_drain_lets_a_slow_request_finish_and_takes_no_new_one(
    tmp_path: Path, database_url: str
) -> None:
    with (
        serving(tmp_path, TENURE_DATABASE_URL=database_url) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(server.get, "/held")
        with held(tmp_path):
            server.process.terminate()

            eventually(lambda: refuses(server.url))
            assert not slow.done()
        assert slow.result() == "finished"
        assert server.process.wait(30) == 0


@pytest.mark.faults
def test_workers_end_when_the_supervisor_is_killed_and_a_new_one_takes_the_port(
    tmp_path: Path, database_url: str
) -> None:
    with serving(tmp_path, workers=2, TENURE_DATABASE_URL=database_url) as server:
        workers = server.workers()
        kill(server.process.pid)

        with serving(tmp_path, port=server.port, TENURE_DATABASE_URL=database_url) as second:
            assert int(second.get("/worker")) in second.workers()
        eventually(lambda: not any(psutil.pid_exists(worker) for worker in workers))


@pytest.mark.faults
def test_a_new_server_adopts_the_postgresql_of_a_killed_one_and_stops_it_at_the_end(
    tmp_path: Path,
) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    with serving(tmp_path) as server:
        first = postgres.pid()
        kill(server.process.pid)
        assert postgres.is_running()

        with serving(tmp_path):
            assert postgres.pid() == first
        assert not postgres.is_running()


@pytest.mark.faults
def test_an_embedded_postgresql_that_is_killed_comes_back_under_the_same_url(
    tmp_path: Path,
) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    with serving(tmp_path) as server:
        before = postgres.pid()
        assert before is not None
        kill(before)

        eventually(lambda: accepts(postgres.url))
        assert postgres.pid() != before
        assert server.get("/database") == postgres.url


def test_a_second_server_on_one_data_folder_is_refused(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path, TENURE_DATABASE_URL=database_url):
        process, log = start(tmp_path, TENURE_DATABASE_URL=database_url)
        assert process.wait(30) == 1
        assert "Another `tenure serve` runs" in log.read_text()


@pytest.mark.faults
def test_a_server_whose_workers_cannot_start_gives_up_and_says_why(
    tmp_path: Path, database_url: str
) -> None:
    broken = "tests.interfaces.standin:create_broken_app"
    process, log = start(tmp_path, app=broken, TENURE_DATABASE_URL=database_url)

    assert process.wait(30) == 1
    assert "no application for" in log.read_text()
    assert "exit code 1, before it was ready" in log.read_text()


def test_a_port_that_stays_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotServe, match=f"Port {port} of 127.0.0.1 cannot be used"):
            listen("127.0.0.1", port, seconds=0.2)


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(CannotServe, match=NO_HOST):
        listen(NO_HOST, 0)


def test_messages_are_json_lines(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path, TENURE_DATABASE_URL=database_url) as server:
        server.stop()

    lines = [line for line in server.messages().splitlines() if line.startswith("{")]
    assert [json.loads(line)["level"] for line in lines] == ["info"]


def refuses(url: str) -> bool:
    try:
        httpx.get(f"{url}/worker", timeout=0.2)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        # Whoever stood in line as it closed was cut off; the next one is refused.
        return False
    return False


class Stubborn(EmbeddedPostgres):
    """A PostgreSQL that is dead, and starts when it has failed in every way."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.failures = [DatabaseUnavailable("no room"), RuntimeError("a defect"), OSError("disk")]
        self.started = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def is_running(self) -> bool:
        return self.started.is_set()

    def start(self) -> None:
        if self.failures:
            raise self.failures.pop()
        self._loop.call_soon_threadsafe(self.started.set)


def test_a_database_that_does_not_start_is_tried_again_whatever_it_was(tmp_path: Path) -> None:
    async def story() -> None:
        postgres = Stubborn(tmp_path)
        keeping = asyncio.create_task(keep_database(postgres, SupervisorMetrics(tmp_path), 0))
        await asyncio.wait_for(postgres.started.wait(), 30)
        keeping.cancel()

    asyncio.run(story())
