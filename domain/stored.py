"""Every module whose events the log holds: whoever decodes entries imports it, to know them all."""

from domain import action, agent, auditor, claim, entity, link, partner, policy, spawning

MODULES = (action, agent, auditor, claim, entity, link, partner, policy, spawning)
