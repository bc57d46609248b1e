"""Settings: read from the environment, refused with a sentence; secrets, made once, never shown."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from interfaces.settings import Settings, SettingsError, variable
from tests.interfaces.serving import ROOT

SECRET = "0f" * 32


def load(data: Path, **environment: str) -> Settings:
    return Settings.load(data, environment)


def test_nothing_need_be_set(tmp_path: Path) -> None:
    settings = Settings.load(environment={"TENURE_DATA": str(tmp_path)})

    assert settings.data == tmp_path
    assert settings.database_url is None
    assert settings.queue_limit == 4000
    assert settings.idempotency_mismatch == "refuse"
    assert not settings.allow_unsafe_durability


def test_the_environment_sets_and_the_command_line_goes_before_it(tmp_path: Path) -> None:
    settings = load(tmp_path / "a", TENURE_DATA=str(tmp_path / "b"), TENURE_QUEUE_LIMIT="7")

    assert settings.data == tmp_path / "a"
    assert settings.queue_limit == 7
    assert not (tmp_path / "b").exists()


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    assert load(tmp_path, TENURE_QUEUE_LIMIT="").queue_limit == 4000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENURE_QUEUE_LIMIT", "0"),
        ("TENURE_QUEUE_LIMIT", "many"),
        ("TENURE_IDEMPOTENCY_MISMATCH", "maybe"),
        ("TENURE_ALLOW_UNSAFE_DURABILITY", "perhaps"),
        ("TENURE_LOG_LEVEL", "loud"),
        ("TENURE_DATABASE_URL", "mysql://tenure"),
        ("TENURE_DATABASE_URL", "localhost:5432/tenure"),
        ("TENURE_HEADER_TIMEOUT", "nan"),
        ("TENURE_BODY_TIMEOUT", "-1"),
        ("TENURE_PEPPER", "abc"),
        ("TENURE_IDENTIFIER_SECRET", "zz" * 32),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load(tmp_path, **{name: value})


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, TENURE_QUEUE_LIMIT="0", TENURE_LOG_LEVEL="loud")

    assert "TENURE_QUEUE_LIMIT" in str(refused.value)
    assert "TENURE_LOG_LEVEL" in str(refused.value)


def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean TENURE_PEPPER"):
        load(tmp_path, TENURE_PEPER=SECRET)


def test_a_wrong_secret_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, TENURE_PEPPER="hunter2")

    assert "hunter2" not in str(refused.value)


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    first, second = load(tmp_path), load(tmp_path)

    first.make_secrets()
    made = first.pepper, first.identifier_secret
    second.make_secrets()

    assert (second.pepper, second.identifier_secret) == made
    assert len(first.pepper) == len(first.identifier_secret) == 32
    assert first.pepper != first.identifier_secret
    for name in ("pepper", "identifier"):
        file = tmp_path / "secrets" / name
        assert re.fullmatch(r"[0-9a-f]{64}\n", file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_processes_that_start_at_once_agree_on_the_secrets(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from interfaces.settings import Settings; "
    script += "settings = Settings.load(Path(sys.argv[1])); sys.stdin.read(); "
    script += "settings.make_secrets(); print(settings.pepper.hex())"
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    peppers = {process.communicate()[0] for process in starting}

    assert len(peppers) == 1
    assert sorted(file.name for file in (tmp_path / "secrets").iterdir()) == [
        "identifier",
        "pepper",
    ]


def test_a_given_secret_is_used_and_not_written(tmp_path: Path) -> None:
    settings = load(tmp_path, TENURE_PEPPER=SECRET, TENURE_IDENTIFIER_SECRET=SECRET)

    settings.make_secrets()

    assert settings.pepper == bytes.fromhex(SECRET)
    assert not (tmp_path / "secrets").exists()


def test_loading_makes_no_secret_and_tells_which_are_missing(tmp_path: Path) -> None:
    settings = load(tmp_path, TENURE_PEPPER=SECRET)

    assert settings.missing_secrets() == ["identifier"]
    with pytest.raises(SettingsError, match="secrets/identifier"):
        _ = settings.identifier_secret
    assert not list(tmp_path.iterdir())


def test_a_damaged_secret_is_refused_not_replaced(tmp_path: Path) -> None:
    settings = load(tmp_path)
    settings.make_secrets()
    (tmp_path / "secrets" / "pepper").write_text("")

    settings.make_secrets()

    with pytest.raises(SettingsError, match="secrets/pepper cannot be read: expected 64"):
        _ = settings.pepper


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match="'pepper' cannot be made"):
        load(tmp_path / "file").make_secrets()


def test_no_secret_is_shown(tmp_path: Path) -> None:
    url = "postgresql://tenure:hunter2@db/tenure"
    shown = repr(load(tmp_path, TENURE_PEPPER=SECRET, TENURE_DATABASE_URL=url))

    assert "hunter2" not in shown
    assert SECRET not in shown
    assert repr(bytes.fromhex(SECRET)) not in shown


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load(tmp_path)

    with pytest.raises(ValidationError):
        settings.queue_limit = 1  # type: ignore[misc]


def test_another_process_loads_the_same_settings(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        TENURE_DATABASE_URL="postgresql://db/tenure",
        TENURE_ALLOW_UNSAFE_DURABILITY="yes",
        TENURE_BODY_TIMEOUT="0.5",
    )

    assert Settings.load(environment=settings.environment()) == settings


def test_every_setting_has_a_variable_and_a_description() -> None:
    for field in Settings.model_fields.values():
        assert variable(field).startswith("TENURE_")
        assert field.description
