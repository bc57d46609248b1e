"""What an operator sees of webhooks: how many deliveries are due, and how attempts at them went."""

from prometheus_client import Counter, Gauge

from application.webhooks.sender import Attempt

DUE = Gauge(
    "tenure_webhook_deliveries_due",
    "Deliveries to webhooks that are due, of which at most 10,000 are counted.",
    multiprocess_mode="livemostrecent",
)
OLDEST_DUE = Gauge(
    "tenure_webhook_oldest_due_seconds",
    "How long the oldest delivery has been due; 0 when none is.",
    multiprocess_mode="livemostrecent",
)
ATTEMPTS = Counter(
    "tenure_webhook_attempts_total",
    "Attempts to deliver: delivered, refused by the reader, or failed without an answer.",
    ["outcome"],
)


def observe(attempt: Attempt) -> None:
    """Count an attempt."""
    ATTEMPTS.labels(attempt.outcome).inc()


def count(due: int, oldest_seconds: float) -> None:
    """Show how many deliveries are due, and since when."""
    DUE.set(due)
    OLDEST_DUE.set(oldest_seconds)
