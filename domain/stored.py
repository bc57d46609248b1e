"""Every module whose events the log holds: whoever decodes entries imports it, to know them all."""

from domain import action, claim, entity, link, partner, policy

MODULES = (action, claim, entity, link, partner, policy)
