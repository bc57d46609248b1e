"""What an operator sees of the log's engines: how they fare, and how often the database failed."""

from time import perf_counter, time

from prometheus_client import Counter, Gauge, Histogram

from application.log.gathering import Gathering

BATCH_SIZE = Histogram(
    "tenure_batch_size",
    "Commands or questions answered by one transaction.",
    ["engine"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 1024),
)
BATCH_SECONDS = Histogram(
    "tenure_batch_seconds",
    "Time from taking a batch to its commit.",
    ["engine"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
LAST_BATCH = Gauge(
    "tenure_last_batch_timestamp_seconds",
    "When a batch last succeeded; of the engine committer, the last commit.",
    ["engine"],
    multiprocess_mode="max",
)
UNDER_WAY = Gauge(
    "tenure_batch_under_way_seconds",
    "How long the oldest batch has been on its way to the database; 0 when none is.",
    ["engine"],
    multiprocess_mode="livemax",
)
QUEUE_DEPTH = Gauge(
    "tenure_queue_depth",
    "Commands or questions waiting, over all workers.",
    ["engine"],
    multiprocess_mode="livesum",
)
LOG_HEAD = Gauge(
    "tenure_log_head_position",
    "The newest position of the log.",
    multiprocess_mode="max",
)
FAILED_BATCHES = Counter(
    "tenure_batches_failed_total",
    "Batches that were given up, whose callers were told UNAVAILABLE or INTERNAL_ERROR.",
    ["engine"],
)
RECONNECTS = Counter(
    "tenure_database_reconnects_total",
    "Attempts of a batch that the database failed, each followed by a new connection.",
    ["engine"],
)
UNKNOWN_OUTCOMES = Counter(
    "tenure_unknown_outcomes_total",
    "Commits whose answer was lost, and whose fate was looked up before anything else was done.",
)


class EngineMetrics:
    """One engine's numbers: counted as batches pass, exported a few times a second."""

    def __init__(self, engine: str) -> None:
        self._size, self._seconds = BATCH_SIZE.labels(engine), BATCH_SECONDS.labels(engine)
        self._last, self._under_way = LAST_BATCH.labels(engine), UNDER_WAY.labels(engine)
        self._depth = QUEUE_DEPTH.labels(engine)
        self._failed, self._reconnects = FAILED_BATCHES.labels(engine), RECONNECTS.labels(engine)
        self._exported = (0, 0, 0)
        self._succeeded_at = 0.0

    def observe(self, gathering: Gathering, batch_size: int, batch_seconds: float) -> None:
        """Count a batch that succeeded."""
        self._size.observe(batch_size)
        self._seconds.observe(batch_seconds)
        self._succeeded_at = time()

    def export(self, gathering: Gathering) -> None:
        """Show how the engine fares now, above all while no batch comes through."""
        tally, since = gathering.tally, gathering.tally.busy_since
        self._depth.set(gathering.depth)
        self._under_way.set(0 if since is None else perf_counter() - since)
        if self._succeeded_at:
            self._last.set(self._succeeded_at)
            LOG_HEAD.set(gathering.head.position)
        counted = tally.failed_batches, tally.reconnects, tally.unknown_outcomes
        if counted != self._exported:
            counters = self._failed, self._reconnects, UNKNOWN_OUTCOMES
            for counter, now, before in zip(counters, counted, self._exported, strict=True):
                counter.inc(now - before)
            self._exported = counted
