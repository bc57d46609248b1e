"""Metrics: what an operator is told, from outside and by part."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from interfaces.supervisor_metrics import SupervisorMetrics, supervisor_metrics
from interfaces.telemetry import Answer, Telemetry
from tests.application.running import end_every_connection, the_lock_held
from tests.builders import NOW
from tests.interfaces.serving import Served, a_data_folder, eventually, kill, serving
from tests.stories.client import an_event

EVENT = an_event()


class Metrics:
    """The metrics of a running server."""

    def __init__(self, server: Served) -> None:
        self._server = server

    def value(self, series: str) -> float:
        """The value of one series now, 0 when there is none yet."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self._server.get("/metrics"), re.M)
        return 0.0 if found is None else float(found[1])


@pytest.fixture(scope="module")
def server(database_url: str) -> Iterator[Served]:
    """A server of this test module's own."""
    with (
        a_data_folder() as data,
        serving(data, app=None, TENURE_DATABASE_URL=database_url) as served,
    ):
        yield served


@pytest.fixture
def metrics(server: Served) -> Metrics:
    """Its metrics."""
    return Metrics(server)


def test_commits_and_housekeeping_say_when_they_last_succeeded(
    server: Served, metrics: Metrics
) -> None:
    began = time.time()

    post(server)

    committed = 'tenure_last_batch_timestamp_seconds{engine="committer"}'
    eventually(lambda: began <= metrics.value(committed) <= time.time())
    eventually(lambda: metrics.value("tenure_housekeeping_timestamp_seconds") > began - 600)


def test_replays_are_counted(server: Served, metrics: Metrics) -> None:
    before = metrics.value("tenure_idempotency_replays_total")

    for _ in range(3):
        post(server, **{"idempotency-key": "one-and-the-same"})

    eventually(lambda: metrics.value("tenure_idempotency_replays_total") == before + 2)


def test_refusals_are_counted_by_code(server: Served, metrics: Metrics) -> None:
    series = 'tenure_refusals_total{code="UNAUTHENTICATED"}'
    before = metrics.value(series)

    httpx.post(f"{server.url}/v1/events", json={}, timeout=10)
    httpx.post(f"{server.url}/v1/claims", json={}, timeout=10)

    eventually(lambda: metrics.value(series) == before + 2)


@pytest.mark.faults
def test_a_connection_that_is_lost_is_counted(
    server: Served, metrics: Metrics, database_url: str
) -> None:
    series = 'tenure_database_reconnects_total{engine="committer"}'
    post(server)
    before = metrics.value(series)

    end_every_connection(database_url)
    post(server)

    eventually(lambda: metrics.value(series) == before + 1)
    assert metrics.value("tenure_defects_total") == 0


@pytest.mark.faults
def test_a_batch_that_hangs_is_seen_while_it_hangs(
    server: Served, metrics: Metrics, database_url: str
) -> None:
    age = 'tenure_batch_under_way_seconds{engine="committer"}'

    with ThreadPoolExecutor(1) as pool, the_lock_held(database_url):
        answer = pool.submit(post, server)
        eventually(lambda: metrics.value(age) > 0.5)
        assert not answer.done()

    eventually(lambda: metrics.value(age) == 0)


@pytest.mark.faults
def test_a_worker_that_dies_is_counted_and_what_it_counted_stays(
    server: Served, metrics: Metrics
) -> None:
    replays = metrics.value("tenure_idempotency_replays_total")
    assert metrics.value("tenure_worker_restarts_total") == 0

    kill(server.workers()[0])

    eventually(lambda: answers(server))
    assert metrics.value("tenure_worker_restarts_total") == 1
    assert metrics.value("tenure_idempotency_replays_total") == replays


def post(server: Served, **headers: str) -> None:
    """Report an event, each time the same."""
    sent = {"x-api-key": server.first_key, **headers}
    reply = httpx.post(f"{server.url}/v1/events", json=EVENT, headers=sent, timeout=20)
    assert reply.is_success, reply.text


def answers(server: Served) -> bool:
    try:
        return httpx.get(f"{server.url}/readyz", timeout=1).is_success
    except httpx.HTTPError:
        return False


# By part


def test_an_answer_that_the_server_is_not_to_blame_for_is_no_defect() -> None:
    telemetry = Telemetry(log_requests=False)
    before = count("tenure_defects_total"), refused("UNAVAILABLE"), refused("INTERNAL_ERROR")

    telemetry.answered(Answer(NOW, "a", "GET", "/", 503, 1.0, code="UNAVAILABLE"))
    telemetry.answered(Answer(NOW, "b", "GET", "/", 500, 1.0, code="INTERNAL_ERROR"))
    telemetry.answered(Answer(NOW, "c", "GET", "/", 200, 1.0))
    telemetry.flush()

    after = count("tenure_defects_total"), refused("UNAVAILABLE"), refused("INTERNAL_ERROR")
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]


def test_a_folder_without_a_supervisor_adds_nothing(tmp_path: Path) -> None:
    assert supervisor_metrics(tmp_path) == b""


def test_a_supervisor_shows_what_it_did(tmp_path: Path) -> None:
    metrics = SupervisorMetrics(tmp_path)
    metrics.worker_ended()
    metrics.postgres_ended()

    shown = supervisor_metrics(tmp_path).decode()

    assert "\ntenure_worker_restarts_total 1.0\n" in shown
    assert "\ntenure_postgres_restarts_total 1.0\n" in shown
    assert "\ntenure_housekeeping_timestamp_seconds 0.0\n" in shown
    assert "_created" not in shown


@pytest.mark.faults
def test_a_folder_that_takes_no_file_does_not_stop_the_supervisor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = SupervisorMetrics(tmp_path)
    tmp_path.rename(tmp_path.with_name("gone"))

    metrics.worker_ended()

    assert "metrics were not written" in caplog.text


def count(series: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(series, labels) or 0.0


def refused(code: str) -> float:
    return count("tenure_refusals_total", code=code)
