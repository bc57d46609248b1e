"""Telemetry: what an operator sees of a running server: metrics, and one log line a request."""

import asyncio
import contextlib
import logging
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from prometheus_client import Counter, Histogram

from domain.instants import Instant, instant

REQUESTS = Histogram(
    "tenure_http_request_seconds",
    "Time from a request's headers to its reply, by route and status.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
REFUSALS = Counter(
    "tenure_refusals_total",
    "Requests and items of batches refused, by the code of the refusal.",
    ["code"],
)
REPLAYS = Counter(
    "tenure_idempotency_replays_total", "Replies that were kept ones of an earlier request."
)
DEFECTS = Counter("tenure_defects_total", "Requests answered with INTERNAL_ERROR.")

# Short, because whatever waits behind a flush waits for all that has gathered.
FLUSH_SECONDS = 0.05


class Answer(msgspec.Struct, omit_defaults=True):
    """One request and its answer, a line of the request log."""

    at: Instant
    request_id: str
    method: str
    route: str
    status: int
    milliseconds: float
    position: int | None = None
    code: str | None = None


class Telemetry:
    """Counts and logs what was answered. Lines are gathered and written a few times a second.

    ``beside`` are told each time, to export numbers of their own.
    """

    def __init__(self, *, log_requests: bool) -> None:
        self._log_requests = log_requests
        self.beside: list[Callable[[], object]] = []
        self.replays = 0
        self.refused_items = defaultdict[str, int](int)
        """How many items of batches were refused, by the code of the refusal."""
        self._answers: list[Answer] = []

    def answered(self, answer: Answer) -> None:
        """Note an answer, to be counted and logged with the next few hundred."""
        self._answers.append(answer)

    async def run(self) -> None:
        """Count and log what has gathered until cancelled, and the last of it then."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                self.flush()
        self.flush()

    def flush(self) -> None:
        """Count what has gathered, and write it to standard error."""
        for export in self.beside:
            export()
        answers, self._answers = self._answers, []
        histograms: dict[tuple[str, str, int], Any] = {}
        for answer in answers:
            labels = answer.method, answer.route, answer.status
            if labels not in histograms:
                histograms[labels] = REQUESTS.labels(*labels)
            histograms[labels].observe(answer.milliseconds / 1000)
            if answer.code is not None:
                REFUSALS.labels(answer.code).inc()
            if answer.status == 500:
                DEFECTS.inc()
        for code, count in self.refused_items.items():
            REFUSALS.labels(code).inc(count)
        self.refused_items.clear()
        if self.replays:
            REPLAYS.inc(self.replays)
            self.replays = 0
        if answers and self._log_requests:
            sys.stderr.buffer.write(msgspec.json.Encoder().encode_lines(answers))
            sys.stderr.buffer.flush()


class JsonFormatter(logging.Formatter):
    """The server's own messages as JSON lines, like the requests'."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := getattr(record, "request_id", None):
            line["request_id"] = request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()
