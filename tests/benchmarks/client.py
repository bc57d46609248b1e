"""One client that asks one thing after another, and how long each took."""

import http.client
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from tests.benchmarks import tenure
from tests.benchmarks.load import Unusable

HEADINGS = ("", "times", "median ms", "p99 ms", "longest ms")


class Client:
    """One connection to the server, with the partner's key."""

    def __init__(self, running: tenure.Tenure) -> None:
        self._key = running.api_key
        self._connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=60)

    def send(self, method: str, path: str, body: object = None) -> Any:
        """The answer's document; Unusable when it is a refusal."""
        headers = {
            "Content-Type": "application/json",
            "x-api-key": self._key,
            "Idempotency-Key": secrets.token_hex(8),
        }
        return self.exchange(method, path, headers, None if body is None else json.dumps(body))

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> Any:
        """The same of a request that shows who sends it."""
        self._connection.request(method, path, body or None, dict(headers))
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise Unusable(f"{method} {path} was answered {response.status}: {answer.decode()}")
        return json.loads(answer)

    def timed(self, method: str, path: str, body: object = None) -> float:
        """The seconds until an answer was read."""
        started = time.perf_counter()
        self.send(method, path, body)
        return time.perf_counter() - started


def row(name: str, seconds: Sequence[float]) -> list[str]:
    """The row of a report: under HEADINGS."""
    p99 = quantiles(seconds, n=100, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    figures = [f"{one * 1e3:,.1f}" for one in (median(seconds), p99, max(seconds))]
    return [name, str(len(seconds)), *figures]
