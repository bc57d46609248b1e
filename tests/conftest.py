"""A real PostgreSQL for every test that asks for one: one server a session, a database a module.

Properties are tried with the same examples each time, so that no run fails by chance; to look for
others: ``pytest --hypothesis-profile explore``.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from application.migrate import migrate
from interfaces.postgres import EmbeddedPostgres
from tests.databases import new_database

ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ordinary", ON_A_BUSY_MACHINE, max_examples=25, derandomize=True)
settings.register_profile("explore", ON_A_BUSY_MACHINE, max_examples=1_000)
settings.load_profile("ordinary")

numbers = count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL for the whole session: TENURE_TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("TENURE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # Outside pytest's folders: their parents are private, and their long names no socket takes.
    data = Path(tempfile.mkdtemp(prefix="tenure-tests-"))
    postgres = EmbeddedPostgres(data)
    postgres.start()
    try:
        yield postgres.url
    finally:
        postgres.stop()
        shutil.rmtree(data)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """Name of a migrated database that others are copied from."""
    name = f"tenure_template_{os.getpid()}"
    with new_database(postgres_url, name) as url:
        migrate(url)
        yield name


@pytest.fixture(scope="module")
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh, migrated database of this test module's own."""
    name = f"tenure_test_{os.getpid()}_{next(numbers)}"
    with new_database(postgres_url, name, template=migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database of this test's own, without a single table."""
    with new_database(postgres_url, f"tenure_test_{os.getpid()}_{next(numbers)}") as url:
        yield url
