"""What an operator wants to know of an engine of the log, in numbers that cost nothing to keep."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counted since the engine began.

    ``busy_since`` is when the batch that is on its way was taken (``perf_counter``), None when none
    is. ``unknown_outcomes`` are commits whose answer was lost and whose fate was then looked up.
    """

    busy_since: float | None = None
    failed_batches: int = 0
    reconnects: int = 0
    unknown_outcomes: int = 0
