"""A tree of agents in a log, with the rows folded from it as a start does it.

Ten subtrees stand below the root. In each, agents come from any of those before, drawn at random,
and the last few from the deepest, down to the greatest depth.
"""

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from application.ids import new_id
from domain.agent import AGENT, CATEGORY, Made, Registered, Spawned
from domain.credential import CREDENTIAL
from domain.events import Entry, encode
from domain.genealogy import GENEALOGY, OFFSPRING
from domain.partner import IssuedKey
from domain.rights import Rights
from domain.spawning import DEPTH_AT_MOST
from interfaces.wiring import now
from projections.at_hand import at_hand
from projections.engine.rebuild import rebuild
from projections.engine.switch import drop_version, switch
from projections.engine.versions import connect, version_of

SUBTREES = 10
FOLDS = (AGENT, GENEALOGY, OFFSPRING, CREDENTIAL)
PARTNER = """
    select 'sandbox/' || key, row -> 'keys' -> 0 -> 'key' ->> 'lookup'
    from state where fold = 'partner' and row ->> 'slug' = 'bench'
"""


@dataclass(frozen=True)
class Grown:
    """An agent of the tree: whom it comes from, and the lookup of its key."""

    agent_id: str
    path: tuple[str, ...]
    lookup: str


@dataclass(frozen=True)
class Tree:
    """The agents as they stand in the log, each parent before its children, and whose they are."""

    agents: Sequence[Grown]
    tenant: str
    partners_lookup: str

    def of_depth(self, depth: int) -> list[Grown]:
        """All who have so many ancestors."""
        return [agent for agent in self.agents if depth_of(agent) == depth]


def depth_of(agent: Grown) -> int:
    """How many ancestors an agent has."""
    return len(agent.path)


def grown(size: int) -> Iterator[Grown]:
    """A root and its subtrees, one after the other, each parent before its children."""
    chance = random.Random(size)
    root = _child()
    yield root
    for _ in range(SUBTREES):
        subtree = [_child(root)]
        while len(subtree) < size // SUBTREES:
            is_last = len(subtree) >= size // SUBTREES - DEPTH_AT_MOST
            parent = max(subtree, key=depth_of) if is_last else chance.choice(subtree)
            subtree.append(_child(parent if depth_of(parent) < DEPTH_AT_MOST else subtree[0]))
        yield from subtree


def _child(parent: Grown | None = None) -> Grown:
    path = () if parent is None else (*parent.path, parent.agent_id)
    return Grown(new_id(), path, secrets.token_hex(32))


def plant(url: str, size: int) -> Tree:
    """Put so many agents into the log, as the partner's, and have their rows folded anew."""
    agents = list(grown(size))
    with psycopg.connect(url) as connection:
        ((tenant, partners_lookup),) = connection.execute(PARTNER).fetchall()
        ((head,),) = connection.execute("select max(position) from log").fetchall()
        with connection.cursor().copy(
            "copy log (position, stream, version, type, tenant, recorded_at, entry) from stdin"
        ) as copying:
            for position, agent in enumerate(agents, head + 1):
                entry = _entry(agent, tenant)
                copying.write_row(
                    (
                        *(position, entry.stream, entry.version, entry.type),
                        *(entry.tenant, entry.recorded_at, encode(entry).decode()),
                    )
                )
    for fold in FOLDS:
        version = rebuild(url, fold.name)
        with connect(url) as connection:
            switch(connection, at_hand()[fold.name], version.number)
            # Or it would be followed beside what is measured.
            with connection.transaction():
                drop_version(connection, version_of(connection, fold.name, version.number - 1))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return Tree(agents, tenant, partners_lookup)


def _entry(agent: Grown, tenant: str) -> Entry:
    made: dict[str, Any] = {
        "name": "bench",
        "type": "AI_AGENT",
        "rights": Rights(preset="reporter", allowed_event_types=("transaction.completed",)),
        "require_idempotency": True,
        "key": IssuedKey(key_id=new_id(), lookup=agent.lookup, prefix="mir_agent_bench"),
    }
    data: Made = Spawned(**made, path=agent.path) if agent.path else Registered(**made)
    return Entry(
        id=agent.agent_id,
        tenant=tenant,
        stream=f"{CATEGORY}-{agent.agent_id}",
        version=1,
        type=data.stored_name,
        recorded_at=now(),
        principal="partner:bench",
        request_id="",
        data=data,
    )
