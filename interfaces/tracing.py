"""Traces: spans of requests, of the batches that answer them, and of round trips to the database.

Imported only when an operator asks for traces. A batch is drawn in the trace of the request that
waited longest, and linked with every other request in it, both ways. Spans say which route, how it
ended and where in the log; never whose key, what was sent, or about whom.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any, Self

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from application.access import Access
from application.log.connections import WRITER
from application.log.line import Call, Line
from application.log.lists import Lists, Told
from application.log.loading import QUERIES
from application.log.tracing import Wrote
from domain.principal import Principal
from interfaces.api.call import Answered

PROPAGATOR = TraceContextTextMapPropagator()
EXPORT_SECONDS = 3
"""How long a collector may take to answer, and the stop of a worker for what has gathered."""

SURROUNDINGS = ("begin", "lock", "snapshot", "hold", "stands")
"""Statements that a round trip is not named by, where it has others."""


class RequestSpan:
    """The span of one request, which is the current one until the request is answered."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token = context.attach(set_span_in_context(span))

    def answered(self, answered: Answered) -> None:
        """End the span, after the last part of a stream where the answer is one."""
        self._span.set_attribute("http.response.status_code", answered.status)
        if answered.position is not None:
            self._span.set_attribute("tenure.log_position", answered.position)
        if answered.code is not None:
            self._span.set_attribute("error.type", answered.code)
        if answered.status >= 500:
            self._span.set_status(StatusCode.ERROR)
        if answered.stream is None:
            self._end()
        else:
            answered.stream = self._until_the_end(answered.stream)

    async def _until_the_end(
        self, stream: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(stream):
                async for part in stream:
                    yield part
        finally:
            self._end()

    def _end(self) -> None:
        context.detach(self._token)
        self._span.end()


class Tracing:
    """Draws spans with a provider of the OpenTelemetry SDK."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tenure", version("tenure"))

    @classmethod
    def to(cls, endpoint: str) -> Self:
        """Traces for a collector that speaks OTLP over HTTP.

        Sampling, headers and more of the resource are set by the variables of the SDK.
        """
        about = {"service.name": "tenure", "service.version": version("tenure")}
        provider = TracerProvider(resource=Resource.create(about))
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what has gathered; a collector that does not answer in time does not get it."""
        # Nobody waits for a daemon when the process ends.
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, EXPORT_SECONDS)

    def request(
        self, method: str, route: str, request_id: str, sent: Mapping[bytes, bytes]
    ) -> RequestSpan:
        """Begin the span of a request, as part of the caller's trace if it sent a traceparent."""
        carrier = {
            name: sent[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in sent
        }
        attributes = {
            "http.request.method": method,
            "http.route": route,
            "tenure.request_id": request_id,
        }
        return RequestSpan(
            self._tracer.start_span(
                f"{method} {route}",
                PROPAGATOR.extract(carrier, context.Context()),
                SpanKind.SERVER,
                attributes,
            )
        )

    def here(self) -> Span:
        """The span that this task is in."""
        return get_current_span()

    @contextmanager
    def batch(self, engine: str, requests: Sequence[object]) -> Iterator[Wrote]:
        """A span around a batch, below its first request that is recorded, linked with them all."""
        spans = {
            span.get_span_context().span_id: span
            for span in requests
            if isinstance(span, Span) and span.get_span_context().is_valid
        }
        recorded = [span for span in spans.values() if span.is_recording()]
        parent = set_span_in_context(recorded[0]) if recorded else context.Context()
        with self._span(
            f"{engine} batch",
            parent,
            links=[Link(span.get_span_context()) for span in spans.values()],
            attributes={"tenure.batch_size": len(requests)},
        ) as drawn:
            for span in recorded:
                span.add_link(drawn.get_span_context())
            yield lambda position: drawn.set_attribute("tenure.log_position", position)

    @contextmanager
    def trip(self, name: str, statements: Sequence[str]) -> Iterator[None]:
        """A span around a round trip to the database."""
        attributes = {"db.system.name": "postgresql", "db.operation.name": " ".join(statements)}
        with self._span(name, kind=SpanKind.CLIENT, attributes=attributes):
            yield

    @contextmanager
    def _span(
        self, name: str, parent: context.Context | None = None, **more: Any
    ) -> Iterator[Span]:
        """A span that says of an exception no more than its type: a message may name somebody."""
        with self._tracer.start_as_current_span(
            name, parent, record_exception=False, set_status_on_exception=False, **more
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise

    async def writer_line(self, url: str) -> Line:
        """A line for the committer and the reader, each of whose round trips is a span."""
        line = await TracedLine.open(url, WRITER, QUERIES)
        line.tracing = self
        return line


class TracedLine(Line):
    """A line that draws its round trips."""

    tracing: Tracing

    async def trip(self, *calls: Call) -> list[bytes | None]:
        """Run statements in order, in a span named by the first that matters."""
        names = [name for name, _ in calls]
        telling = next((name for name in names if name not in SURROUNDINGS), names[0])
        with self.tracing.trip(telling, names):
            return await super().trip(*calls)


class TracedLists(Lists):
    """Lists that draw each statement, together with the wait for a connection."""

    def __init__(self, tracing: Tracing, pool: Any, access: Access, **settings: Any) -> None:
        super().__init__(pool, access, **settings)
        self._tracing = tracing

    async def _run(
        self, principal: Principal, statement: bytes, parameters: Mapping[str, Any]
    ) -> Told:
        with self._tracing.trip("list", ["begin", "list"]):
            return await super()._run(principal, statement, parameters)
