"""Access: from a credential shown to the principal behind it, at once on every worker.

A principal is remembered with the position of the last change of authority seen when it was
identified. Every batch and every read tells the newest such position; whoever was identified
before it is identified again before anything is answered.
"""

from collections.abc import Awaitable, Callable

from application.hashes import Hashes
from application.log.submission import Reply, Submission
from domain.api_keys import is_whole
from domain.principal import OPERATOR, Identify, Principal
from domain.refusals import Unauthenticated

REMEMBERED_AT_MOST = 10_000


class Access:
    """Remembers principals by the lookups of what they show; ``operator_key`` is the operator's,
    if there is one.
    """

    def __init__(
        self,
        hashes: Hashes,
        ask: Callable[[Submission], Awaitable[Reply]],
        operator_key: str | None = None,
    ) -> None:
        self._hashes, self._ask = hashes, ask
        self._operator = None if operator_key is None else hashes.api_key(operator_key)
        self._principals: dict[tuple[str, str], Principal] = {}
        self._authority = 0
        self.used: set[str] = set()
        """The keys used here since somebody last took these away to store them."""

    def saw(self, authority: int) -> None:
        """Learn of the newest change of authority."""
        self._authority = max(self._authority, authority)

    async def authenticate(self, key: str, beside: str = "") -> Principal:
        """Who shows this key; an agent's, with its developer's uid ``beside``.

        Raises Unauthenticated, PartnerSuspended, and Unavailable when nobody can tell.
        """
        lookup = self._hashes.api_key(key)
        other = self._hashes.api_key(beside) if beside else ""
        principal = self._principals.get((lookup, other))
        if principal is None or principal.authority < self._authority:
            if lookup == self._operator:
                return OPERATOR
            if not is_whole(key):
                raise Unauthenticated
            principal = await self._identified(lookup, other)
        self.used.add(principal.key_id)
        return principal

    async def confirm(self, principal: Principal, authority: int) -> None:
        """Hold a principal against a change of authority seen since.

        Raises Unauthenticated and PartnerSuspended.
        """
        self.saw(authority)
        if principal.authority < authority:
            await self._identified(principal.lookup, principal.beside)

    async def _identified(self, lookup: str, beside: str) -> Principal:
        self._principals.pop((lookup, beside), None)
        principal: Principal = (await self._ask(Submission(Identify(lookup, beside)))).value
        if len(self._principals) >= REMEMBERED_AT_MOST:
            del self._principals[next(iter(self._principals))]
        self._principals[lookup, beside] = principal
        return principal
