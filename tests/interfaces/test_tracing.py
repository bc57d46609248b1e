"""Traces: one picture of a request from HTTP to SQL, and not a trace of them when switched off."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from application.log.submission import Submission
from interfaces.api.call import Answered
from interfaces.settings import Settings, SettingsError
from interfaces.tracing import RequestSpan, Tracing
from interfaces.wiring import prepare
from tests.application.running import a_worker
from tests.builders import a_participation
from tests.interfaces.serving import ROOT, SECRETS, a_data_folder, eventually, serving
from tests.stories.client import an_event

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def log_url(database_url: str) -> str:
    """An empty log of this test module's own."""
    prepare(database_url)
    return database_url


class Drawn:
    """Spans that were drawn, in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)

    def named(self, name: str) -> list[ReadableSpan]:
        """The ended spans of a name, in the order of their end."""
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def request(self, name: str, sent: dict[bytes, bytes] | None = None) -> RequestSpan:
        """Begin the span of a request."""
        return self.tracing.request("POST", name, "a-request", sent or {})


def spans_of_one_batch(url: str, requests: int) -> Drawn:
    """What is drawn of a batch of participations, each of a request of its own."""
    drawn = Drawn()

    async def answer(worker: Any, number: int) -> None:
        span = drawn.request(f"/{number}")
        reply = await worker.committer.answer(Submission(a_participation()))
        span.answered(Answered(201, b"", position=reply.position))

    async def story() -> None:
        connect = drawn.tracing.writer_line
        async with a_worker(url, tracer=drawn.tracing, connect=connect) as worker:
            await asyncio.gather(*(answer(worker, number) for number in range(requests)))

    asyncio.run(story())
    return drawn


def test_a_request_its_batch_and_both_round_trips_make_one_picture(log_url: str) -> None:
    drawn = spans_of_one_batch(log_url, 1)

    (request,), (batch,) = drawn.named("POST /0"), drawn.named("committer batch")
    (load,), (write,) = drawn.named("load"), drawn.named("write")
    assert parent_of(request) is None
    assert parent_of(batch) == id_of(request)
    assert parent_of(load) == parent_of(write) == id_of(batch)
    assert len({span.context.trace_id for span in (request, batch, load, write)}) == 1
    assert began_at(load) < began_at(write)


def test_a_batch_is_linked_with_every_request_in_it_and_they_with_it(log_url: str) -> None:
    drawn = spans_of_one_batch(log_url, 3)

    requests = [span for number in range(3) for span in drawn.named(f"POST /{number}")]
    (batch,) = drawn.named("committer batch")
    assert links_of(batch) == {id_of(request) for request in requests}
    assert all(links_of(request) == {id_of(batch)} for request in requests)
    assert attributes_of(batch)["tenure.batch_size"] == 3
    positions = [attributes_of(request)["tenure.log_position"] for request in requests]
    assert attributes_of(batch)["tenure.log_position"] == max(positions)


def test_the_caller_s_trace_goes_on() -> None:
    drawn = Drawn()

    drawn.request("/events", {b"traceparent": CALLER.encode()}).answered(Answered(200, b""))

    (span,) = drawn.named("POST /events")
    assert f"{span.context.trace_id:032x}" == CALLER.split("-")[1]
    assert f"{parent_of(span):016x}" == CALLER.split("-")[2]


@pytest.mark.parametrize("header", ["", "nonsense", "00-0-0-01", "ff" + CALLER[2:]])
def test_a_traceparent_that_is_none_begins_a_new_trace(header: str) -> None:
    drawn = Drawn()

    drawn.request("/events", {b"traceparent": header.encode()}).answered(Answered(200, b""))

    assert parent_of(drawn.named("POST /events")[0]) is None


def test_a_span_says_how_the_request_ended() -> None:
    drawn = Drawn()

    drawn.request("/events").answered(Answered(503, b"", code="UNAVAILABLE"))

    (span,) = drawn.named("POST /events")
    assert dict(attributes_of(span)) == {
        "http.request.method": "POST",
        "http.route": "/events",
        "http.response.status_code": 503,
        "error.type": "UNAVAILABLE",
        "tenure.request_id": "a-request",
    }
    assert not span.status.is_ok


def test_a_request_answered_by_a_stream_ends_with_it() -> None:
    drawn = Drawn()

    async def parts() -> Any:
        yield b"one"
        assert drawn.tracing.here().is_recording()
        yield b"two"

    async def story() -> list[bytes]:
        answered = Answered(200, b"", stream=parts())
        drawn.request("/events").answered(answered)
        assert not drawn.named("POST /events")
        assert answered.stream is not None
        return [part async for part in answered.stream]

    assert asyncio.run(story()) == [b"one", b"two"]
    assert len(drawn.named("POST /events")) == 1


def test_a_round_trip_that_fails_says_no_more_than_of_what() -> None:
    drawn = Drawn()

    with pytest.raises(ValueError, match="alice"), drawn.tracing.trip("load", ["load"]):
        raise ValueError("alice")

    (span,) = drawn.named("load")
    assert attributes_of(span)["error.type"] == "ValueError"
    assert "alice" not in span.to_json()


# From outside


@contextmanager
def a_collector() -> Iterator[tuple[str, list[bytes]]]:
    """Takes OTLP over HTTP; its address, and what it was sent."""
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            taken.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


NAMES = {"POST /events", "GET /events", "committer batch", "load", "write", "list"}


def names_of(taken: list[bytes]) -> set[str]:
    """The names of the spans that were sent of the caller's trace."""
    return {
        span.name
        for request in list(taken)
        for resource in ExportTraceServiceRequest.FromString(request).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == CALLER.split("-")[1]
    }


def test_a_server_sends_its_spans_and_in_them_no_key_and_nobody(log_url: str) -> None:
    with a_collector() as (address, taken), a_data_folder() as data:
        with serving(
            data,
            app=None,
            TENURE_DATABASE_URL=log_url,
            TENURE_OTLP_ENDPOINT=address,
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as server:
            headers = {
                "x-api-key": server.first_key,
                "traceparent": CALLER,
                "x-request-id": "traced",
            }
            body = an_event(userExternalId="somebody-in-particular")
            reply = httpx.post(f"{server.url}/v1/events", json=body, headers=headers, timeout=10)
            assert reply.status_code == 201
            httpx.get(
                f"{server.url}/v1/events?userExternalId=somebody-in-particular",
                headers=headers,
                timeout=10,
            )
            eventually(lambda: names_of(taken) >= NAMES)
        key = server.first_key

    sent = b"".join(taken)
    assert b"traced" in sent
    assert key.encode() not in sent
    assert b"somebody-in-particular" not in sent


def test_a_collector_that_never_answers_does_not_hold_up_the_stop(log_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, a_data_folder() as data:
        with serving(
            data,
            app=None,
            TENURE_DATABASE_URL=log_url,
            TENURE_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1",
        ) as server:
            for _ in range(10):
                server.get("/readyz")

            assert server.stop() == 0

        # The supervisor says so of a worker that had to be killed.
        assert "did not end within" not in server.messages()


# Switched off

RUN_AND_TELL = """
import asyncio, sys
from interfaces.api.app import create_app
from interfaces.settings import Settings
from interfaces.wiring import open_services

async def run(settings, url):
    create_app(settings, url)
    async with open_services(settings, url) as services:
        assert services.tracing is None
        await services.probe()

asyncio.run(run(Settings.load(), sys.argv[1]))
unwanted = ("opentelemetry.sdk", "opentelemetry.exporter")
print([name for name in sys.modules if name.startswith(unwanted)])
"""


def test_without_an_endpoint_the_sdk_is_never_imported(tmp_path: Path, log_url: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL, log_url],
        cwd=ROOT,
        env={"TENURE_DATA": str(tmp_path), **SECRETS},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == "[]"


def test_an_endpoint_without_the_extra_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.settings.find_spec", lambda name: None)

    with pytest.raises(SettingsError, match=r"TENURE_OTLP_ENDPOINT.*tenure\[tracing\]"):
        Settings.load(tmp_path, {"TENURE_OTLP_ENDPOINT": "http://localhost:4318"})


@pytest.mark.parametrize("address", ["localhost:4318", "grpc://localhost:4317", "http://"])
def test_an_endpoint_that_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="TENURE_OTLP_ENDPOINT"):
        Settings.load(tmp_path, {"TENURE_OTLP_ENDPOINT": address})


def id_of(span: ReadableSpan) -> int:
    return int(span.context.span_id)


def began_at(span: ReadableSpan) -> int:
    assert span.start_time is not None
    return span.start_time


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def links_of(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


def attributes_of(span: ReadableSpan) -> Any:
    return span.attributes
