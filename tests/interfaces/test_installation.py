"""Secrets that are not the database's: a server with them is stopped before it does harm."""

from pathlib import Path

import pytest

from interfaces.installation import WrongSecrets, check_secrets, keep_secrets
from interfaces.settings import Settings
from interfaces.wiring import prepare
from tests.application.running import as_owner
from tests.interfaces.serving import start

SECRET, ANOTHER = "0f" * 32, "a1" * 32


def settings_of(data: Path, pepper: str = SECRET, identifier: str = SECRET) -> Settings:
    return Settings.load(data, {"TENURE_PEPPER": pepper, "TENURE_IDENTIFIER_SECRET": identifier})


@pytest.fixture
def begun_url(tmp_path: Path, empty_database_url: str) -> str:
    """A database that was begun with the one secret."""
    prepare(empty_database_url)
    keep_secrets(settings_of(tmp_path), empty_database_url)
    return empty_database_url


def noted(url: str) -> dict[str, str]:
    return dict(as_owner(url, "select name, value from installation"))


def test_the_first_start_notes_fingerprints_and_no_secret(tmp_path: Path, begun_url: str) -> None:
    once = noted(begun_url)

    keep_secrets(settings_of(tmp_path), begun_url)

    assert noted(begun_url) == once
    assert set(once) == {"pepper", "identifier"}
    assert SECRET not in once.values()
    assert once["pepper"] != once["identifier"]


def test_the_first_start_makes_secrets_that_are_not_given(
    tmp_path: Path, empty_database_url: str
) -> None:
    settings = Settings.load(tmp_path, {})

    check_secrets(settings, empty_database_url)
    prepare(empty_database_url)
    keep_secrets(settings, empty_database_url)

    assert settings.missing_secrets() == []
    check_secrets(Settings.load(tmp_path, {}), empty_database_url)


def test_another_secret_is_refused_by_its_name_and_with_what_to_do(
    tmp_path: Path, begun_url: str
) -> None:
    with pytest.raises(WrongSecrets, match=r"'pepper'.*secrets/pepper.*TENURE_PEPPER") as refused:
        check_secrets(settings_of(tmp_path, pepper=ANOTHER), begun_url)
    assert "'identifier'" not in str(refused.value)

    with pytest.raises(WrongSecrets, match="'identifier'") as refused:
        check_secrets(settings_of(tmp_path, identifier=ANOTHER), begun_url)
    assert "'pepper'" not in str(refused.value)

    check_secrets(settings_of(tmp_path), begun_url)


def test_what_was_noted_in_between_is_refused_too_and_nothing_is_noted_beside_it(
    tmp_path: Path, begun_url: str
) -> None:
    as_owner(begun_url, "delete from installation where name = 'pepper'")
    before = noted(begun_url)

    with pytest.raises(WrongSecrets, match="'identifier'"):
        keep_secrets(settings_of(tmp_path, identifier=ANOTHER), begun_url)

    assert noted(begun_url) == before


def test_a_second_machine_with_secrets_of_its_own_does_not_serve(
    tmp_path: Path, begun_url: str
) -> None:
    process, log = start(
        tmp_path,
        app=None,
        TENURE_DATABASE_URL=begun_url,
        TENURE_PEPPER=ANOTHER,
        TENURE_IDENTIFIER_SECRET=ANOTHER,
    )

    assert process.wait(30) == 1
    assert "Error: The secret 'pepper' is not the one" in log.read_text()
    assert "Tenure is ready" not in log.read_text()


def test_a_server_whose_secrets_are_lost_does_not_serve_and_makes_no_others(
    tmp_path: Path, begun_url: str
) -> None:
    process, log = start(
        tmp_path,
        app=None,
        TENURE_DATABASE_URL=begun_url,
        TENURE_PEPPER="",
        TENURE_IDENTIFIER_SECRET="",
    )

    assert process.wait(30) == 1
    assert "Error: The secret 'pepper' is missing: no API key would work." in log.read_text()
    assert "The secret 'identifier' is missing" in log.read_text()
    assert not (tmp_path / "secrets").exists()


def test_a_secret_that_was_given_up_is_made_anew(tmp_path: Path, begun_url: str) -> None:
    as_owner(begun_url, "delete from installation where name = 'pepper'")
    settings = Settings.load(tmp_path, {"TENURE_IDENTIFIER_SECRET": SECRET})

    check_secrets(settings, begun_url)
    keep_secrets(settings, begun_url)

    check_secrets(Settings.load(tmp_path, {"TENURE_IDENTIFIER_SECRET": SECRET}), begun_url)
