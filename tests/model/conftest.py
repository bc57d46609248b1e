"""A server with two workers, connections that reach both, and partners for each story."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import httpx
import psutil
import pytest

from interfaces.admission import approve_partner
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, serving
from tests.model.side_by_side import Both
from tests.stories.client import connected
from tests.stories.document import Document

Connect = Callable[[], list[httpx.Client]]


class Begin(Protocol):
    """Begins a story, over connections of its own if it is given some."""

    def __call__(
        self, note: Callable[[str], None], own: list[httpx.Client] | None = None
    ) -> Both: ...


numbers = count(1)
CONNECTIONS = 6


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """The data folder of the server."""
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server(data: Path) -> Iterator[Served]:
    """A server of two workers."""
    with serving(data, app=None, workers=2, TENURE_REGISTRATIONS_PER_HOUR="100000") as served:
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
def connect(server: Served, document: Document) -> Iterator[Connect]:
    """Makes connections to the server."""
    with connecting(server, document) as connect:
        yield connect


@pytest.fixture(scope="session")
def begin(data: Path, log_url: str, document: Document, connect: Connect) -> Begin:
    """Begins a story: three new partners in the sandbox and one in production."""
    settings, connections = Settings.load(data, {}), connect()

    def story(note: Callable[[str], None], own: list[httpx.Client] | None = None) -> Both:
        number = next(numbers)
        productive = f"Delta {number}"
        names = (f"Alpha {number}", f"Beta {number}", f"Gamma {number}", productive)
        keys = {
            name: approve_partner(
                settings, log_url, name, None, "production" if name == productive else "sandbox"
            )[1]
            for name in names
        }
        return Both(own or connections, keys, productive, document, note)

    return story


@contextmanager
def connecting(server: Served, document: Document) -> Iterator[Connect]:
    """Makes connections, each kept for all its requests, until both workers are reached."""
    made: list[httpx.Client] = []

    def connections() -> list[httpx.Client]:
        new: list[httpx.Client] = []
        while len(new) < CONNECTIONS or len(reached(server)) < 2:
            new.append(connected(server.url, document))
            new[-1].get("/healthz")
        made.extend(new)
        return new

    yield connections
    for one in made:
        one.close()


def reached(server: Served) -> set[int]:
    """The workers that hold a connection of ours."""
    own = {one.laddr for one in psutil.Process().net_connections("tcp")}
    return {
        worker
        for worker in server.workers()
        for one in psutil.Process(worker).net_connections("tcp")
        if one.raddr in own
    }
