"""Families of agents on a real log."""

from dataclasses import dataclass, field
from typing import Any

from application.log.submission import Submission
from domain.api_keys import AGENT_PREFIX, format_key, shown_prefix
from domain.command import Command
from domain.partner import IssuedKey
from domain.principal import Principal
from tests.application.running import HASHES, Worker
from tests.builders import (
    a_kill,
    a_principal,
    a_spawn,
    a_spawn_policy,
    an_agent,
    an_approval,
    an_id,
)


@dataclass(frozen=True)
class Family:
    """A partner's agents: a root, two children, a grandchild below the first of them, and another
    root. The child has a whole key.
    """

    partner: str
    root: str = field(default_factory=an_id)
    child: str = field(default_factory=an_id)
    sibling: str = field(default_factory=an_id)
    grandchild: str = field(default_factory=an_id)
    other_root: str = field(default_factory=an_id)

    @property
    def who(self) -> Principal:
        return a_principal(self.partner)

    @property
    def tenant(self) -> str:
        return self.who.tenant

    @property
    def key(self) -> str:
        return format_key(AGENT_PREFIX, self.child.encode()[-32:])

    def spawn(self) -> Submission:
        """Another grandchild, by the partner."""
        return Submission(a_spawn(self.child, tenant=self.tenant), self.who)

    def kill(self) -> Submission:
        """The end of the root and all who come from it."""
        return Submission(a_kill(self.root, tenant=self.tenant), self.who)


async def do(worker: Worker, partner: str, *commands: Command[Any]) -> None:
    """Do what a partner asks, one after the other."""
    for command in commands:
        await worker.do(command, a_principal(partner))


async def a_family(worker: Worker, partner: str, **policy: Any) -> Family:
    """The agents of a new partner, made in the order of their generations."""
    family = Family(partner)
    tenant = family.tenant
    key = IssuedKey(
        key_id=an_id(), lookup=HASHES.api_key(family.key), prefix=shown_prefix(family.key)
    )
    await do(
        worker,
        partner,
        an_approval(partner, slug=partner.lower()),
        a_spawn_policy(tenant, **policy),
        an_agent("Root", agent_id=family.root, tenant=tenant),
        a_spawn(family.root, "Child", agent_id=family.child, tenant=tenant, key=key),
        a_spawn(family.root, "Sibling", agent_id=family.sibling, tenant=tenant),
        a_spawn(family.child, "Grandchild", agent_id=family.grandchild, tenant=tenant),
        an_agent("Other root", agent_id=family.other_root, tenant=tenant),
    )
    return family
