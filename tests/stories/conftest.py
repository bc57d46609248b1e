"""One server for all stories: the command itself, its own data folder, its own PostgreSQL."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from domain.partner import tenant_of
from interfaces.admission import approve_partner, create_auditor, revoke_auditor
from interfaces.postgres import EmbeddedPostgres
from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, serving
from tests.stories.client import Client, connected
from tests.stories.document import Document
from tests.stories.market import Market, MarketAgent

MakePartner = Callable[[], Client]


class Auditor(Client):
    """An auditor's client, and how the operator ends it."""

    def __init__(
        self, http: httpx.Client, key: str, auditor_id: str, revoke: Callable[[], None]
    ) -> None:
        super().__init__(http, key)
        self.auditor_id, self.revoke = auditor_id, revoke


MakeAuditor = Callable[..., Auditor]

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


@pytest.fixture(scope="session")
def an_auditor(http: httpx.Client, data: Path, log_url: str) -> MakeAuditor:
    """Lets somebody read a partner's log, or all, as the operator's command does."""
    settings = Settings.load(data, {})

    def create(of: Client | None = None) -> Auditor:
        tenant = None if of is None else tenant_of("sandbox", of.get("/partners/me")["partnerId"])
        auditor_id, key = create_auditor(settings, log_url, f"Auditor {next(names)}", tenant)
        return Auditor(http, key, auditor_id, lambda: revoke_auditor(settings, log_url, auditor_id))

    return create


@pytest.fixture
def market(a_partner: MakePartner) -> Market:
    """A marketplace of a story's own."""
    return Market(a_partner())


@pytest.fixture
def worker(market: Market) -> MarketAgent:
    """An agent that does what jobs ask for."""
    return market.agent()
