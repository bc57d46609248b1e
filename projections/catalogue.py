"""Which folds run inline with the write: all that a reply depends on."""

from domain.entity import CATEGORY as ENTITY_CATEGORY
from domain.entity import ENTITY
from domain.fold import AnyFold
from domain.partner import CATEGORY as PARTNER_CATEGORY
from domain.partner import CREDENTIAL, PARTNER, SLUG

INLINE: tuple[AnyFold, ...] = (ENTITY, PARTNER, SLUG, CREDENTIAL)

VERSIONS: dict[str, AnyFold] = {ENTITY_CATEGORY: ENTITY, PARTNER_CATEGORY: PARTNER}
"""The fold whose rows count the entries of a stream, by the stream's category. A category that is
not here has streams of one entry."""
