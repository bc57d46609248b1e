"""`tenure doctor`: each check, with the thing broken that it is there to notice."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from interfaces.cli.main import app
from interfaces.doctor import examine
from interfaces.doctor.finding import Finding, Patient
from interfaces.doctor.host import disk_space
from interfaces.doctor.log import dense, rows_equal_the_log
from interfaces.installation import keep_secrets
from interfaces.settings import Settings
from interfaces.wiring import prepare
from tests.application.running import a_worker, as_owner
from tests.builders import a_claim, a_participation, an_approval, an_evaluation
from tests.databases import new_database
from tests.interfaces.serving import SECRETS

runner = CliRunner()


@pytest.fixture(scope="module")
def sound_template(postgres_url: str) -> Iterator[str]:
    """Name of a database with a small history, that the tests take copies of."""
    name = f"tenure_doctor_template_{os.getpid()}"
    with new_database(postgres_url, name) as url:
        prepare(url)
        keep_secrets(Settings.load(Path("unused"), {**SECRETS}), url)
        asyncio.run(write_history(url))
        yield name


async def write_history(url: str) -> None:
    async with a_worker(url) as worker:
        await worker.do(an_approval())
        for number in range(30):
            await worker.do(a_participation(f"person {number % 7}"))
        await worker.do(an_evaluation("person 1"))
        await worker.do(a_claim("person 2"))


@pytest.fixture
def url(postgres_url: str, sound_template: str) -> Iterator[str]:
    """A database of this test's own, in which all is well."""
    name = f"tenure_doctor_{os.getpid()}"
    with new_database(postgres_url, name, template=sound_template) as copied:
        # Here, or the partitions are those of another half day when noon has passed since.
        as_owner(copied, "select tenure_housekeep()")
        yield copied


def settings_of(data: Path, url: str, **more: str) -> Settings:
    return Settings.load(data, {**SECRETS, "TENURE_DATABASE_URL": url, **more})


def examined(data: Path, url: str, **more: str) -> dict[str, Finding]:
    findings = list(examine(settings_of(data, url, **more)))
    assert len({finding.check for finding in findings}) == len(findings)
    return {finding.check: finding for finding in findings}


def test_a_sound_installation_is_found_sound(tmp_path: Path, url: str) -> None:
    findings = examined(tmp_path, url)

    assert len(findings) == 16
    assert {finding.verdict for finding in findings.values()} <= {"ok"}, findings
    assert findings["log without holes"].found == "34 entries counted"
    assert int(findings["rows equal the log"].found.split()[0]) > 10


def test_the_doctor_changes_nothing(tmp_path: Path, url: str) -> None:
    def rows() -> list[object]:
        tables = ("log", "state", "subject", "idempotency", "installation", "tenure_migration")
        return [as_owner(url, f"select xmin, ctid from {table} order by ctid") for table in tables]

    before = rows()

    examined(tmp_path, url)

    assert rows() == before
    assert not list(tmp_path.iterdir())


UNGUARDED = "alter table log disable trigger log_is_append_only;"
DROP_A_PARTITION = """
do $$
begin
    execute 'drop table ' || (
        select max(relname) from pg_class where relname ~ '^idempotency_[0-9]{8}_[0-9]{2}$'
    );
end
$$
"""
ANOTHER_NAME = """
update state set row = (row::jsonb || '{"name": "Mallory"}')::json where fold = 'partner'
"""
A_ROW_TOO_MANY = """
insert into state
select fold, 'f' || key, version, position, row from state where fold = 'claims_of_entity'
"""
A_FOLD_OF_BEFORE = """
insert into projection (name, version, fingerprint, inline, state, partitions, position)
values ('old', 1, '', true, 'built', 1, 0)
"""
ANOTHER_CODE = "update projection set fingerprint = 'another' where name = 'claim'"

# What is done by hand, and the check that notices.
BROKEN = [
    ("drop table state_claim_1", "tables of folds", "failed"),
    (ANOTHER_CODE, "tables of folds", "failed"),
    ("update projection set cause = 'a poison'", "tables of folds", "warning"),
    (A_FOLD_OF_BEFORE, "tables of folds", "warning"),
    ("drop view read.claim", "read tables", "warning"),
    ("drop trigger log_is_append_only on log", "append-only", "failed"),
    (UNGUARDED, "append-only", "failed"),
    ("grant update on log to tenure_writer", "rights", "failed"),
    ("revoke insert on log from tenure_writer", "rights", "failed"),
    ("grant select on idempotency to tenure_reader", "rights", "failed"),
    ("alter table log disable row level security", "rights", "failed"),
    ("alter table log_access disable row level security", "rights", "failed"),
    ("grant delete on log_access to tenure_writer", "rights", "failed"),
    ("grant select on subject to tenure_analyst", "rights", "failed"),
    (DROP_A_PARTITION, "kept replies", "warning"),
    (
        "insert into idempotency values ('', '1999-01-01', 1, null, 1, '')",
        "kept replies",
        "warning",
    ),
    ("update installation set value = 'other'", "secrets of the database", "failed"),
    ("update tenure_migration set sha256 = 'other'", "migrations", "failed"),
    ("insert into tenure_migration values (99, 'newer', '', now())", "migrations", "failed"),
    ("delete from tenure_migration", "migrations", "failed"),
    (UNGUARDED + "delete from log where position = 20", "log without holes", "failed"),
    (UNGUARDED + "delete from log where position = 1", "log without holes", "failed"),
    (
        UNGUARDED + "update log set recorded_at = '2020-01-01' where position = 20",
        "recorded times",
        "failed",
    ),
    (
        UNGUARDED + "update log set recorded_at = '2999-01-01' where position = 34",
        "clock",
        "failed",
    ),
    ("update state set version = 9 where fold = 'entity'", "rows equal the log", "failed"),
    ("delete from state where fold = 'partner'", "rows equal the log", "failed"),
    (ANOTHER_NAME, "rows equal the log", "failed"),
    (A_ROW_TOO_MANY, "rows equal the log", "failed"),
]


@pytest.mark.parametrize(("statement", "check", "verdict"), BROKEN)
def test_what_is_broken_is_found(
    tmp_path: Path, url: str, statement: str, check: str, verdict: str
) -> None:
    as_owner(url, statement)

    finding = examined(tmp_path, url)[check]

    assert finding.verdict == verdict, finding
    assert finding.remedy


@contextmanager
def a_patient(data: Path, url: str) -> Iterator[Patient]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield Patient(settings_of(data, url), connection)


def test_of_a_large_log_a_sample_is_looked_at(tmp_path: Path, url: str) -> None:
    with a_patient(tmp_path, url) as patient:
        found = dense(patient, counted_at_most=10, stretches=3, stretch=5)
        assert (found.verdict, found.found) == ("ok", "15 of 34 positions looked at")

        as_owner(url, UNGUARDED + "delete from log where position > 1 and position < 34")
        found = dense(patient, counted_at_most=10, stretches=3, stretch=5)
        assert found.verdict == "failed"


def test_what_is_too_long_to_be_folded_again_is_told(tmp_path: Path, url: str) -> None:
    with a_patient(tmp_path, url) as patient:
        (whole, told) = rows_equal_the_log(patient), rows_equal_the_log(patient, folded_at_most=3)

    rows = int(whole.found.removesuffix(" folded again"))
    # Each of the seven people has more events than that.
    assert told.found == f"{rows - 7} folded again, 7 with more than 3 entries left out"
    assert told.verdict == "ok"


def test_an_empty_log_is_sound(tmp_path: Path, empty_database_url: str) -> None:
    prepare(empty_database_url)
    as_owner(empty_database_url, "select tenure_housekeep()")

    verdicts = {finding.verdict for finding in examined(tmp_path, empty_database_url).values()}

    assert verdicts == {"ok"}


def test_an_empty_database_is_found_without_a_schema(
    tmp_path: Path, empty_database_url: str
) -> None:
    findings = examined(tmp_path, empty_database_url)

    assert findings["PostgreSQL"].verdict == "ok"
    assert findings["migrations"].verdict == "failed"


def test_unsafe_settings_fail_unless_they_were_asked_for(tmp_path: Path, url: str) -> None:
    name = as_owner(url, "select current_database()")[0][0]
    as_owner(url, f"alter database {name} set synchronous_commit = off")

    assert examined(tmp_path, url)["durability"].verdict == "failed"
    allowed = examined(tmp_path, url, TENURE_ALLOW_UNSAFE_DURABILITY="true")
    assert allowed["durability"].verdict == "warning"


def test_a_database_out_of_reach_is_one_finding(tmp_path: Path) -> None:
    findings = examined(tmp_path, f"postgresql:///tenure?host={tmp_path}")

    assert findings["database"].verdict == "failed"
    assert set(findings) == {"secrets", "disk space", "database"}


def test_a_data_folder_without_a_database_is_left_without_one(tmp_path: Path) -> None:
    findings = list(examine(Settings.load(tmp_path, {**SECRETS})))

    assert "no database" in findings[-1].found
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("free_bytes", "verdict"), [(1 << 29, "failed"), (2 << 30, "warning"), (50 << 30, "ok")]
)
def test_a_disk_that_fills_up_is_noticed(tmp_path: Path, free_bytes: int, verdict: str) -> None:
    def usage(path: Path) -> tuple[int, int, int]:
        return 100 << 30, (100 << 30) - free_bytes, free_bytes

    assert disk_space(Settings.load(tmp_path, {}), usage).verdict == verdict


# The command


def run(data: Path, url: str, *arguments: str, **environment: str) -> tuple[int, str]:
    given = {"TENURE_DATABASE_URL": url, **environment}
    result = runner.invoke(app, ["doctor", "--data", str(data), *arguments], env=given)
    return result.exit_code, result.stdout


def test_a_sound_installation_ends_with_zero(tmp_path: Path, url: str) -> None:
    code, output = run(tmp_path, url, **SECRETS)

    assert code == 0
    assert all(line.startswith("ok ") for line in output.splitlines())


def test_a_failed_check_ends_with_one_and_says_what_to_do(tmp_path: Path, url: str) -> None:
    as_owner(url, "drop table state_claim_1")

    code, output = run(tmp_path, url, **SECRETS)

    assert code == 1
    assert "failed   tables of folds: missing: claim\n         → `tenure serve` makes" in output


def test_findings_can_be_had_as_json(tmp_path: Path, url: str) -> None:
    code, output = run(tmp_path, url, "--json", **SECRETS)

    told = json.loads(output)
    assert (code, told["sound"]) == (0, True)
    assert set(told["findings"][0]) == {"check", "verdict", "found", "remedy"}


def test_a_wrong_setting_ends_with_two(tmp_path: Path, url: str) -> None:
    assert run(tmp_path, url, TENURE_LOG_LEVEL="loud")[0] == 2


def test_lost_secrets_are_found_lost_and_not_made_anew(tmp_path: Path, url: str) -> None:
    code, output = run(tmp_path, url)

    assert code == 1
    assert f"failed   secrets: missing in {tmp_path / 'secrets'}: pepper, identifier" in output
    assert not list(tmp_path.iterdir())


def test_secrets_that_others_may_read_are_found(tmp_path: Path, url: str) -> None:
    Settings.load(tmp_path, {}).make_secrets()
    (tmp_path / "secrets" / "pepper").chmod(0o640)

    _, output = run(tmp_path, url)

    assert f"others than their owner may read {tmp_path / 'secrets' / 'pepper'}" in output


def test_a_url_keeps_options_of_its_own(tmp_path: Path, url: str) -> None:
    with_options = make_conninfo(url, options="-c work_mem=1MB")

    assert examined(tmp_path, with_options)["database"].verdict == "ok"
