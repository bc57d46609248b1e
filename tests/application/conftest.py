"""A database that is ready to be written: migrated, with a table for each fold."""

import pytest

from interfaces.wiring import prepare


@pytest.fixture(scope="module")
def log_url(database_url: str) -> str:
    """An empty log of this test module's own."""
    prepare(database_url)
    return database_url
