"""Credentials: in which header whoever calls shows who they are, and how they are known by it."""

from collections.abc import Awaitable, Callable

from fastapi.security import APIKeyHeader

from domain.api_keys import is_uid
from domain.principal import Principal
from domain.refusals import Unauthenticated
from interfaces.api.call import Call


class Credential(APIKeyHeader):
    """A secret in a header, as the document describes it.

    ``identify`` finds who shows it; ``unknown`` refuses whoever shows none that opens anything.
    """

    def __init__(
        self,
        header: str,
        name: str,
        description: str,
        *,
        identify: Callable[[Call], Awaitable[Principal]],
        unknown: type[Unauthenticated] = Unauthenticated,
    ) -> None:
        super().__init__(name=header, scheme_name=name, description=description, auto_error=False)
        self.identify, self.unknown = identify, unknown
        self._header = header.lower().encode()

    def is_shown(self, call: Call) -> bool:
        """Whether a request has the header."""
        return self._header in call.sent


async def by_api_key(call: Call) -> Principal:
    """Who shows an API key. Raises Unauthenticated and whatever else stops them."""
    key = call.sent.get(b"x-api-key", b"").decode("latin-1")
    # A uid is no key, whatever it opens elsewhere.
    if not key or is_uid(key):
        raise Unauthenticated
    return await call.services.access.authenticate(key)


API_KEY = Credential(
    "x-api-key",
    "ApiKey",
    "Handed out once when the partner is approved, or with POST /v1/partners/keys.",
    identify=by_api_key,
)
