"""Servers that are done harm to: each with a data folder and a PostgreSQL of its own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from interfaces.admission import approve_partner
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, serving

names = count(1)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """The data folder of this module's server."""
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Served]:
    """This module's server: two workers, everything on."""
    with serving(data, workers=2, app=None) as served:
        yield served


@pytest.fixture(scope="module")
def log_url(data: Path, server: Served) -> str:
    """URL of its database."""
    return EmbeddedPostgres(data).url


@pytest.fixture
def api_key(data: Path, log_url: str) -> str:
    """The key of a partner that this test alone knows."""
    settings = Settings.load(data, {})
    return approve_partner(settings, log_url, f"Partner {next(names)}", None, "sandbox")[1]
