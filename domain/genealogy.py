"""Genealogy: who is below whom.

A row under ``{parent's id}/{id}`` is a child, a row under ``{tenant}/{root's id}/…/{id}`` a
descendant of each id in its key. Keys that begin alike stand together, so the children of an agent
are one range of keys, and so are all who come from it, each parent before its children.
"""

import msgspec

from domain.agent import Ended, Made, Registered, Rejected, Revoked, Spawned
from domain.events import Entry
from domain.fold import Fold
from domain.known import Known


class Kin(msgspec.Struct, frozen=True):
    """That an agent stands where its row's key says."""

    tenant: str
    agent_id: str


def lineage(tenant: str, *path: str) -> str:
    """The key under which an agent stands below the whole path of its ancestors."""
    return "/".join((tenant, *path))


def keys_of_kin(entry: Entry) -> tuple[str, ...]:
    """Where an agent stands: below its parent, and below all of its ancestors."""
    if not isinstance(entry.data, Made):
        return ()
    path = entry.data.path
    below_all = lineage(entry.tenant or "", *path, entry.aggregate_id)
    return (below_all, f"{path[-1]}/{entry.aggregate_id}") if path else (below_all,)


GENEALOGY = Fold(
    name="genealogy",
    state=Kin,
    events=(Registered, Spawned),
    evolve=lambda kin, entry: kin or Kin(entry.tenant or "", entry.aggregate_id),
    keys=keys_of_kin,
)


def children_of(agent_id: str, known: Known) -> list[str]:
    """The ids of the agents that come from an agent directly."""
    return [kin.agent_id for kin in known.within(GENEALOGY, f"{agent_id}/")]


def descendants_of(agent_id: str, path: tuple[str, ...], tenant: str, known: Known) -> list[str]:
    """The ids of all agents that come from an agent, each parent before its children."""
    below = lineage(tenant, *path, agent_id, "")
    return [kin.agent_id for kin in known.within(GENEALOGY, below)]


class Offspring(msgspec.Struct, frozen=True):
    """How many come from an agent and were not ended: directly, and, where it is a root, at all."""

    agent_id: str
    children: int = 0
    descendants: int = 0


def evolve_offspring(offspring: Offspring | None, entry: Entry) -> Offspring | None:
    """The offspring of an agent after it was made, or somebody who comes from it made or ended."""
    if offspring is None:
        return Offspring(entry.aggregate_id)
    match entry.data:
        case Made(path=path) if path:
            children = descendants = 1
        case Ended(path=path, ended_with_it=others) if path:
            children, descendants = -1, -1 - others
        case _:
            return offspring
    return Offspring(
        offspring.agent_id,
        offspring.children + children * (path[-1] == offspring.agent_id),
        offspring.descendants + descendants * (path[0] == offspring.agent_id),
    )


def keys_of_offspring(entry: Entry) -> tuple[str, ...]:
    """Whose offspring it is: the agent itself when it is made, its parent and its root."""
    itself = (entry.aggregate_id,) if isinstance(entry.data, Made) else ()
    path = entry.data.path if isinstance(entry.data, Made | Ended) else ()
    return tuple(dict.fromkeys((*itself, *path[:1], *path[-1:])))


OFFSPRING = Fold(
    name="offspring",
    state=Offspring,
    events=(Registered, Spawned, Rejected, Revoked),
    evolve=evolve_offspring,
    keys=keys_of_offspring,
)


def offspring_of(agent_id: str, known: Known) -> Offspring:
    """How many come from an agent."""
    return known.get(OFFSPRING, agent_id) or Offspring(agent_id)
