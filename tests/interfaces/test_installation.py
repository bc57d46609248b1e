"""Secrets that are not the database's: a server with them is stopped before it does harm."""

from pathlib import Path

import pytest

from interfaces.installation import WrongSecrets, check_secrets
from interfaces.settings import Settings
from interfaces.wiring import prepare
from tests.application.running import as_owner
from tests.interfaces.serving import start

SECRET, ANOTHER = "0f" * 32, "a1" * 32


def settings_of(data: Path, pepper: str = SECRET, identifier: str = SECRET) -> Settings:
    return Settings.load(data, {"TENURE_PEPPER": pepper, "TENURE_IDENTIFIER_SECRET": identifier})


def test_the_first_start_notes_fingerprints_and_no_secret(
    tmp_path: Path, empty_database_url: str
) -> None:
    prepare(empty_database_url)

    check_secrets(settings_of(tmp_path), empty_database_url)
    check_secrets(settings_of(tmp_path), empty_database_url)

    noted = dict(as_owner(empty_database_url, "select name, value from installation"))
    assert set(noted) == {"pepper", "identifier"}
    assert SECRET not in noted.values()
    assert noted["pepper"] != noted["identifier"]


def test_another_secret_is_refused_by_its_name_and_with_what_to_do(
    tmp_path: Path, empty_database_url: str
) -> None:
    prepare(empty_database_url)
    check_secrets(settings_of(tmp_path), empty_database_url)

    with pytest.raises(WrongSecrets, match=r"'pepper'.*secrets/pepper.*TENURE_PEPPER") as refused:
        check_secrets(settings_of(tmp_path, pepper=ANOTHER), empty_database_url)
    assert "'identifier'" not in str(refused.value)

    with pytest.raises(WrongSecrets, match="'identifier'") as refused:
        check_secrets(settings_of(tmp_path, identifier=ANOTHER), empty_database_url)
    assert "'pepper'" not in str(refused.value)

    check_secrets(settings_of(tmp_path), empty_database_url)


def test_a_second_machine_with_secrets_of_its_own_does_not_serve(
    tmp_path: Path, empty_database_url: str
) -> None:
    prepare(empty_database_url)
    check_secrets(settings_of(tmp_path), empty_database_url)

    process, log = start(
        tmp_path,
        app=None,
        TENURE_DATABASE_URL=empty_database_url,
        TENURE_PEPPER=ANOTHER,
        TENURE_IDENTIFIER_SECRET=ANOTHER,
    )

    assert process.wait(30) == 1
    assert "Error: The secret 'pepper' is not the one" in log.read_text()
    assert "Tenure is ready" not in log.read_text()
