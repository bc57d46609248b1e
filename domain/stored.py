"""Every module whose events the log holds: whoever decodes entries imports it, to know them all."""

from domain import (
    action,
    agent,
    auditor,
    claim,
    entity,
    job,
    ledger,
    link,
    listing,
    member,
    partner,
    policy,
    spawning,
    webhook,
)

MODULES = (
    action,
    agent,
    auditor,
    claim,
    entity,
    job,
    ledger,
    link,
    listing,
    member,
    partner,
    policy,
    spawning,
    webhook,
)
