"""Refusals meet HTTP: one table of statuses, one rendering for each family of errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from domain import refusals
from domain.refusals import Refusal

STATUSES: dict[type[Refusal], int] = {
    refusals.Invalid: 400,
    refusals.Unauthenticated: 401,
    refusals.Forbidden: 403,
    refusals.NotFound: 404,
    refusals.MethodNotAllowed: 405,
    refusals.RequestTimeout: 408,
    refusals.Conflict: 409,
    refusals.PayloadTooLarge: 413,
    refusals.UnsupportedMediaType: 415,
    refusals.IdempotencyKeyReused: 422,
    refusals.Unprocessable: 422,
    refusals.RateLimited: 429,
    refusals.InternalError: 500,
    refusals.Unavailable: 503,
}
"""The status of each refusal, by its own class or the nearest above it."""

RETRY_AFTER_SECONDS: dict[type[Refusal], int] = {
    refusals.IdempotencyInProgress: 1,
    refusals.Unavailable: 1,
}


TYPES: dict[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found",
    405: "not_found",
    409: "conflict",
    429: "rate_limited",
    500: "server_error",
    503: "server_error",
}
"""What the M.A.P. family calls a status; any other is a ``validation_error``."""


@dataclass(frozen=True, eq=False)
class Family:
    """How a part of the API says no: the statuses in which it differs from the table, and its
    bodies, made of a refusal and of the address of the server that gives it.
    """

    name: str
    differing: Mapping[type[Refusal], int]
    body: Callable[[Refusal, str], bytes]


def mir_body(refusal: Refusal, server: str = "") -> bytes:
    """A refusal in the MIR family's words."""
    body = {"error": str(refusal), "code": refusal.code}
    if hint := refusal.hint:
        body["hint"] = hint
    return msgspec.json.encode(body)


def map_body(refusal: Refusal, server: str) -> bytes:
    """A refusal in the M.A.P. family's words: it has no place for a hint but the message."""
    kind, message = type_of(type(refusal)), str(refusal)
    if hint := refusal.hint:
        message = f"{message.removesuffix('.')}. {hint}"
    error = {"type": kind, "message": message, "docs": f"{server}/docs/errors#{kind}"}
    if "field" in refusal.facts:
        error["field"] = str(refusal.facts["field"])
    return msgspec.json.encode({"error": error})


MIR = Family("MIR", {}, mir_body)
MAP = Family("MAP", {refusals.InvalidName: 422}, map_body)


def status_of(refusal: type[Refusal], family: Family = MIR) -> int:
    """The HTTP status of a refusal."""
    return next(
        table[one]
        for one in refusal.__mro__
        for table in (family.differing, STATUSES)
        if one in table
    )


def type_of(refusal: type[Refusal]) -> str:
    """What the M.A.P. family calls a refusal's kind."""
    return TYPES.get(status_of(refusal, MAP), "validation_error")


def headers_of(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers that only a refusal's reply has: where its code is explained, how to show who
    one is, when to retry.
    """
    headers = [(b"link", f'</docs/errors#{refusal.code.lower()}>; rel="help"'.encode())]
    if isinstance(refusal, refusals.UnknownUid):
        headers.append((b"www-authenticate", b'Uid headers="userUid, agentUid"'))
    elif isinstance(refusal, refusals.Unauthenticated):
        headers.append((b"www-authenticate", b'ApiKey header="x-api-key"'))
    seconds = refusal.facts.get("seconds", RETRY_AFTER_SECONDS.get(type(refusal)))
    if seconds is not None:
        headers.append((b"retry-after", str(seconds).encode()))
    return headers


def every_refusal(root: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Every refusal with a code, in the order of the catalogue."""
    found = [root] if "code" in vars(root) else []
    for child in root.__subclasses__():
        found += every_refusal(child)
    return found
