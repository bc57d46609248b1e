"""What an operator sees of the process above the workers, kept in a file beside their metrics."""

import logging
from pathlib import Path
from time import time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    write_to_textfile,
)

FILE = "supervisor.prom"
log = logging.getLogger("tenure.serve")


class SupervisorMetrics:
    """Deaths, restarts and housekeeping, written to the folder of metrics as they happen."""

    def __init__(self, folder: Path) -> None:
        # As the workers' counters: when each began is of no use to anyone.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._file = folder / FILE
        self._registry = CollectorRegistry()
        self._worker_restarts = Counter(
            "tenure_worker_restarts_total",
            "Workers that ended and were replaced.",
            registry=self._registry,
        )
        self._postgres_restarts = Counter(
            "tenure_postgres_restarts_total",
            "Times that the embedded PostgreSQL was found dead and started again.",
            registry=self._registry,
        )
        self._housekept = Gauge(
            "tenure_housekeeping_timestamp_seconds",
            "When partitions of kept replies were last made and dropped.",
            registry=self._registry,
        )
        self._write()

    def worker_ended(self) -> None:
        """Count a worker that ended."""
        self._worker_restarts.inc()
        self._write()

    def postgres_ended(self) -> None:
        """Count a death of the embedded PostgreSQL."""
        self._postgres_restarts.inc()
        self._write()

    def housekept(self) -> None:
        """Note that housekeeping succeeded."""
        self._housekept.set(time())
        self._write()

    def _write(self) -> None:
        try:
            write_to_textfile(str(self._file), self._registry)
        except OSError as error:
            log.warning("The supervisor's metrics were not written: %s", error)


def supervisor_metrics(folder: Path) -> bytes:
    """What the supervisor left, in the Prometheus text format; nothing where none runs."""
    try:
        return (folder / FILE).read_bytes()
    except FileNotFoundError:
        return b""
