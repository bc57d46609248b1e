"""Refusals meet HTTP: one table of statuses, one rendering for each family of errors."""

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
    refusals.RateLimited: 429,
    refusals.InternalError: 500,
    refusals.Unavailable: 503,
}
"""The status of each refusal, by its own class or the nearest above it."""

RETRY_AFTER_SECONDS: dict[type[Refusal], int] = {
    refusals.IdempotencyInProgress: 1,
    refusals.Unavailable: 1,
}


def status_of(refusal: type[Refusal]) -> int:
    """The HTTP status of a refusal."""
    return next(STATUSES[family] for family in refusal.__mro__ if family in STATUSES)


def headers_of(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers that only a refusal's reply has: where its code is explained, how to show who
    one is, when to retry.
    """
    headers = [(b"link", f'</docs/errors#{refusal.code.lower()}>; rel="help"'.encode())]
    if isinstance(refusal, refusals.Unauthenticated):
        headers.append((b"www-authenticate", b'ApiKey header="x-api-key"'))
    seconds = refusal.facts.get("seconds", RETRY_AFTER_SECONDS.get(type(refusal)))
    if seconds is not None:
        headers.append((b"retry-after", str(seconds).encode()))
    return headers


def mir_body(refusal: Refusal) -> bytes:
    """A refusal in the MIR family's words."""
    body = {"error": str(refusal), "code": refusal.code}
    if hint := refusal.hint:
        body["hint"] = hint
    return msgspec.json.encode(body)


def every_refusal(root: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Every refusal with a code, in the order of the catalogue."""
    found = [root] if "code" in vars(root) else []
    for child in root.__subclasses__():
        found += every_refusal(child)
    return found
