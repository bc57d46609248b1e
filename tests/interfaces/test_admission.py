"""What the operator does about partners: help one that lost its keys, have a public one or not."""

from pathlib import Path

import pytest

from application.hashes import Hashes
from domain.refusals import NotFound
from interfaces.admission import (
    add_key,
    approve_partner,
    first_partner,
    public_partner,
    reactivate_partner,
    suspend_partner,
)
from interfaces.settings import Settings
from interfaces.wiring import prepare
from projections.partners import Listed, every_partner, owner_of_slug


@pytest.fixture(scope="module")
def url(database_url: str) -> str:
    """A database that is ready to be written."""
    prepare(database_url)
    return database_url


def settings_of(data: Path, **environment: str) -> Settings:
    settings = Settings.load(data, environment)
    settings.make_secrets()
    return settings


def listed(url: str, slug: str) -> Listed:
    (found,) = [one for one in every_partner(url) if one.partner.slug == slug]
    return found


def opens(settings: Settings, one: Listed, key: str) -> bool:
    """Whether a key is a living one of a partner's."""
    lookup = Hashes(settings.pepper, settings.identifier_secret).api_key(key)
    return lookup in [held.key.lookup for held in one.partner.keys]


def test_the_public_partner_is_there_as_long_as_the_setting_says(url: str, tmp_path: Path) -> None:
    off, on = settings_of(tmp_path), settings_of(tmp_path, TENURE_PUBLIC_SANDBOX="true")

    assert public_partner(off, url) is None
    assert owner_of_slug(url, "public-sandbox") is None

    key = public_partner(on, url)
    assert key is not None
    assert key.startswith("mir_sandbox_")
    assert public_partner(on, url) == key
    one = listed(url, "public-sandbox")
    assert (one.partner.public, one.partner.status) == (True, "ACTIVE")
    assert len(one.partner.keys) == 1
    assert opens(on, one, key)

    assert public_partner(off, url) is None
    assert listed(url, "public-sandbox").partner.status == "SUSPENDED"
    assert public_partner(on, url) == key
    assert listed(url, "public-sandbox").partner.status == "ACTIVE"


def test_under_another_pepper_the_public_partner_has_another_key(url: str, tmp_path: Path) -> None:
    before = settings_of(tmp_path / "a", TENURE_PUBLIC_SANDBOX="true")
    after = settings_of(tmp_path / "b", TENURE_PUBLIC_SANDBOX="true")

    old, new = public_partner(before, url), public_partner(after, url)

    assert new is not None
    assert new != old
    assert opens(after, listed(url, "public-sandbox"), new)


def test_a_partner_that_lost_its_keys_gets_another(url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    approval, first = approve_partner(settings, url, "Acme", None, "production")

    second = add_key(settings, url, approval.partner_id, "production")

    assert opens(settings, listed(url, "acme"), first)
    assert opens(settings, listed(url, "acme"), second)


def test_the_operator_lets_a_partner_into_another_environment(url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    approval, _ = approve_partner(settings, url, "Cargo", None, "sandbox")

    add_key(settings, url, approval.partner_id, "production")

    assert listed(url, "cargo").partner.environments == ("sandbox", "production")


def test_the_operator_stops_a_partner_and_lets_it_go_on(url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    approval, _ = approve_partner(settings, url, "Bolt", None, "sandbox")

    assert suspend_partner(settings, url, approval.partner_id) == "SUSPENDED"
    assert listed(url, "bolt").partner.status == "SUSPENDED"
    assert reactivate_partner(settings, url, approval.partner_id) == "ACTIVE"
    assert listed(url, "bolt").partner.status == "ACTIVE"
    with pytest.raises(NotFound):
        suspend_partner(settings, url, "nobody")


def test_only_the_first_start_makes_a_first_partner(url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    approve_partner(settings, url, "Cord", None, "sandbox")

    assert first_partner(settings, url) is None
