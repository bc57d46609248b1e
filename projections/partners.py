"""Who is a partner, and which keys does it hold?"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import psycopg

from domain.command import Outcome
from domain.instants import Instant
from domain.known import Key, Known
from domain.partner import PARTNER, Partner
from domain.ports import Fetch
from domain.refusals import NotFound

STATEMENT = Path(__file__).with_name("key_use.sql").read_bytes()
EVERY = Path(__file__).with_name("every_partner.sql").read_bytes()
OWNER = Path(__file__).with_name("slug_owner.sql").read_bytes()


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


class Listed(msgspec.Struct, frozen=True):
    """A partner in the operator's list, and how it may be reached."""

    partner_id: str
    partner: Partner
    contact: dict[str, str]


def every_partner(url: str) -> list[Listed]:
    """All partners, oldest first, as the database's owner sees them."""
    with psycopg.connect(url) as connection:
        return [
            Listed(partner_id, PARTNER.decode(row), msgspec.json.decode(contact or "{}"))
            for partner_id, row, contact in connection.execute(EVERY)
        ]


def owner_of_slug(url: str, slug: str) -> str | None:
    """The id of the partner whose a slug is, as the database's owner sees it."""
    with psycopg.connect(url) as connection:
        found = connection.execute(OWNER, {"slug": slug}).fetchone()
    return None if found is None else found[0]


async def keys_in_use(fetch: Fetch, key_ids: Sequence[str]) -> dict[str, Instant]:
    """When each of some keys was last used, of those that were."""
    return dict(await fetch(STATEMENT, {"key_ids": list(key_ids)}))
