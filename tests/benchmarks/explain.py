"""What one statement costs by EXPLAIN (ANALYZE, BUFFERS): pages, not seconds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from application.sql import numbered


@dataclass(frozen=True)
class Cost:
    """Pages of shared buffers: found there, read from the disk, and made dirty."""

    hit: int = 0
    read: int = 0
    dirtied: int = 0

    @property
    def touched(self) -> int:
        """Pages used at all. Which of them had to be read depends on what ran before."""
        return self.hit + self.read

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.hit + other.hit, self.read + other.read, self.dirtied + other.dirtied)


@dataclass(frozen=True)
class Node:
    """A node of the plan, with the cost of it and of what it called."""

    name: str
    relation: str
    rows: float
    cost: Cost


@dataclass(frozen=True)
class Explained:
    """The cost of a statement, and of each node of its plan."""

    name: str
    total: Cost
    nodes: Sequence[Node]


class Prepared:
    """A query with placeholders (`%(name)s`, or `$1` in the order in which parameters are given),
    prepared as the committer's are.

    Its plan is generic, not of these parameters, if the connection's settings say so.
    """

    def __init__(self, connection: Connection[TupleRow], name: str, query: bytes) -> None:
        self._connection, self._name = connection, name
        text, self._order = numbered(query.decode())
        self._identifier = sql.Identifier(f"explained_{name}")
        connection.execute(sql.SQL("prepare {} as ").format(self._identifier) + _verbatim(text))

    def explain(self, parameters: Mapping[str, Any]) -> Explained:
        """Run it, really, in the connection's transaction, and return what it touched.

        Planning is not counted. The first call also fills caches of the catalogue: leave it out.
        """
        values = sql.SQL(", ").join(
            sql.Literal(parameters[name]) for name in self._order or parameters
        )
        found = self._connection.execute(
            sql.SQL("explain (analyze, buffers, timing off, format json) execute {}({})").format(
                self._identifier, values
            )
        ).fetchone()
        assert found is not None, "explain always returns a plan"
        plan = found[0][0]["Plan"]
        return Explained(self._name, total(plan), list(nodes(plan)))


def total(plan: Mapping[str, Any]) -> Cost:
    """The cost of a whole plan.

    A node's numbers hold those of the nodes that it called. But an INSERT in a WITH that nothing
    selects from is called by no node: PostgreSQL runs it after the main query. It is added.
    """
    selected = {node["CTE Name"] for node in _walk(plan) if "CTE Name" in node}
    apart = [
        _cost(node)
        for node in _walk(plan)
        if node["Node Type"] == "ModifyTable"
        and str(node.get("Subplan Name", "")).startswith("CTE ")
        and node["Subplan Name"].removeprefix("CTE ") not in selected
    ]
    return sum(apart, start=_cost(plan))


def nodes(plan: Mapping[str, Any]) -> Iterator[Node]:
    """Every node of a plan, the outer before the inner."""
    for node in _walk(plan):
        relation = node.get("Index Name") or node.get("Relation Name") or ""
        yield Node(node["Node Type"], relation, float(node["Actual Rows"]), _cost(node))


def _walk(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _walk(inner)


def _cost(node: Mapping[str, Any]) -> Cost:
    return Cost(
        node["Shared Hit Blocks"], node["Shared Read Blocks"], node["Shared Dirtied Blocks"]
    )


def _verbatim(text: str) -> sql.Composable:
    """A query read from a file of this repository."""
    return sql.SQL(text)
