"""Named queries: SQL lives in ``.sql`` files, one ``-- name:`` line before each statement."""

from pathlib import Path


def named_queries(path: Path) -> dict[str, bytes]:
    """Read a file of named queries. Comment lines under a name describe it and are left out."""
    queries: dict[str, bytes] = {}
    for part in path.read_text().split("-- name: ")[1:]:
        name, _, text = part.partition("\n")
        lines = [line for line in text.splitlines() if not line.startswith("--")]
        queries[name.strip()] = "\n".join(lines).strip().encode()
    return queries
