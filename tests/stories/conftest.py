"""One server for all stories: the command itself, its own data folder, its own PostgreSQL."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from interfaces.admission import approve_partner
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, serving
from tests.stories.client import Client, connected
from tests.stories.document import Document

MakePartner = Callable[[], Client]

OPERATOR_KEY = "the-operator-s-own-secret-of-the-stories"

names = count(1)


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """The data folder of the stories' server."""
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server(data: Path) -> Iterator[Served]:
    """The stories' server: one worker, everything on."""
    with serving(data, app=None, TENURE_OPERATOR_KEY=OPERATOR_KEY) as served:
        yield served


@pytest.fixture(scope="session")
def log_url(data: Path, server: Served) -> str:
    """URL of the server's database, for what cannot be seen from outside."""
    return EmbeddedPostgres(data).url


@pytest.fixture(scope="session")
def document(server: Served) -> Document:
    """What the server says of itself."""
    return Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())


@pytest.fixture(scope="session")
def http(server: Served, document: Document) -> Iterator[httpx.Client]:
    """Connections to the server; each reply is checked as it comes."""
    with connected(server.url, document) as client:
        yield client


@pytest.fixture(scope="session")
def nobody(http: httpx.Client) -> Client:
    """A client without a key."""
    return Client(http, None)


@pytest.fixture(scope="session")
def operator(http: httpx.Client) -> Client:
    """Whoever runs the server, by way of its operator's key."""
    return Client(http, OPERATOR_KEY)


@pytest.fixture(scope="session")
def partner(http: httpx.Client, server: Served) -> Client:
    """The first partner, with the key that the first start printed."""
    return Client(http, server.first_key)


@pytest.fixture(scope="session")
def a_partner(http: httpx.Client, data: Path, log_url: str) -> MakePartner:
    """Approves one more partner, as the operator's command does."""
    settings = Settings.load(data, {})

    def approve() -> Client:
        _, key = approve_partner(settings, log_url, f"Partner {next(names)}", None, "sandbox")
        return Client(http, key)

    return approve
