"""A server of these stories' own: two workers, and what is off elsewhere is on."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.interfaces.serving import Served, a_data_folder, serving
from tests.stories.client import Client, connected
from tests.stories.document import Document

QUOTA = 400


@pytest.fixture(scope="package")
def data() -> Iterator[Path]:
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="package")
def server(data: Path) -> Iterator[Served]:
    """Two workers, and what is off elsewhere is on."""
    with serving(
        data,
        app=None,
        workers=2,
        TENURE_PROMOTE_LOOPBACK="true",
        TENURE_PUBLIC_SANDBOX="true",
        TENURE_RATE_LIMIT=f"{QUOTA}/86400",
        TENURE_REGISTRATIONS_PER_HOUR="1000",
        TENURE_MARKET_FEE_BASIS_POINTS="1000",
        TENURE_MARKET_GATE="true",
        TENURE_MARKET_REVIEW_HOURS="72",
    ) as served:
        yield served


@pytest.fixture(scope="package")
def document(server: Served) -> Document:
    return Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())


@pytest.fixture(scope="package")
def http(server: Served, document: Document) -> Iterator[httpx.Client]:
    with connected(server.url, document) as client:
        # Each request is a connection of its own, so that both workers are met.
        client.headers["connection"] = "close"
        yield client


@pytest.fixture(scope="package")
def nobody(http: httpx.Client) -> Client:
    return Client(http, None)
