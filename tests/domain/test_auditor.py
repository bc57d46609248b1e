"""Auditors: who may read the log, and what else they may not."""

from typing import get_args

import msgspec
import pytest

from domain.auditor import AUDITOR, Auditor
from domain.principal import identify
from domain.refusals import (
    AuditorRevoked,
    Forbidden,
    InvalidName,
    NotFound,
    PartnerSuspended,
    Unauthenticated,
)
from domain.rights import PRESETS, PUBLIC_PERMISSIONS, Permission
from tests.builders import (
    NOW,
    TENANT,
    History,
    a_reactivation,
    a_suspension,
    an_approval,
    an_auditor,
    an_auditors_end,
    an_auditors_rotation,
    an_issued_key,
)

ANN = "ann-s-id"
KEY, ANOTHER_KEY = an_issued_key("a key"), an_issued_key("another key")
OF_ALL = an_auditor(ANN, key=KEY)
OF_ACME = an_auditor(ANN, tenant=TENANT, key=KEY)


def ann_in(history: History) -> Auditor:
    auditor: Auditor = history.rows[AUDITOR.name, ANN].state
    return auditor


def test_an_auditor_is_of_a_tenant_or_of_none() -> None:
    assert ann_in(History(OF_ALL)) == Auditor(name="Ann", tenant=None, created_at=NOW, key=KEY)
    assert ann_in(History(an_approval(), OF_ACME)).tenant == TENANT


def test_an_auditor_of_no_tenant_is_a_principal_of_none() -> None:
    who = identify(KEY.lookup, History(OF_ALL).known())

    assert (who.id, who.tenant, who.partner_id, who.key_id) == (
        f"auditor:{ANN}",
        "",
        "",
        KEY.key_id,
    )


def test_an_auditor_of_a_tenant_is_a_principal_of_it() -> None:
    who = identify(KEY.lookup, History(an_approval(), OF_ACME).known())

    assert (who.id, who.tenant, who.partner_id) == (f"auditor:{ANN}", TENANT, "acme")


@pytest.mark.parametrize("permission", sorted({*get_args(Permission)} - {"log:read"}))
@pytest.mark.parametrize("auditor", [OF_ALL, OF_ACME], ids=["of all", "of a tenant"])
def test_an_auditor_reads_the_log_and_does_nothing_else(
    auditor: object, permission: Permission
) -> None:
    who = identify(KEY.lookup, History(an_approval(), auditor).known())  # type: ignore[arg-type]

    who.must("log:read")
    with pytest.raises(Forbidden):
        who.must(permission)


def test_of_agents_only_those_with_the_preset_admin_read_the_log() -> None:
    assert {name for name, held in PRESETS.items() if "log:read" in held} == {"admin"}


def test_nobody_reads_the_log_with_the_public_key() -> None:
    assert "log:read" not in PUBLIC_PERMISSIONS


def test_an_auditor_of_a_suspended_partner_reads_nothing_until_it_is_reactivated() -> None:
    history = History(an_approval(), OF_ACME, a_suspension("acme"))

    with pytest.raises(PartnerSuspended):
        identify(KEY.lookup, history.known())

    history.do(a_reactivation("acme"))
    identify(KEY.lookup, history.known())


def test_of_two_keys_of_an_auditor_only_the_newer_opens() -> None:
    history = History(OF_ALL, an_auditors_rotation(ANN, ANOTHER_KEY))

    assert identify(ANOTHER_KEY.lookup, history.known()).id == f"auditor:{ANN}"
    with pytest.raises(Unauthenticated):
        identify(KEY.lookup, history.known())


def test_the_key_of_a_revoked_auditor_opens_nothing() -> None:
    history = History(OF_ALL, an_auditors_end(ANN))

    assert ann_in(history).key is None
    with pytest.raises(Unauthenticated):
        identify(KEY.lookup, history.known())


@pytest.mark.parametrize(
    "command", [an_auditors_end(ANN), an_auditors_rotation(ANN, ANOTHER_KEY)], ids=["end", "rotate"]
)
def test_a_revoked_auditor_stays_so(command: object) -> None:
    history = History(OF_ALL, an_auditors_end(ANN))

    with pytest.raises(AuditorRevoked):
        history.do(command)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "command", [an_auditors_end(ANN), an_auditors_rotation(ANN, ANOTHER_KEY)], ids=["end", "rotate"]
)
def test_nobody_else_is_rotated_or_ended(command: object) -> None:
    with pytest.raises(NotFound):
        History().do(command)  # type: ignore[arg-type]


@pytest.mark.parametrize("tenant", ["sandbox/nobody", "production/acme"])
def test_there_is_no_auditor_of_a_tenant_that_is_not_there(tenant: str) -> None:
    with pytest.raises(NotFound):
        History(an_approval()).do(msgspec.structs.replace(OF_ACME, tenant=tenant))


def test_an_auditor_has_a_name() -> None:
    with pytest.raises(InvalidName):
        History().do(an_auditor(name=" "))
