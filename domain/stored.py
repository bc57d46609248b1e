"""Every module whose events the log holds: whoever decodes entries imports it, to know them all."""

from domain import action, agent, claim, entity, link, partner, policy, spawning

MODULES = (action, agent, claim, entity, link, partner, policy, spawning)
