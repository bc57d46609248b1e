"""May a tenant's agents spawn, how deep and how many?"""

import msgspec

from domain.command import Outcome
from domain.instants import Instant
from domain.known import Key, Known
from domain.spawning import SPAWN_POLICY, SpawnPolicy, spawn_policy_of


class AskSpawnPolicy(msgspec.Struct, frozen=True):
    """The question for a tenant's spawn policy."""

    tenant: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SPAWN_POLICY.name, self.tenant),)

    def decide(self, known: Known, now: Instant) -> Outcome[SpawnPolicy]:
        return Outcome(spawn_policy_of(self.tenant, known))
