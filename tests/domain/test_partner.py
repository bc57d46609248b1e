"""A partner: how it is let in, and the keys that open its tenants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.credential import CREDENTIAL, Credential
from domain.partner import (
    PARTNER,
    SLUG,
    HeldKey,
    IssuedKey,
    KeyAdded,
    KeyDeleted,
    Partner,
    SlugOwner,
    slug_from,
    tenant_of,
)
from domain.partner_keys import KEYS_AT_MOST
from domain.refusals import InvalidName, LastKey, NotFound, SlugTaken, TooManyKeys
from tests.builders import (
    NOW,
    History,
    a_key_added,
    a_key_deleted,
    a_participation,
    a_promotion,
    a_registration,
    an_approval,
    an_issued_key,
    days_ago,
)

FIRST, SECOND = an_issued_key("first"), an_issued_key("second")


def partner_of(history: History, partner_id: str = "acme") -> Partner:
    partner = history.known().get(PARTNER, partner_id)
    assert partner is not None
    return partner


def key_ids(history: History) -> list[str]:
    return [held.key.key_id for held in partner_of(history).keys]


# Approval


def test_an_approved_partner_has_its_environment_and_a_first_key() -> None:
    history = History(an_approval("acme", name="Acme & Co.", slug="acme-co", key=FIRST))

    assert partner_of(history) == Partner(
        name="Acme & Co.",
        slug="acme-co",
        environments=("sandbox",),
        keys=(HeldKey(environment="sandbox", key=FIRST, made_at=NOW),),
        approved_at=NOW,
    )


def test_an_approval_says_what_was_approved() -> None:
    reply = History().do(an_approval("acme", slug="acme-co", environment="production"))

    assert (reply.partner_id, reply.slug, reply.environment) == ("acme", "acme-co", "production")


def test_an_approval_belongs_to_the_tenant_that_it_makes() -> None:
    outcome = History().decide(an_approval("acme", environment="production"))

    assert [change.tenant for change in outcome.changes] == ["production/acme"] * 2
    assert [change.begins for change in outcome.changes] == [True, False]


def test_a_slug_that_another_partner_has_is_refused() -> None:
    history = History(an_approval("acme", slug="the-name"))

    with pytest.raises(SlugTaken, match="the-name"):
        history.do(an_approval("bolt", slug="the-name"))


def test_a_slug_stays_with_the_first_who_took_it() -> None:
    history = History(an_approval("acme", slug="the-name"))

    assert history.known().get(SLUG, "the-name") == SlugOwner("acme")


def test_two_partners_may_have_the_same_name() -> None:
    history = History(an_approval("acme", name="Acme"), an_approval("bolt", name="Acme"))

    assert partner_of(history, "acme").name == partner_of(history, "bolt").name


@pytest.mark.parametrize("name", ["", "n" * 201, "two\nlines", "a\x00b", "\u202eright to left"])
def test_a_name_that_is_empty_too_long_or_unprintable_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="name"):
        History().do(an_approval(name=name))


@pytest.mark.parametrize("name", ["A", "n" * 200, "Müller & Söhne", "株式会社"])
def test_any_printable_name_is_taken(name: str) -> None:
    history = History(an_approval(name=name))

    assert partner_of(history).name == name


@pytest.mark.parametrize(
    "slug", ["", "-", "-acme", "acme-", "ac--me", "Acme", "acme co", "acmé", "acme\n", "a" * 64]
)
def test_a_slug_of_another_form_is_refused(slug: str) -> None:
    with pytest.raises(InvalidName, match="slug"):
        History().do(an_approval(slug=slug))


@pytest.mark.parametrize("slug", ["a", "7", "acme", "acme-co", "a-1-b-2", "a" * 63])
def test_a_slug_of_lower_case_letters_digits_and_hyphens_is_taken(slug: str) -> None:
    assert History().do(an_approval(slug=slug)).slug == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("Acme & Co.", "acme-co"),
        ("  Acme  ", "acme"),
        ("ACME 2", "acme-2"),
        ("x" * 62 + " yz", "x" * 62),
    ],
)
def test_a_slug_is_made_of_the_name(name: str, slug: str) -> None:
    assert slug_from(name) == slug


@given(st.text(max_size=80))
def test_a_slug_made_of_any_name_is_taken_or_empty(name: str) -> None:
    slug = slug_from(name)

    assert slug == "" or History().do(an_approval(slug=slug)).slug == slug


# Keys


def test_a_partner_may_hold_several_keys_oldest_first() -> None:
    history = History(an_approval(key=FIRST), a_key_added(SECOND))

    assert key_ids(history) == [FIRST.key_id, SECOND.key_id]


def test_a_new_key_is_answered_as_it_is_held() -> None:
    history = History(an_approval())

    reply = history.do(a_key_added(SECOND), at=days_ago(-1))

    assert reply == HeldKey(environment="sandbox", key=SECOND, made_at=days_ago(-1))
    assert partner_of(history).keys[-1] == reply


def test_a_partner_that_is_not_known_gets_no_key() -> None:
    with pytest.raises(NotFound):
        History(an_approval("acme")).do(a_key_added(SECOND, "bolt"))


def test_a_deleted_key_is_not_held_any_more() -> None:
    history = History(an_approval(key=FIRST), a_key_added(SECOND), a_key_deleted(FIRST))

    assert key_ids(history) == [SECOND.key_id]


def test_a_deletion_says_when_it_was() -> None:
    history = History(an_approval(key=FIRST), a_key_added(SECOND))

    assert history.do(a_key_deleted(FIRST), at=days_ago(-2)) == days_ago(-2)


def test_the_last_key_cannot_be_deleted() -> None:
    with pytest.raises(LastKey):
        History(an_approval(key=FIRST)).do(a_key_deleted(FIRST))


def test_the_last_key_of_each_environment_stays_whatever_the_other_holds() -> None:
    history = History(a_registration(), a_promotion(key=SECOND))
    (first,) = partner_of(history).keys_of("sandbox")

    with pytest.raises(LastKey):
        history.do(a_key_deleted(first.key, environment="sandbox"))
    with pytest.raises(LastKey):
        history.do(a_key_deleted(SECOND, environment="production"))


def test_a_key_is_not_found_in_the_other_environment() -> None:
    history = History(a_registration(), a_promotion())
    (sandbox_key,) = partner_of(history).keys_of("sandbox")

    with pytest.raises(NotFound):
        history.do(a_key_deleted(sandbox_key.key, environment="production"))


def test_a_first_key_of_another_environment_lets_the_partner_into_it() -> None:
    history = History(an_approval(), a_key_added(SECOND, environment="production"))

    assert partner_of(history).environments == ("sandbox", "production")
    assert len(partner_of(history).keys_of("production")) == 1


@pytest.mark.parametrize("partner_id", ["bolt", "nobody"])
def test_a_key_of_another_partner_is_not_found(partner_id: str) -> None:
    history = History(an_approval("acme", key=FIRST), an_approval("bolt", key=SECOND))

    with pytest.raises(NotFound):
        history.do(a_key_deleted(FIRST, partner_id))


def test_a_key_is_not_deleted_twice() -> None:
    history = History(an_approval(key=FIRST), a_key_added(SECOND), a_key_deleted(FIRST))

    with pytest.raises(NotFound):
        history.do(a_key_deleted(FIRST))


def test_a_tenant_holds_twenty_keys_and_no_more() -> None:
    history = History(an_approval())
    for number in range(KEYS_AT_MOST - 1):
        history.do(a_key_added(an_issued_key(f"key {number}")))

    with pytest.raises(TooManyKeys, match="at most 20"):
        history.do(a_key_added(an_issued_key("one too many")))


def test_a_tenant_that_is_full_leaves_room_in_the_other() -> None:
    history = History(a_registration(), a_promotion(key=FIRST))
    for number in range(KEYS_AT_MOST - 1):
        history.do(a_key_added(an_issued_key(f"key {number}")))

    history.do(a_key_added(SECOND, environment="production"))

    assert [held.key for held in partner_of(history).keys_of("production")] == [FIRST, SECOND]


def test_a_deleted_key_leaves_room_for_another() -> None:
    history = History(an_approval(key=FIRST))
    for number in range(KEYS_AT_MOST - 1):
        history.do(a_key_added(an_issued_key(f"key {number}")))

    history.do(a_key_deleted(FIRST))
    history.do(a_key_added(SECOND))

    assert len(key_ids(history)) == KEYS_AT_MOST


def test_every_change_of_a_key_is_a_change_of_authority() -> None:
    assert KeyAdded.changes_authority
    assert KeyDeleted.changes_authority


# Credentials


def test_a_key_opens_its_partners_environment() -> None:
    history = History(an_approval("acme", key=FIRST, environment="production"))

    assert history.known().get(CREDENTIAL, FIRST.lookup) == Credential(
        partner_id="acme", environment="production", key_id=FIRST.key_id
    )


def test_a_deleted_key_leaves_no_credential() -> None:
    history = History(an_approval(key=FIRST), a_key_added(SECOND), a_key_deleted(FIRST))

    assert (CREDENTIAL.name, FIRST.lookup) not in history.rows
    assert (CREDENTIAL.name, SECOND.lookup) in history.rows


def test_folds_of_partners_leave_other_events_alone() -> None:
    history = History(a_participation())

    assert [fold for fold, _ in history.rows if fold in ("partner", "slug")] == []
    assert SLUG.keys(history.entries[0]) == CREDENTIAL.keys(history.entries[0]) == ()


def test_a_tenant_is_a_partner_in_one_environment() -> None:
    assert tenant_of("sandbox", "acme") != tenant_of("production", "acme")


def test_the_log_knows_a_key_by_its_hash_alone() -> None:
    assert IssuedKey.__struct_fields__ == ("key_id", "lookup", "prefix")
