"""Who is a partner, and which keys does it hold?"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.command import Outcome
from domain.instants import Instant
from domain.known import Key, Known
from domain.partner import PARTNER, Partner
from domain.ports import Fetch
from domain.refusals import NotFound

STATEMENT = Path(__file__).with_name("key_use.sql").read_bytes()


class AskPartner(msgspec.Struct, frozen=True):
    """The question for a partner by id. Raises NotFound."""

    partner_id: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((PARTNER.name, self.partner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Partner]:
        partner = known.get(PARTNER, self.partner_id)
        if partner is None:
            raise NotFound
        return Outcome(partner)


async def keys_in_use(fetch: Fetch, key_ids: Sequence[str]) -> dict[str, Instant]:
    """When each of some keys was last used, of those that were."""
    return dict(await fetch(STATEMENT, {"key_ids": list(key_ids)}))
