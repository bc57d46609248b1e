"""An action: what policy asks of whoever attempts it. Stream ``policy-{tenant}``.

Every tenant begins with one table of actions, and may override it or add to it for itself. Each
change is a version of its policy; nothing is ever taken out, so that every action that was once
judged can be judged again.
"""

import re
from typing import Literal

import msgspec

from domain.command import Change, Outcome
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Key, Known
from domain.refusals import InvalidField, TooManyActions

CATEGORY = "policy"
POLICY_VERSION = 1
"""The version of the default action table; a change of the table or the rule raises it."""

OWN_ACTIONS_AT_MOST = 200
NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
NAME_LENGTH_AT_MOST = 64

Risk = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
Limits = dict[str, int]


# Table


class Action(msgspec.Struct, frozen=True):
    """An action that policy knows: the tier it wants, its risk, and its constrained form."""

    name: str
    required_tier: int
    risk: Risk
    limits: Limits | None = None


DEFAULT_ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action("checkout.complete", 0, "LOW"),
        Action("profile.update", 0, "LOW"),
        Action("message.send_bulk", 1, "MEDIUM", {"maxRecipients": 50}),
        Action("listing.create", 1, "MEDIUM", {"maxPerDay": 3}),
        Action("payout.request", 1, "MEDIUM", {"maxAmount": 100}),
        Action("job.accept", 1, "MEDIUM", {"maxConcurrent": 1}),
        Action("agent.spawn", 1, "MEDIUM", {"maxChildren": 1}),
        Action("credential.rotate", 2, "HIGH"),
        Action("data.export_pii", 2, "HIGH"),
        Action("finance.approve_payment", 2, "HIGH"),
        Action("api.create_key", 2, "HIGH"),
        Action("iam.grant_role", 2, "HIGH"),
        Action("iam.grant_admin", 3, "CRITICAL"),
        Action("data.delete_bulk", 3, "CRITICAL"),
        Action("infra.deploy_production", 3, "CRITICAL"),
    )
}


# Events


@stored("policy.action_set.v1")
class ActionSet(Event, frozen=True, kw_only=True):
    """The tenant asks this of whoever attempts the action, from now on."""

    name: str
    required_tier: int
    risk: Risk
    limits: Limits | None = None


# State


class OwnActions(msgspec.Struct, frozen=True):
    """The actions that a tenant set for itself, by name, and how many changes that took."""

    actions: dict[str, Action] = {}
    changes: int = 0

    @property
    def policy_version(self) -> int:
        """The version of the policy that is in force."""
        return POLICY_VERSION + self.changes

    def in_force(self, name: str) -> Action | None:
        """The tenant's own action, or else the default one, or None."""
        return self.actions.get(name) or DEFAULT_ACTIONS.get(name)

    def all_in_force(self) -> tuple[Action, ...]:
        """The whole table, the default actions first."""
        return tuple({**DEFAULT_ACTIONS, **self.actions}.values())


NO_OWN_ACTIONS = OwnActions()


def evolve(own: OwnActions | None, entry: Entry) -> OwnActions:
    """The tenant's own actions after one more was set."""
    own = own or NO_OWN_ACTIONS
    match entry.data:
        case ActionSet(name=name, required_tier=required_tier, risk=risk, limits=limits):
            action = Action(name, required_tier, risk, limits)
            return OwnActions({**own.actions, name: action}, own.changes + 1)
    return own


OWN_ACTIONS = Fold(
    name="own_actions",
    state=OwnActions,
    events=(ActionSet,),
    evolve=evolve,
    category=CATEGORY,
)


def policy_of(tenant: str, known: Known) -> OwnActions:
    """What a tenant made of the table."""
    return known.get(OWN_ACTIONS, tenant) or NO_OWN_ACTIONS


# Commands


class ActionInForce(msgspec.Struct, frozen=True):
    """The reply: an action as it now is, and the version of the policy that it is part of."""

    action: Action
    policy_version: int


class SetAction(msgspec.Struct, frozen=True, kw_only=True):
    """Override an action, or add one, for one tenant. Setting what is in force changes nothing.

    Raises InvalidField for a name that is none, TooManyActions.
    """

    id: str
    tenant: str
    action: Action

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((OWN_ACTIONS.name, self.tenant),)

    def decide(self, known: Known, now: Instant) -> Outcome[ActionInForce]:
        action, own = self.action, policy_of(self.tenant, known)
        check_name(action.name)
        if own.in_force(action.name) == action:
            return Outcome(ActionInForce(action, own.policy_version))
        if action.name not in own.actions and len(own.actions) >= OWN_ACTIONS_AT_MOST:
            raise TooManyActions(limit=OWN_ACTIONS_AT_MOST)
        event = ActionSet(
            name=action.name,
            required_tier=action.required_tier,
            risk=action.risk,
            limits=action.limits,
        )
        return Outcome(
            ActionInForce(action, own.policy_version + 1),
            (Change(f"{CATEGORY}-{self.tenant}", event),),
        )


def check_name(name: str) -> None:
    """Hold an action's name against its form. Raises InvalidField."""
    if NAME.fullmatch(name) is None or len(name) > NAME_LENGTH_AT_MOST:
        raise InvalidField(
            field="action",
            reason=f"words of a-z, 0-9 and _ joined by dots, such as data.export_pii, "
            f"at most {NAME_LENGTH_AT_MOST} characters",
        )
