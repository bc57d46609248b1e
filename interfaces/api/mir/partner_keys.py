"""Partners' keys: yours, in the environment that the one you show opens."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from application.ids import new_id
from domain.partner import HeldKey, Partner
from domain.partner_keys import AddKey, DeleteKey
from domain.refusals import LastKey, NotFound, TooManyKeys
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Id, Moment
from projections.partners import AskPartner, keys_in_use

router = APIRouter(route_class=LeanRoute, tags=["Partners"])


class NewKeyOut(TypedDict):
    """A new key. ``apiKey`` is shown this once; a replay has null in its place."""

    keyId: Id
    apiKey: str | None
    prefix: str
    madeAt: Moment


def new_key_out(held: HeldKey) -> NewKeyOut:
    """What is shown of a new key, and kept."""
    return {
        "keyId": held.key.key_id,
        "apiKey": None,
        "prefix": held.key.prefix,
        "madeAt": held.made_at,
    }


class KeyOut(TypedDict):
    """A living key, without the key."""

    keyId: Id
    prefix: str
    madeAt: Moment
    lastUsedAt: Moment | None


class KeysOut(TypedDict):
    """The living keys of a tenant, oldest first."""

    data: list[KeyOut]


class DeletedKeyOut(TypedDict):
    """A key that opens nothing any more."""

    keyId: Id
    deletedAt: Moment


@router.get(
    "/partners/keys",
    response_model=KeysOut,
    dependencies=[needs("partner:admin")],
    openapi_extra=READ,
    summary="List keys",
)
async def get_keys(call: Call) -> Answered:
    """The keys that open this tenant, with when each was last used, a few seconds behind."""
    found: Partner = (await call.ask(AskPartner(call.principal.partner_id))).value
    held = found.keys_of(call.principal.environment)
    used = await keys_in_use(call.fetch, [one.key.key_id for one in held])
    return call.show(
        KeysOut(
            data=[
                KeyOut(
                    keyId=one.key.key_id,
                    prefix=one.key.prefix,
                    madeAt=one.made_at,
                    lastUsedAt=used.get(one.key.key_id),
                )
                for one in held
            ]
        )
    )


@router.post(
    "/partners/keys",
    status_code=201,
    response_model=NewKeyOut,
    dependencies=[needs("partner:admin")],
    openapi_extra=IDEMPOTENT,
    summary="Make a key",
)
@refuses(TooManyKeys)
async def post_key(call: Call) -> Answered:
    """One more key for this tenant, so that a lost one locks nobody out."""
    key, issued = call.services.new_key(call.principal.environment)
    return await call.commit(
        AddKey(
            id=new_id(),
            partner_id=call.principal.partner_id,
            environment=call.principal.environment,
            key=issued,
        ),
        new_key_out,
        status=201,
        repeat=call.repeat(),
        once={"apiKey": key},
    )


@router.delete(
    "/partners/keys/{key_id}",
    response_model=DeletedKeyOut,
    dependencies=[needs("partner:admin")],
    summary="Delete a key",
)
@refuses(NotFound, LastKey)
async def delete_key(call: Call, key_id: Id) -> Answered:
    """Take a key away: dead at once, on every worker."""
    return await call.commit(
        DeleteKey(
            id=new_id(),
            partner_id=call.principal.partner_id,
            environment=call.principal.environment,
            key_id=key_id,
        ),
        lambda deleted_at: DeletedKeyOut(keyId=key_id, deletedAt=deleted_at),
    )
