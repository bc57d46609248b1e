"""The route class of the M.A.P. family, and the uids that its callers show."""

from collections.abc import Sequence
from typing import Any

from fastapi import Security

from domain.api_keys import is_uid
from domain.principal import Principal
from domain.refusals import InvalidValue, UnknownUid
from domain.rights import Permission
from interfaces.api.call import Call
from interfaces.api.credentials import Credential
from interfaces.api.errors import MAP
from interfaces.api.map.wire import as_it_was_spelled
from interfaces.api.openapi import Refusals
from interfaces.api.route import LeanRoute

MAP_PREFIXES = ("/api/ailancer", "/ailancer")


class MapRoute(LeanRoute):
    """A route of the M.A.P. family."""

    family = MAP
    served_under = MAP_PREFIXES
    prefix = MAP_PREFIXES[0]
    spelled = staticmethod(as_it_was_spelled)

    def _refuses(self, settings: dict[str, Any]) -> Refusals:
        """What any of its routes does that takes values: those that are against a rule."""
        takes_values = self.body_model is not None or self.query_model is not None
        return (*super()._refuses(settings), *((InvalidValue,) if takes_values else ()))


async def by_user_uid(call: Call) -> Principal:
    """Which member shows a uid. Raises UnknownUid and whatever else stops them."""
    principal = await call.services.access.authenticate(_shown(call, b"useruid"))
    if principal.member is None:
        raise UnknownUid
    return principal


async def by_both_uids(call: Call) -> Principal:
    """Which agent shows a uid beside its developer's. Raises as ``by_user_uid`` does."""
    user_uid, agent_uid = _shown(call, b"useruid"), _shown(call, b"agentuid")
    principal = await call.services.access.authenticate(agent_uid, beside=user_uid)
    if principal.agent is None:
        raise UnknownUid
    return principal


def _shown(call: Call, header: bytes) -> str:
    uid = call.sent.get(header, b"").decode("latin-1")
    if not is_uid(uid):
        raise UnknownUid
    return uid


USER_UID = Credential(
    "userUid",
    "UserUid",
    "A member's uid, handed out once when the platform makes the member.",
    identify=by_user_uid,
    unknown=UnknownUid,
)
AGENT_UID = Credential(
    "agentUid",
    "AgentUid",
    "An agent's uid, handed out once when its developer lists it; sent with the developer's own.",
    identify=by_both_uids,
    unknown=UnknownUid,
)


def member(permission: Permission) -> Sequence[Any]:
    """Declare that a route wants a member, and a permission that they have."""
    return [Security(USER_UID, scopes=[permission])]


def agent() -> Sequence[Any]:
    """Declare that a route wants an agent at work."""
    return [Security(AGENT_UID, scopes=["jobs:work"])]


def member_or_agent(permission: Permission) -> Sequence[Any]:
    """Declare that a route wants a member with a permission, or an agent at work."""
    return [*member(permission), *agent()]


def member_id(call: Call) -> str:
    """The id of the member that calls. Raises UnknownUid when it is none."""
    if call.principal.member is None:
        raise UnknownUid
    return call.principal.member.member_id


def agent_id(call: Call) -> str:
    """The id of the agent that calls. Raises UnknownUid when it is none."""
    if call.principal.agent is None:
        raise UnknownUid
    return call.principal.agent.agent_id
