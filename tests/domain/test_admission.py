"""Admission: registering, proving a domain, being stopped and let go on."""

import pytest

from domain.admission import Approval, Promotion
from domain.command import Document
from domain.events import Event
from domain.partner import (
    PARTNER,
    PUBLIC_SLUG,
    Challenged,
    Partner,
    Promoted,
    Reactivated,
    Suspended,
)
from domain.principal import NOBODY, identify
from domain.refusals import (
    AlreadyPromoted,
    ChallengeFailed,
    Forbidden,
    InvalidName,
    NotFound,
    PartnerSuspended,
    SlugTaken,
    Unauthenticated,
)
from domain.rights import PARTNER_PERMISSIONS, PUBLIC_PERMISSIONS, Permission
from tests.builders import (
    History,
    a_hash_of,
    a_key_added,
    a_key_deleted,
    a_promotion,
    a_reactivation,
    a_registration,
    a_suspension,
    an_approval,
    an_entry,
    an_issued_key,
)


def partner_of(history: History) -> Partner:
    partner = history.known().get(PARTNER, "acme")
    assert partner is not None
    return partner


# Registration


def test_who_registers_has_a_sandbox_with_a_first_key_and_a_token() -> None:
    history = History()

    reply = history.do(a_registration("acme", slug="acme-co"), principal=NOBODY)

    assert reply == Approval("acme", "acme-co", "sandbox")
    partner = partner_of(history)
    assert (partner.environments, partner.status, partner.domain) == (("sandbox",), "ACTIVE", None)
    assert partner.token_lookup == a_hash_of("a token")
    assert len(partner.keys_of("sandbox")) == 1
    assert {entry.tenant for entry in history.entries} == {"sandbox/acme"}
    assert {entry.principal for entry in history.entries} == {"nobody"}


def test_how_somebody_is_reached_is_kept_beside_the_log() -> None:
    contact = {"email": "ann@acme.example"}

    outcome = History().decide(a_registration("acme", contact=contact))

    assert outcome.documents == (Document("contact-acme", contact),)
    assert "ann@" not in repr(outcome.changes)


def test_who_says_nothing_of_themselves_leaves_no_document() -> None:
    assert History().decide(a_registration()).documents == ()


def test_a_slug_is_taken_whoever_took_it() -> None:
    history = History(an_approval("bolt", slug="the-name"), a_registration("acme", slug="acme"))

    for slug in ("the-name", "acme", PUBLIC_SLUG):
        with pytest.raises(SlugTaken, match=slug):
            history.do(a_registration("cord", slug=slug))


def test_who_registers_takes_a_slug_of_the_right_form() -> None:
    with pytest.raises(InvalidName, match="slug"):
        History().do(a_registration(slug="Not a slug"))


def test_the_operator_may_not_give_the_public_slug_away_either() -> None:
    with pytest.raises(SlugTaken):
        History().do(an_approval(slug=PUBLIC_SLUG))


# Promotion


def test_a_partner_whose_domain_shows_the_token_may_use_production() -> None:
    key = an_issued_key("production")
    history = History(a_registration())

    reply = history.do(a_promotion(domain="acme.example", key=key))

    assert reply == Promotion("acme.example", "ACTIVE", already=False)
    partner = partner_of(history)
    assert (partner.environments, partner.domain) == (("sandbox", "production"), "acme.example")
    assert [held.key for held in partner.keys_of("production")] == [key]
    assert identify(key.lookup, history.known()).tenant == "production/acme"


def test_what_a_promotion_writes_belongs_to_the_new_tenant_although_the_sandbox_asked() -> None:
    outcome = History(a_registration()).decide(a_promotion())

    assert [change.tenant for change in outcome.changes] == ["production/acme"] * 2


@pytest.mark.parametrize("token", ["another token", "", None])
def test_a_domain_that_does_not_show_the_token_proves_nothing(token: str | None) -> None:
    history = History(a_registration(token="a token"))

    with pytest.raises(ChallengeFailed):
        history.do(a_promotion(token=token))
    assert partner_of(history).environments == ("sandbox",)


def test_the_token_of_another_partner_proves_nothing() -> None:
    history = History(a_registration("acme", token="of acme"), a_registration("bolt", token="of b"))

    with pytest.raises(ChallengeFailed):
        history.do(a_promotion("acme", token="of b"))


def test_a_partner_without_a_token_cannot_prove_a_domain() -> None:
    history = History(an_approval("acme"))

    with pytest.raises(ChallengeFailed, match="no token"):
        history.do(a_promotion("acme", token=None))


def test_a_domain_is_proven_once_and_gives_no_second_key() -> None:
    history = History(a_registration(), a_promotion(domain="acme.example"))

    outcome = history.decide(
        a_promotion(domain="acme.example", token=None, key=an_issued_key("another"))
    )

    assert outcome.reply == Promotion("acme.example", "ACTIVE", already=True)
    assert outcome.changes == ()


def test_a_partner_in_production_stays_with_its_domain() -> None:
    history = History(a_registration(), a_promotion(domain="acme.example"))

    with pytest.raises(AlreadyPromoted):
        history.do(a_promotion(domain="bolt.example"))


def test_a_partner_that_the_operator_let_into_production_has_no_domain_to_prove() -> None:
    with pytest.raises(AlreadyPromoted):
        History(an_approval("acme", environment="production")).do(a_promotion("acme"))


def test_nobody_is_promoted_who_is_not_there() -> None:
    with pytest.raises(NotFound):
        History(a_registration("bolt")).do(a_promotion("acme"))


# Suspension


def test_a_suspended_partner_is_refused_whatever_key_it_shows() -> None:
    sandbox, production = an_issued_key("first key of acme"), an_issued_key("production")
    history = History(a_registration(), a_promotion(key=production), a_suspension())

    for key in (sandbox, production):
        with pytest.raises(PartnerSuspended):
            identify(key.lookup, history.known())


def test_a_deleted_key_of_a_suspended_partner_is_unknown() -> None:
    second = an_issued_key("second")
    history = History(an_approval(), a_key_added(second), a_key_deleted(second), a_suspension())

    with pytest.raises(Unauthenticated):
        identify(second.lookup, history.known())


def test_a_reactivated_partner_is_as_it_was() -> None:
    history = History(a_registration())
    before = partner_of(history)

    assert history.do(a_suspension()) == "SUSPENDED"
    assert partner_of(history).status == "SUSPENDED"
    assert history.do(a_reactivation()) == "ACTIVE"

    assert partner_of(history) == before
    identify(an_issued_key("first key of acme").lookup, history.known())


def test_another_partner_is_not_suspended() -> None:
    history = History(a_registration("acme"), a_registration("bolt"), a_suspension("acme"))

    assert identify(an_issued_key("first key of bolt").lookup, history.known()).partner_id == "bolt"


def test_what_is_so_already_changes_nothing() -> None:
    history = History(a_registration())

    assert history.decide(a_reactivation()).changes == ()
    history.do(a_suspension())
    assert history.decide(a_suspension()).changes == ()


def test_nobody_is_stopped_who_is_not_there() -> None:
    for command in (a_suspension("nobody"), a_reactivation("nobody")):
        with pytest.raises(NotFound):
            History(a_registration()).do(command)


def test_stopping_and_letting_go_on_are_changes_of_authority() -> None:
    assert Suspended.changes_authority
    assert Reactivated.changes_authority


def test_what_opens_nothing_changes_no_authority() -> None:
    assert not Challenged.changes_authority
    assert not Promoted.changes_authority


# The public partner


def test_the_public_partner_s_key_reads_and_adds_and_no_more() -> None:
    key = an_issued_key("public")
    history = History(an_approval(slug=PUBLIC_SLUG, key=key, public=True))

    anybody = identify(key.lookup, history.known())

    may: tuple[Permission, ...] = ("events:read", "events:write", "policy:evaluate", "claims:write")
    for permission in may:
        anybody.must(permission)
    for permission in PARTNER_PERMISSIONS - PUBLIC_PERMISSIONS:
        with pytest.raises(Forbidden, match=permission):
            anybody.must(permission)


# Yesterday's log


@pytest.mark.parametrize(
    "event",
    [Suspended(), Reactivated(), Challenged(token_lookup="x"), Promoted(domain="acme.example")],
    ids=lambda event: type(event).__name__,
)
def test_an_event_of_a_partner_that_is_not_there_is_passed_over(event: Event) -> None:
    assert PARTNER.evolve(None, an_entry(event, stream="partner-acme")) is None
