"""Members: who takes part in a marketplace, under which uid, and how much they may spend."""

from typing import get_args

import pytest

from domain.api_keys import format_uid, is_uid, is_whole
from domain.credential import CREDENTIAL
from domain.member import MEMBER
from domain.principal import ActingMember, identify
from domain.refusals import InvalidValue, NotFound, Unauthenticated
from domain.rights import MEMBER_PERMISSIONS, PARTNER_PERMISSIONS, Role
from tests.builders import History, a_suspension, an_approval, an_issued_key
from tests.marketplace import CLIENT, a_member, a_spend_cap, a_uid_rotation

FIRST = an_issued_key(f"first uid of {CLIENT}")
SECOND = an_issued_key("another uid")


def taking_part(*roles: Role) -> History:
    return History(an_approval(), a_member(CLIENT, *roles))


def test_a_member_has_the_commands_id_and_their_roles_once_each_in_one_order() -> None:
    reply = History().do(a_member(CLIENT, "supervisor", "client", "client"))

    assert (reply.member_id, reply.member.roles) == (CLIENT, ("client", "supervisor"))


def test_a_member_without_a_role_is_refused() -> None:
    with pytest.raises(InvalidValue):
        History().do(a_member(CLIENT))


@pytest.mark.parametrize("role", get_args(Role))
def test_a_uid_opens_what_the_role_may_do_and_nothing_of_the_partners(role: Role) -> None:
    principal = identify(FIRST.lookup, taking_part(role).known())

    assert principal.id == f"member:{CLIENT}"
    assert principal.member == ActingMember(member_id=CLIENT, roles=(role,))
    assert principal.permissions == MEMBER_PERMISSIONS[role]
    assert not principal.permissions & PARTNER_PERMISSIONS


def test_whoever_has_several_roles_may_do_all_of_theirs() -> None:
    principal = identify(FIRST.lookup, taking_part("client", "supervisor").known())

    assert principal.permissions == MEMBER_PERMISSIONS["client"] | MEMBER_PERMISSIONS["supervisor"]


def test_a_rotated_uid_is_dead_and_the_new_one_opens_the_same() -> None:
    history = taking_part("client")
    before = identify(FIRST.lookup, history.known())

    history.do(a_uid_rotation(CLIENT, SECOND))

    known = history.known()
    assert known.get(CREDENTIAL, FIRST.lookup) is None
    assert identify(SECOND.lookup, known).member == before.member


def test_a_rotation_changes_authority_so_that_every_worker_looks_again() -> None:
    (change,) = taking_part("client").decide(a_uid_rotation(CLIENT, SECOND)).changes

    assert change.event.changes_authority


def test_the_members_of_a_suspended_partner_are_stopped_with_it() -> None:
    history = taking_part("client")
    history.do(a_suspension())

    with pytest.raises(Exception, match="suspended"):
        identify(FIRST.lookup, history.known())


def test_another_tenants_member_is_not_found() -> None:
    history = taking_part("client")

    with pytest.raises(NotFound):
        history.do(a_uid_rotation(CLIENT, SECOND, tenant="sandbox/bolt"))


def test_a_uid_that_nobody_has_opens_nothing() -> None:
    with pytest.raises(Unauthenticated):
        identify(SECOND.lookup, taking_part("client").known())


def test_a_spend_cap_is_one_a_currency_and_can_be_lifted() -> None:
    history = taking_part("client")

    history.do(a_spend_cap(500))
    history.do(a_spend_cap(700, currency="JPY"))
    history.do(a_spend_cap(600))
    history.do(a_spend_cap(None, currency="JPY"))

    member = history.known().get(MEMBER, CLIENT)
    assert member is not None
    assert member.spend_caps == {"USD": 600}


def test_a_uid_is_64_lower_case_hexadecimal_digits() -> None:
    uid = format_uid(bytes(range(32)))

    assert (len(uid), is_uid(uid), is_whole(uid)) == (64, True, True)
    assert not is_uid(uid.upper())
    assert not is_whole(uid[:-1])
    assert not is_whole(uid + "0")
