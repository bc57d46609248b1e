"""The embedded PostgreSQL: shared by the processes of a data folder, and hard to kill for good."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from interfaces.postgres import DatabaseUnavailable, EmbeddedPostgres, database
from interfaces.settings import Settings
from tests.interfaces.serving import ROOT, eventually, kill

pytestmark = pytest.mark.faults


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path)
    server.start()
    yield server
    server.stop()
    assert not server.is_running()


def remember(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists memory (id int)")
        connection.execute("insert into memory values (1)")


def memories(url: str) -> int:
    with psycopg.connect(url) as connection:
        return len(connection.execute("select from memory").fetchall())


def test_it_is_tuned_and_durable(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        settings: dict[str, str] = dict(
            connection.execute("select name, current_setting(name) from pg_settings").fetchall()
        )
    assert settings["fsync"] == settings["full_page_writes"] == "on"
    assert settings["synchronous_commit"] == "on"
    assert settings["shared_buffers"] == "256MB"
    assert settings["max_wal_size"] == "4GB"
    assert settings["jit"] == "off"
    assert settings["listen_addresses"] == ""
    assert settings["data_checksums"] == "on"


def test_what_was_stored_is_there_after_a_restart(postgres: EmbeddedPostgres) -> None:
    remember(postgres.url)
    postgres.stop()
    assert not postgres.is_running()

    postgres.start()
    assert memories(postgres.url) == 1


def test_what_was_committed_is_there_after_a_kill_under_the_same_url(
    postgres: EmbeddedPostgres,
) -> None:
    remember(postgres.url)
    before, url = postgres.pid(), postgres.url
    assert before is not None
    kill(before)

    postgres.start()
    assert postgres.pid() != before
    assert memories(url) == 1


def test_a_process_id_that_another_program_has_now_does_not_prevent_the_start(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    remember(postgres.url)
    pid, owner = postgres.pid(), (tmp_path / "postgres").stat().st_uid
    assert pid is not None
    kill(pid)
    eventually(lambda: not postgres.is_running())
    other = subprocess.Popen(["sleep", "60"], user=owner)
    for noted in (
        tmp_path / "postgres" / name for name in ("postmaster.pid", ".s.PGSQL.5432.lock")
    ):
        noted.write_text(noted.read_text().replace(str(pid), str(other.pid), 1))

    try:
        postgres.start()
    finally:
        other.kill()
        other.wait()
    assert memories(postgres.url) == 1


def test_a_second_user_of_the_folder_joins_and_leaves_it_running(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    pid = postgres.pid()
    with database(Settings.load(tmp_path, {}), begins=True) as url:
        assert url == postgres.url
        remember(url)

    assert postgres.pid() == pid


def test_it_runs_until_its_last_user_leaves(tmp_path: Path) -> None:
    first, second = EmbeddedPostgres(tmp_path), EmbeddedPostgres(tmp_path)
    first.start()
    second.start()

    first.stop()
    assert second.is_running()
    second.stop()
    assert not second.is_running()


def test_a_command_alone_stops_what_it_started(tmp_path: Path) -> None:
    with database(Settings.load(tmp_path, {}), begins=True) as url:
        remember(url)

    assert not EmbeddedPostgres(tmp_path).is_running()


def test_it_survives_a_starter_that_is_killed_and_is_adopted(tmp_path: Path) -> None:
    script = "import os, sys; from pathlib import Path; from interfaces.postgres import *; "
    script += "EmbeddedPostgres(Path(sys.argv[1])).start(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    postgres = EmbeddedPostgres(tmp_path)
    orphan = postgres.pid()
    assert orphan is not None

    postgres.start()
    assert postgres.pid() == orphan
    postgres.stop()
    assert not postgres.is_running()


@pytest.mark.parametrize("name", ["x" * 120, "a b'c", "a,b", "grün"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    postgres = EmbeddedPostgres(tmp_path / name)
    postgres.start()
    socket_folder = postgres.socket_folder
    try:
        remember(postgres.url)
        assert memories(postgres.url) == 1
    finally:
        postgres.stop()
        if not socket_folder.is_relative_to(tmp_path):
            shutil.rmtree(socket_folder)


def test_a_half_made_folder_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.draft").mkdir()
    (tmp_path / "postgres.draft" / "PG_VERSION").write_text("18")

    with database(Settings.load(tmp_path, {}), begins=True) as url:
        remember(url)


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    postgres.start()
    postgres.stop()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")

    with pytest.raises(DatabaseUnavailable, match="is of PostgreSQL 16"):
        postgres.start()


def test_a_start_that_fails_shows_the_server_s_own_words(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    postgres.start()
    postgres.stop()
    with (tmp_path / "postgres" / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = plenty\n")

    with pytest.raises(DatabaseUnavailable, match='invalid value for parameter "shared_buffers"'):
        postgres.start()


def test_a_database_that_is_named_is_used_as_it_is(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, {"TENURE_DATABASE_URL": "postgresql://db/tenure"})

    with database(settings) as url:
        assert url == "postgresql://db/tenure"
    assert not (tmp_path / "postgres").exists()
