"""Which actions does a tenant's policy know, and what does it ask for each?"""

import msgspec

from domain.action import OWN_ACTIONS, Action, policy_of
from domain.command import Outcome
from domain.instants import Instant
from domain.known import Key, Known


class ActionTable(msgspec.Struct, frozen=True):
    """The reply: the actions in force, the default ones first, as of a position."""

    actions: tuple[Action, ...]
    policy_version: int
    position: int

    def named(self, name: str) -> Action | None:
        """The action of a name, or None."""
        return next((action for action in self.actions if action.name == name), None)


class AskActions(msgspec.Struct, frozen=True):
    """The question for a tenant's table of actions."""

    tenant: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((OWN_ACTIONS.name, self.tenant),)

    def decide(self, known: Known, now: Instant) -> Outcome[ActionTable]:
        own = policy_of(self.tenant, known)
        return Outcome(ActionTable(own.all_in_force(), own.policy_version, known.position))
