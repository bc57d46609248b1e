"""A database that is ready to be written: migrated, with a table for each fold."""

import pytest

from tests.application.running import make_ready


@pytest.fixture(scope="module")
def log_url(database_url: str) -> str:
    """An empty log of this test module's own."""
    make_ready(database_url)
    return database_url
