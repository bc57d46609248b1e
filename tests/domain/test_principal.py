"""Principals: who a credential says is asking."""

import pytest

from domain.known import Known
from domain.principal import OPERATOR, Identify, Principal, identify
from domain.refusals import Forbidden, Unauthenticated
from tests.builders import (
    History,
    a_key_added,
    a_key_deleted,
    a_principal,
    an_approval,
    an_issued_key,
)


def test_a_living_key_is_its_partner_in_its_environment() -> None:
    key = an_issued_key()
    history = History(an_approval("acme", environment="production", key=key))

    who = identify(key.lookup, history.known())

    assert (who.id, who.tenant, who.key_id) == (
        "partner:acme",
        "production/acme",
        key.key_id,
    )


def test_an_unknown_key_is_nobody() -> None:
    history = History(an_approval("acme"))

    with pytest.raises(Unauthenticated):
        history.do(Identify(an_issued_key("never issued").lookup))


def test_a_deleted_key_is_nobody() -> None:
    first, second = an_issued_key("first"), an_issued_key("second")
    history = History(an_approval(key=first), a_key_added(second), a_key_deleted(first))

    with pytest.raises(Unauthenticated):
        history.do(Identify(first.lookup))


def test_a_key_among_several_still_opens_when_another_is_deleted() -> None:
    first, second = an_issued_key("first"), an_issued_key("second")
    history = History(an_approval(key=first), a_key_added(second), a_key_deleted(first))

    who: Principal = history.do(Identify(second.lookup))

    assert who.key_id == second.key_id


def test_a_principal_carries_the_authority_it_was_identified_at() -> None:
    key = an_issued_key()
    rows = History(an_approval(key=key)).rows

    assert identify(key.lookup, Known(9, authority=5, rows=rows)).authority == 5


def test_identifying_on_what_is_not_loaded_says_what_is_missing() -> None:
    known = Known(0)

    with pytest.raises(Unauthenticated):
        identify("a lookup", known)
    assert known.missing == {("credential_v1", "a lookup")}


def test_a_permission_that_is_held_lets_pass() -> None:
    a_principal(permissions=frozenset({"events:read"})).must("events:read")


def test_a_route_that_wants_no_permission_lets_everybody_pass() -> None:
    a_principal(permissions=frozenset()).must(None)


def test_a_permission_that_is_not_held_is_named() -> None:
    with pytest.raises(Forbidden, match="events:write"):
        a_principal(permissions=frozenset({"events:read"})).must("events:write")


def test_the_operator_belongs_to_no_tenant_and_shows_no_credential() -> None:
    assert (OPERATOR.tenant, OPERATOR.lookup) == ("", "")
