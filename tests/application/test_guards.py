"""The guards of the database: nobody changes the log, and each role can do little."""

import asyncio

import psycopg
import pytest
from psycopg import errors

from application.log.connections import options
from application.log.submission import Submission
from tests.application.running import a_worker, as_owner, log_of
from tests.builders import a_participation, a_principal, an_approval


@pytest.fixture(scope="module")
def written(log_url: str) -> str:
    """A log with entries of two tenants and of a partner."""

    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("acme"))
            await worker.do(a_participation("alice"), a_principal("acme"))
            await worker.do(a_participation("bob"), a_principal("bolt"))
            await worker.committer.answer(Submission(a_participation(), a_principal("acme")))

    asyncio.run(story())
    return log_url


def as_role(url: str, role: str, statement: str, tenant: str | None = None) -> list[object]:
    """The first column of a statement, on a connection that begins as a role."""
    with psycopg.connect(url, options=options(role)) as connection:
        if tenant is not None:
            connection.execute("select set_config('tenure.tenant', %s, true)", [tenant])
        cursor = connection.execute(statement.encode())
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


# Append-only


@pytest.mark.parametrize("table", ["log", "authority"])
@pytest.mark.parametrize(
    "statement",
    [
        "update {} set position = position + 1000",
        "update {} set position = position where false",
        "delete from {}",
        "delete from {} where false",
        "truncate {}",
    ],
)
def test_even_the_owner_cannot_change_or_empty_it(written: str, table: str, statement: str) -> None:
    before = log_of(written)

    with pytest.raises(errors.IntegrityConstraintViolation, match="append-only"):
        as_owner(written, statement.format(table))

    assert log_of(written) == before


def test_an_entry_cannot_be_replaced_by_way_of_an_insert(written: str) -> None:
    with pytest.raises(errors.IntegrityConstraintViolation, match="append-only"):
        as_owner(
            written,
            "insert into log select * from log"
            " on conflict (position) do update set entry = excluded.entry",
        )


def test_a_version_cannot_be_written_twice(written: str) -> None:
    with pytest.raises(errors.UniqueViolation):
        as_owner(
            written,
            "insert into log (position, stream, version, type, recorded_at, entry)"
            " select position + 1000, stream, version, type, recorded_at, entry from log",
        )


def test_an_entry_larger_than_a_leaf_may_be_is_refused(written: str) -> None:
    with pytest.raises(errors.CheckViolation):
        as_owner(
            written,
            "insert into log (position, stream, version, type, recorded_at, entry)"
            " values (9999, 's-1', 1, 't', now(), to_json(repeat('x', 65536)))",
        )


# The writer


@pytest.mark.parametrize(
    "statement",
    [
        "update log set tenant = 'another'",
        "delete from log",
        "truncate log",
        "update authority set position = 0",
        "delete from authority",
        "update subject set entity_id = 'another'",
        "update idempotency set body = ''",
        "update log_access set principal = 'another'",
        "delete from log_access",
        "drop table log",
        "alter table log disable trigger all",
        "drop table state",
        "select tenure_housekeep()",
        "create table another (id int)",
    ],
)
def test_the_writer_cannot(written: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(written, "tenure_writer", statement)


def test_the_writer_sees_the_whole_log(written: str) -> None:
    seen = as_role(written, "tenure_writer", "select position from log order by position")

    assert seen == [position for position, _ in log_of(written)]


# The reader


def test_a_reader_sees_the_log_of_its_tenant_alone(written: str) -> None:
    tenants = as_role(written, "tenure_reader", "select tenant from log", "sandbox/acme")

    assert tenants == ["sandbox/acme"] * 4


@pytest.mark.parametrize("tenant", [None, "", "sandbox/nobody", "production/acme", "%"])
def test_a_reader_of_no_such_tenant_sees_nothing(written: str, tenant: str | None) -> None:
    assert as_role(written, "tenure_reader", "select position from log", tenant) == []


def test_a_tenant_is_set_for_one_transaction_only(written: str) -> None:
    with psycopg.connect(written, options=options("tenure_reader")) as connection:
        connection.execute("select set_config('tenure.tenant', 'sandbox/acme', true)")
        during = connection.execute("select count(*) from log").fetchone()
        connection.commit()
        after = connection.execute("select count(*) from log").fetchone()

    assert (during, after) == ((4,), (0,))


def test_a_reader_knows_how_long_the_log_is_whoever_wrote_it(written: str) -> None:
    assert as_role(written, "tenure_reader", "select log_head()") == [len(log_of(written))]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into log (position, stream, version, type, entry) values (9999, 's', 1, 't', '{}')",
        "update log set tenant = 'sandbox/acme'",
        "delete from log",
        "select * from stored_events",
        "select * from state",
        "select * from state_entity_1",
        "select * from idempotency",
        "select * from idempotency_default",
        "insert into authority values (9999)",
        "insert into log_access values (now(), 'key', '/v1/log', 'partner:acme', 'sandbox/acme')",
        "delete from subject",
        "insert into key_use values ('key', now())",
    ],
)
def test_a_reader_cannot(written: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(written, "tenure_reader", statement, "sandbox/acme")
