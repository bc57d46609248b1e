"""The server's own messages, as JSON lines on standard error."""

import logging
import sys

from interfaces.telemetry import JsonFormatter


def log_to_stderr(level: str) -> None:
    """Write messages of this level (`debug`, `info`, `warning`, `error`) and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What uvicorn says below a warning, the supervisor and the request log say better.
    logging.getLogger("uvicorn").setLevel(max(logging.root.level, logging.WARNING))
