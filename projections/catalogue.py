"""Which folds run inline with the write: all that a reply depends on."""

from domain import (
    action,
    agent,
    auditor,
    claim,
    credential,
    entity,
    genealogy,
    link,
    partner,
    spawning,
)
from domain.fold import AnyFold

INLINE: tuple[AnyFold, ...] = (
    entity.ENTITY,
    claim.CLAIM,
    claim.CLAIMS_OF_ENTITY,
    link.OFFER,
    link.LINK_STREAM,
    link.GROUP,
    link.MEMBERSHIP,
    action.OWN_ACTIONS,
    partner.PARTNER,
    partner.SLUG,
    agent.AGENT,
    genealogy.GENEALOGY,
    genealogy.OFFSPRING,
    spawning.SPAWN_POLICY,
    auditor.AUDITOR,
    credential.CREDENTIAL,
)

VERSIONS: dict[str, AnyFold] = {
    entity.CATEGORY: entity.ENTITY,
    claim.CATEGORY: claim.CLAIM,
    link.LINK: link.LINK_STREAM,
    link.GROUP_CATEGORY: link.GROUP,
    action.CATEGORY: action.OWN_ACTIONS,
    partner.CATEGORY: partner.PARTNER,
    agent.CATEGORY: agent.AGENT,
    auditor.CATEGORY: auditor.AUDITOR,
    spawning.CATEGORY: spawning.SPAWN_POLICY,
}
"""The fold whose rows count the entries of a stream, by the stream's category. A category that is
not here has streams of one entry."""
