"""A member: somebody who takes part in a tenant's marketplace. Stream ``member-{id}``.

The platform's partner makes members. A member's uid is their credential: the log holds its keyed
hash, as of any key.
"""

from typing import get_args

import msgspec

from domain.command import Change, Outcome
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Key, Known
from domain.money import Money
from domain.partner import IssuedKey
from domain.refusals import InvalidValue, NotFound
from domain.rights import Role

CATEGORY = "member"


# Events


@stored("member.made.v1")
class MemberMade(Event, frozen=True, kw_only=True):
    """Somebody takes part from now on."""

    roles: tuple[Role, ...]
    uid: IssuedKey


@stored("member.uid_rotated.v1")
class UidRotated(Event, frozen=True, kw_only=True):
    """Another uid is the member's; the one before opens nothing any more."""

    changes_authority = True

    uid: IssuedKey
    replaced: IssuedKey


@stored("member.spend_cap_set.v1")
class SpendCapSet(Event, frozen=True, kw_only=True):
    """The member spends at most so much in a currency, all told; None is no bound."""

    currency: str
    cap_minor: int | None


# State


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member as they stand. ``spend_caps`` are in minor units by currency."""

    tenant: str
    roles: tuple[Role, ...]
    uid: IssuedKey
    made_at: Instant
    spend_caps: dict[str, int] = {}


def evolve(member: Member | None, entry: Entry) -> Member | None:
    """The member after one more entry of their stream."""
    match entry.data:
        case MemberMade(roles=roles, uid=uid):
            return Member(
                tenant=entry.tenant or "", roles=roles, uid=uid, made_at=entry.recorded_at
            )
        case UidRotated(uid=uid) if member is not None:
            return msgspec.structs.replace(member, uid=uid)
        case SpendCapSet(currency=currency, cap_minor=cap_minor) if member is not None:
            others = {code: cap for code, cap in member.spend_caps.items() if code != currency}
            own = {} if cap_minor is None else {currency: cap_minor}
            return msgspec.structs.replace(member, spend_caps=others | own)
    return member


MEMBER = Fold(
    name="member",
    state=Member,
    events=(MemberMade, UidRotated, SpendCapSet),
    evolve=evolve,
    category=CATEGORY,
)


# Commands


class ShownMember(msgspec.Struct, frozen=True):
    """The reply: a member as they now stand."""

    member_id: str
    member: Member


class MakeMember(msgspec.Struct, frozen=True, kw_only=True):
    """Let somebody take part, in one role or several. The member takes the command's ``id``.

    Raises InvalidValue.
    """

    id: str
    tenant: str
    roles: tuple[Role, ...]
    uid: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ()

    def decide(self, known: Known, now: Instant) -> Outcome[ShownMember]:
        roles = tuple(role for role in get_args(Role) if role in self.roles)
        if not roles:
            raise InvalidValue(field="roles", reason="must name at least one role")
        member = Member(tenant=self.tenant, roles=roles, uid=self.uid, made_at=now)
        made = MemberMade(roles=roles, uid=self.uid)
        return Outcome(
            ShownMember(self.id, member), (Change(f"{CATEGORY}-{self.id}", made, begins=True),)
        )


class RotateUid(msgspec.Struct, frozen=True, kw_only=True):
    """Give a member another uid; the one before is dead at once. Raises NotFound."""

    id: str
    tenant: str
    member_id: str
    uid: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((MEMBER.name, self.member_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownMember]:
        member = member_of(self.member_id, self.tenant, known)
        return Outcome(
            ShownMember(self.member_id, msgspec.structs.replace(member, uid=self.uid)),
            (
                Change(
                    f"{CATEGORY}-{self.member_id}",
                    UidRotated(uid=self.uid, replaced=member.uid),
                ),
            ),
        )


class SetSpendCap(msgspec.Struct, frozen=True, kw_only=True):
    """Bound what a client spends in a currency, all told: held, approved and invoiced.

    ``cap`` of None lifts the bound. Raises NotFound.
    """

    id: str
    tenant: str
    member_id: str
    currency: str
    cap: Money | None

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((MEMBER.name, self.member_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        member_of(self.member_id, self.tenant, known)
        cap_minor = None if self.cap is None else self.cap.minor
        capped = SpendCapSet(currency=self.currency, cap_minor=cap_minor)
        return Outcome(None, (Change(f"{CATEGORY}-{self.member_id}", capped),))


def member_of(member_id: str, tenant: str, known: Known) -> Member:
    """A tenant's member. Raises NotFound for another's, too."""
    member = known.get(MEMBER, member_id)
    if member is None or member.tenant != tenant:
        raise NotFound
    return member
