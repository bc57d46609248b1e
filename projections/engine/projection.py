"""A projection: the rows of one fold, as the code at hand knows them."""

import re
from dataclasses import dataclass

from domain.fold import AnyFold
from projections.engine.fingerprint import fingerprint
from projections.engine.statements import named

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Projection:
    """All the code there is for the rows of one name, the newest last.

    ``inline`` ones are folded in the transaction that appends; the others are followed. ``sql`` is
    the statements that index its table, ``create index on state_{name} …``, and then its queries,
    each after a line ``-- name: …``.
    """

    name: str
    folds: tuple[AnyFold, ...]
    inline: bool
    sql: str = ""

    @property
    def newest(self) -> AnyFold:
        """The code that the next version is built by."""
        return self.folds[-1]

    @property
    def queries(self) -> dict[str, str]:
        """Its named queries."""
        return {name: text for name, text in named(self.sql).items() if name}

    def code(self, wanted: str) -> AnyFold | None:
        """The code that has a fingerprint, None where it is not at hand."""
        return next((fold for fold in self.folds if fingerprint(fold) == wanted), None)

    def indexes(self, table: str) -> str:
        """The statements that index a version's table."""
        return re.sub(rf"\bstate_{self.name}\b", table, named(self.sql)[""])
