"""Principals: who a credential says is asking, and what they may do."""

import msgspec

from domain.agent import Line, line_of, must_be_in_force, rights_in_force
from domain.command import Outcome
from domain.credential import CREDENTIAL, Credential
from domain.instants import Instant
from domain.known import Key, Known
from domain.listing import Listing, owned
from domain.member import MEMBER
from domain.partner import PARTNER, Environment, tenant_of
from domain.refusals import (
    AgentEventTypeNotAllowed,
    AgentIdempotencyRequired,
    Forbidden,
    PartnerSuspended,
    Unauthenticated,
)
from domain.rights import (
    AUDITOR_PERMISSIONS,
    GUARDRAILS,
    MEMBER_PERMISSIONS,
    OPERATOR_PERMISSIONS,
    PARTNER_PERMISSIONS,
    PUBLIC_PERMISSIONS,
    Guardrails,
    Permission,
    Permissions,
    Role,
)


class ActingAgent(msgspec.Struct, frozen=True, kw_only=True):
    """What binds an agent that calls, as things stand; None is no bound.

    ``rates`` are the requests a minute of itself and of each ancestor that has a limit, by id: what
    an agent asks counts for all of them, so that no number of children is a way around.
    ``output_is_checked`` when what it hands in on a marketplace has a schema.
    """

    agent_id: str
    guardrails: Guardrails
    require_idempotency: bool
    allowed_event_types: frozenset[str] | None
    rates: tuple[tuple[str, int], ...]
    output_is_checked: bool = False

    def must_name_repeats(self, idempotency_key: str | None) -> None:
        """Raise AgentIdempotencyRequired when a key is due and not there."""
        if self.require_idempotency and idempotency_key is None:
            raise AgentIdempotencyRequired

    def must_report(self, event_type: str) -> None:
        """Raise AgentEventTypeNotAllowed for what the agent may not report."""
        if self.allowed_event_types is not None and event_type not in self.allowed_event_types:
            raise AgentEventTypeNotAllowed(event_type=event_type)


class ActingMember(msgspec.Struct, frozen=True, kw_only=True):
    """The member of a marketplace that calls."""

    member_id: str
    roles: tuple[Role, ...]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody authenticated. ``lookup`` is the keyed hash of the credential they showed;
    ``beside`` that of the uid of the member whose agent they are, where both must be shown.

    ``authority`` is the position of the last change of authority that was seen when the principal
    was identified: a later one means that they must be identified again.
    """

    id: str
    tenant: str
    partner_id: str
    environment: Environment
    key_id: str
    lookup: str
    permissions: Permissions
    authority: int
    agent: ActingAgent | None = None
    member: ActingMember | None = None
    beside: str = ""

    def must(self, permission: Permission | None, event_type: str | None = None) -> None:
        """Raise Forbidden unless the principal holds a permission, and AgentEventTypeNotAllowed
        when it is to report what it may not.
        """
        if permission is not None and permission not in self.permissions:
            raise Forbidden(permission=permission)
        if event_type is not None and self.agent is not None:
            self.agent.must_report(event_type)


def identify(lookup: str, known: Known, beside: str = "") -> Principal:
    """Who a credential is, as things stand: an agent's, with ``beside`` its developer's own.

    Raises Unauthenticated when it opens nothing, or the two do not belong together; when it opens
    nothing for now, PartnerSuspended, AgentSuspended or AncestorSuspended.
    """
    credential = known.get(CREDENTIAL, lookup)
    if credential is None:
        raise Unauthenticated
    if credential.auditor_id is not None and not credential.partner_id:
        return auditing(credential.auditor_id, _shown(credential, lookup, known))
    partner, agent_id = known.get(PARTNER, credential.partner_id), credential.agent_id
    line = () if agent_id is None else line_of(agent_id, credential.path, known)
    if partner is None:
        raise Unauthenticated
    if partner.status == "SUSPENDED":
        raise PartnerSuspended
    principal = _shown(credential, lookup, known)
    if credential.auditor_id is not None:
        return auditing(credential.auditor_id, principal)
    if credential.member_id is not None:
        return taking_part(principal, credential.member_id, known)
    if partner.public:
        principal = msgspec.structs.replace(principal, permissions=PUBLIC_PERMISSIONS)
    if not line:
        return principal
    principal = acting(principal, line)
    return at_market(principal, listed(line[-1][0], beside, known), beside) if beside else principal


def _shown(credential: Credential, lookup: str, known: Known) -> Principal:
    """Who showed a credential, if it is a partner's own."""
    partner_id = credential.partner_id
    return Principal(
        id=f"partner:{partner_id}",
        tenant=tenant_of(credential.environment, partner_id) if partner_id else "",
        partner_id=partner_id,
        environment=credential.environment,
        key_id=credential.key_id,
        lookup=lookup,
        permissions=PARTNER_PERMISSIONS,
        authority=known.authority,
    )


def auditing(auditor_id: str, principal: Principal) -> Principal:
    """The principal that an auditor is: of the partner's tenant, or of none and so of all."""
    return msgspec.structs.replace(
        principal, id=f"auditor:{auditor_id}", permissions=AUDITOR_PERMISSIONS
    )


def taking_part(principal: Principal, member_id: str, known: Known) -> Principal:
    """The principal that a member of a partner's marketplace is. Raises Unauthenticated."""
    member = known.get(MEMBER, member_id)
    if member is None:
        raise Unauthenticated
    held = frozenset[Permission]().union(*(MEMBER_PERMISSIONS[role] for role in member.roles))
    return msgspec.structs.replace(
        principal,
        id=f"member:{member_id}",
        permissions=held,
        member=ActingMember(member_id=member_id, roles=member.roles),
    )


def listed(agent_id: str, beside: str, known: Known) -> Listing:
    """What an agent offers. Raises Unauthenticated unless a uid is that of its member."""
    credential = known.get(CREDENTIAL, beside)
    if credential is None or credential.member_id is None:
        raise Unauthenticated
    return owned(agent_id, credential.member_id, known)


def at_market(principal: Principal, listing: Listing, beside: str) -> Principal:
    """An agent that shows its member's uid beside its own."""
    assert principal.agent is not None
    is_checked = listing.output_schema is not None
    agent = msgspec.structs.replace(principal.agent, output_is_checked=is_checked)
    return msgspec.structs.replace(principal, agent=agent, beside=beside)


def acting(principal: Principal, line: Line) -> Principal:
    """The principal that an agent of a partner is, within what the partner's own key may do.

    Raises Unauthenticated, AgentSuspended, AncestorSuspended.
    """
    must_be_in_force(line)
    (agent_id, agent), rights = line[-1], rights_in_force(line)
    allowed = rights.allowed_event_types
    return msgspec.structs.replace(
        principal,
        id=f"agent:{agent_id}",
        # When an agent was last active outlives its key.
        key_id=agent_id,
        permissions=rights.permissions & principal.permissions,
        agent=ActingAgent(
            agent_id=agent_id,
            guardrails=GUARDRAILS[agent.type],
            require_idempotency=agent.require_idempotency,
            allowed_event_types=None if allowed is None else frozenset(allowed),
            rates=tuple(
                (one, rate)
                for one, each in line
                if (rate := each.rights.rate_limit_per_minute) is not None
            ),
        ),
    )


class Identify(msgspec.Struct, frozen=True):
    """The question who a credential is, with the one that was shown beside it."""

    lookup: str
    beside: str = ""
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        own = (CREDENTIAL.name, self.lookup)
        return (own, (CREDENTIAL.name, self.beside)) if self.beside else (own,)

    def decide(self, known: Known, now: Instant) -> Outcome[Principal]:
        return Outcome(identify(self.lookup, known, self.beside))


OPERATOR = Principal(
    id="operator",
    tenant="",
    partner_id="",
    environment="sandbox",
    key_id="",
    lookup="",
    permissions=OPERATOR_PERMISSIONS,
    authority=0,
)
"""Whoever sits at the server's own command line, or shows its operator's key. Of no tenant."""

NOBODY = msgspec.structs.replace(OPERATOR, id="nobody", permissions=frozenset())
"""Whoever asks without a credential, where none is wanted."""
