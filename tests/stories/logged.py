"""What the log holds, for what cannot be seen from outside."""

from typing import Any

import psycopg


def logged(url: str, *, after: int = 0, stream: str | None = None) -> list[dict[str, Any]]:
    """The entries after a position, of one stream if wanted, in order."""
    with psycopg.connect(url) as connection:
        return [
            entry
            for (entry,) in connection.execute(
                "select entry from log where position > %(after)s"
                " and (%(stream)s::text is null or stream = %(stream)s) order by position",
                {"after": after, "stream": stream},
            )
        ]
