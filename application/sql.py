"""Statements: SQL lives in ``.sql`` files, where there are several each after its ``-- name:``."""

import re
from pathlib import Path


def named_queries(path: Path) -> dict[str, bytes]:
    """Read a file of named queries. Comment lines under a name describe it and are left out."""
    queries: dict[str, bytes] = {}
    for part in path.read_text().split("-- name: ")[1:]:
        name, _, text = part.partition("\n")
        lines = [line for line in text.splitlines() if not line.startswith("--")]
        queries[name.strip()] = "\n".join(lines).strip().encode()
    return queries


def numbered(query: str) -> tuple[str, list[str]]:
    """A query with ``$1``, ``$2`` … for its placeholders ``%(name)s``, and what these stand for."""
    order: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in order:
            order.append(match[1])
        return f"${order.index(match[1]) + 1}"

    return re.sub(r"%\((\w+)\)s", number, query).replace("%%", "%"), order
