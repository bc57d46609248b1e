"""Policy: what an entity's history recommends at the point of decision. Stream ``decision-{id}``.

A decision is a recommendation; the caller decides. It is a total, pure function of tier, claim
status and the action's row, and it is recorded with all that it saw, so that anybody can compute
it again from the log.
"""

from typing import Literal

import msgspec

from domain.action import OWN_ACTIONS, Action, Limits, Risk, policy_of
from domain.agent import AGENT, Line, Status, find_agent, suspended_in
from domain.claim import ClaimStatus
from domain.command import Change, Outcome
from domain.events import Beside, Event, stored
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.refusals import Refusal, UnknownAction
from domain.standing import Assessment, assess

CATEGORY = "decision"

ActorKind = Literal["human", "service"]
Reason = Literal[
    "TIER_MET",
    "TIER_ONE_BELOW",
    "TIER_FAR_BELOW",
    "CLAIM_FLAGGED",
    "CLAIM_CONTESTED",
    "AGENT_SUSPENDED",
    "AGENT_REVOKED",
    "AGENT_PENDING",
]
Decision = Literal["ALLOW", "STEP_UP", "LIMIT", "DENY"]

STRICTNESS: dict[Decision, int] = {"ALLOW": 0, "STEP_UP": 1, "LIMIT": 2, "DENY": 3}


# Tables

ONE_TIER_BELOW: dict[Risk, Decision] = {
    "LOW": "LIMIT",
    "MEDIUM": "LIMIT",
    "HIGH": "STEP_UP",
    "CRITICAL": "STEP_UP",
}

FROM_CLAIMS: dict[tuple[ClaimStatus, Risk], Decision] = {
    ("clean", "LOW"): "ALLOW",
    ("clean", "MEDIUM"): "ALLOW",
    ("clean", "HIGH"): "ALLOW",
    ("clean", "CRITICAL"): "ALLOW",
    ("flagged", "LOW"): "ALLOW",
    ("flagged", "MEDIUM"): "STEP_UP",
    ("flagged", "HIGH"): "DENY",
    ("flagged", "CRITICAL"): "DENY",
    ("contested", "LOW"): "ALLOW",
    ("contested", "MEDIUM"): "STEP_UP",
    ("contested", "HIGH"): "STEP_UP",
    ("contested", "CRITICAL"): "DENY",
}

NOT_IN_FORCE: dict[Status, Reason] = {
    "SUSPENDED": "AGENT_SUSPENDED",
    "REVOKED": "AGENT_REVOKED",
    "PENDING_APPROVAL": "AGENT_PENDING",
}

WHY: dict[Reason, str] = {
    "TIER_MET": "The recorded history is as deep as this action asks for.",
    "TIER_ONE_BELOW": "The recorded history is one tier short of what this action asks for.",
    "TIER_FAR_BELOW": "The recorded history is far short of what this action asks for.",
    "CLAIM_FLAGGED": "An active claim is recorded, and this action is sensitive to claims.",
    "CLAIM_CONTESTED": "A contested claim is recorded, and this action is sensitive to claims.",
    "AGENT_SUSPENDED": "The agent, or one that it comes from, is suspended.",
    "AGENT_REVOKED": "The agent is revoked.",
    "AGENT_PENDING": "The agent is not approved yet.",
}
"""The one sentence that each rule gives, word for word."""


# Rule


class Verdict(msgspec.Struct, frozen=True):
    """What the rule says: the decision and why, the deciding reason first."""

    decision: Decision
    reasons: tuple[Reason, ...]
    limits: Limits | None


def judge(action: Action, tier: int, claim_status: ClaimStatus) -> Verdict:
    """The recommendation for any tier, any claim status and any action: the stricter of two."""
    from_tier: Decision
    reason: Reason
    match action.required_tier - tier:
        case short if short <= 0:
            from_tier, reason = "ALLOW", "TIER_MET"
        case 1:
            from_tier, reason = ONE_TIER_BELOW[action.risk], "TIER_ONE_BELOW"
        case _:
            from_tier, reason = "DENY", "TIER_FAR_BELOW"
    from_claims = FROM_CLAIMS[claim_status, action.risk]
    claim_reason: Reason = "CLAIM_CONTESTED" if claim_status == "contested" else "CLAIM_FLAGGED"
    reasons: tuple[Reason, ...]
    if from_claims == "ALLOW":
        decision, reasons = from_tier, (reason,)
    elif from_tier == "ALLOW":
        decision, reasons = from_claims, (claim_reason,)
    elif STRICTNESS[from_claims] > STRICTNESS[from_tier]:
        decision, reasons = from_claims, (claim_reason, reason)
    else:
        decision, reasons = from_tier, (reason, claim_reason)
    return Verdict(decision, reasons, action.limits if decision == "LIMIT" else None)


def judge_agent(line: Line) -> Verdict | None:
    """DENY for an agent, the last of its line, that is not in force; else None."""
    _, agent = line[-1]
    reason = NOT_IN_FORCE.get(agent.status)
    if reason is None and suspended_in(line) is not None:
        reason = "AGENT_SUSPENDED"
    return None if reason is None else Verdict("DENY", (reason,), None)


# Events


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the action is on. The log holds its id only as a keyed hash."""

    type: str | None = None
    id_hash: str | None = None
    amount: int | float | None = None


@stored("policy.decided.v1")
class Decided(Event, frozen=True, kw_only=True):
    """A recommendation was given, on the state at ``seen_position``.

    ``entity_id`` is None when nobody was known under the actor's id; ``agent_id`` is the actor's id
    when it is a service's, and an agent's.
    """

    actor_type: ActorKind
    entity_id: str | None
    agent_id: str | None = None
    action: str
    resource: Resource | None = None
    decision: Decision
    tier: int
    required_tier: int
    risk: Risk
    claim_status: ClaimStatus
    reasons: tuple[Reason, ...]
    limits: Limits | None = None
    policy_version: int
    seen_position: int

    def beside(self) -> Beside:
        """Whom it is about, and the action."""
        return Beside(about=self.entity_id, action=self.action)


# Commands


class Recommendation(msgspec.Struct, frozen=True):
    """The reply to an evaluation; ``id`` is None when nothing was recorded."""

    id: str | None
    event: Decided
    evaluated_at: Instant
    found: Assessment


class Evaluate(msgspec.Struct, frozen=True, kw_only=True):
    """Judge an action at the point of decision, and record the decision.

    ``agent_id`` is the id under which a service may be known as an agent.
    With ``records`` False it is a question, which may also be asked of the past.
    Raises UnknownAction.
    """

    id: str
    tenant: str
    actor_type: ActorKind
    lookup: str
    agent_id: str | None = None
    action: str
    resource: Resource | None = None
    records: bool = True

    @property
    def asks(self) -> tuple[Key, ...]:
        keys = ((SUBJECT, self.lookup), (OWN_ACTIONS.name, self.tenant))
        return keys if self.agent_id is None else (*keys, (AGENT.name, self.agent_id))

    def decide(self, known: Known, now: Instant) -> Outcome[Recommendation]:
        found = assess(known.entity(self.lookup), known, now)
        event = weigh(self, self.tenant, found, known)
        if not self.records:
            return Outcome(Recommendation(None, event, now, found))
        return Outcome(
            Recommendation(self.id, event, now, found),
            (Change(f"{CATEGORY}-{self.id}", event, begins=True, id=self.id),),
        )


class EvaluateMany(msgspec.Struct, frozen=True, kw_only=True):
    """Judge several actions on one state, and record each decision.

    One that is refused is refused alone: its refusal stands in the place of its reply.
    """

    id: str
    evaluations: tuple[Evaluate, ...]

    @property
    def asks(self) -> tuple[Key, ...]:
        return tuple(dict.fromkeys(key for one in self.evaluations for key in one.asks))

    def decide(self, known: Known, now: Instant) -> Outcome[tuple[Recommendation | Refusal, ...]]:
        replies: list[Recommendation | Refusal] = []
        changes: list[Change] = []
        for evaluation in self.evaluations:
            try:
                outcome = evaluation.decide(known, now)
            except Refusal as refusal:
                replies.append(refusal)
            else:
                replies.append(outcome.reply)
                changes += outcome.changes
        return Outcome(tuple(replies), tuple(changes))


class Reconsider(msgspec.Struct, frozen=True, kw_only=True):
    """The question what a recorded decision would be on what is known.

    It is asked of the entity, not of the person, so that the decisions about those who were erased
    since can be computed again too. Raises UnknownAction.
    """

    tenant: str
    recorded: Decided
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((OWN_ACTIONS.name, self.tenant),)

    def decide(self, known: Known, now: Instant) -> Outcome[Decided]:
        found = assess(self.recorded.entity_id, known, now)
        return Outcome(weigh(self.recorded, self.tenant, found, known))


def weigh(attempt: Evaluate | Decided, tenant: str, found: Assessment, known: Known) -> Decided:
    """The decision on an attempt, or again on one that was decided, as the log keeps it.

    Raises UnknownAction.
    """
    policy = policy_of(tenant, known)
    action = policy.in_force(attempt.action)
    if action is None:
        raise UnknownAction(action=attempt.action)
    line = find_agent(attempt.agent_id, tenant, known)
    denied = judge_agent(line) if line else None
    verdict = denied or judge(action, found.tier, found.claim_status)
    return Decided(
        actor_type=attempt.actor_type,
        entity_id=found.entity_id,
        agent_id=line[-1][0] if line else None,
        action=action.name,
        resource=attempt.resource,
        decision=verdict.decision,
        tier=found.tier,
        required_tier=action.required_tier,
        risk=action.risk,
        claim_status=found.claim_status,
        reasons=verdict.reasons,
        limits=verdict.limits,
        policy_version=policy.policy_version,
        seen_position=known.position,
    )
