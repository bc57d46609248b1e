"""Migrations: applied once, in order, and refused when the files and the database disagree."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from application.migrate import MIGRATIONS, MigrationRefused, migrate, read_migrations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_things.sql").write_text("create table thing (id int); select '50%';")
    (tmp_path / "0002_more.sql").write_text("insert into thing values (1);")
    return tmp_path


def things(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from thing").fetchone()
    assert row is not None
    return int(row[0])


def test_an_empty_database_gets_every_migration_in_order(
    empty_database_url: str, folder: Path
) -> None:
    assert migrate(empty_database_url, folder) == ["0001_things", "0002_more"]
    assert things(empty_database_url) == 1


def test_a_migration_is_applied_once(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder)

    assert migrate(empty_database_url, folder) == []
    assert things(empty_database_url) == 1


def test_only_what_is_missing_is_applied(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder)
    (folder / "0003_again.sql").write_text("insert into thing values (2);")

    assert migrate(empty_database_url, folder) == ["0003_again"]
    assert things(empty_database_url) == 2


def test_processes_that_migrate_at_once_apply_each_migration_once(
    empty_database_url: str, folder: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrate(empty_database_url, folder), range(4)))

    assert sorted(done) == [[], [], [], ["0001_things", "0002_more"]]
    assert things(empty_database_url) == 1


def test_a_failing_migration_leaves_nothing_behind_and_can_be_mended(
    empty_database_url: str, folder: Path
) -> None:
    broken = folder / "0003_broken.sql"
    broken.write_text("insert into thing values (2); select no_such_function();")

    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrate(empty_database_url, folder)
    assert things(empty_database_url) == 1

    broken.write_text("insert into thing values (2);")
    assert migrate(empty_database_url, folder) == ["0003_broken"]


def test_an_edited_migration_is_refused(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder)
    (folder / "0001_things.sql").write_text("create table thing (id bigint);")

    with pytest.raises(MigrationRefused, match="0001_things was edited"):
        migrate(empty_database_url, folder)


def test_a_database_of_a_newer_tenure_is_refused(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder)
    (folder / "0002_more.sql").unlink()

    with pytest.raises(MigrationRefused, match="newer Tenure"):
        migrate(empty_database_url, folder)


def test_a_ledger_with_a_gap_is_refused(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("delete from tenure_migration where number = 1")

    with pytest.raises(MigrationRefused, match="edited by hand"):
        migrate(empty_database_url, folder)


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_twice.sql", "3_short.sql", "0003-dash.sql"])
def test_a_file_that_is_out_of_order_is_refused_before_anything_is_applied(
    folder: Path, name: str
) -> None:
    (folder / name).write_text("select 1;")

    with pytest.raises(MigrationRefused, match="out of order"):
        read_migrations(folder)


def test_the_migrations_of_tenure_are_in_order() -> None:
    read_migrations(MIGRATIONS)
