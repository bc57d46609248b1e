"""What the command line sets for a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How long, how often and how much."""

    seconds: float = 3.0
    repeats: int = 3
    warm_up_seconds: float = 1.0
    memory_events: int = 1_000_000
    memory_entities: int = 100_000
    log_entries: int = 1_000_000
    entity_entries: int = 100_000
    agents: int = 100_000
    rebuild_events: int = 1_000_000
    market_jobs: int = 10_000
    market_agents: int = 1_000
