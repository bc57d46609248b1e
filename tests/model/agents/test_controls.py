"""Controls: a server with one rule less is found out by what is asked of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from interfaces.settings import Settings
from tests.interfaces.serving import SECRETS, a_data_folder, serving
from tests.model.agents.asking import any_of, anything
from tests.model.agents.conftest import BeginForest, a_forest
from tests.model.agents.defects import having
from tests.model.agents.history import History
from tests.model.conftest import Connect, connecting
from tests.stories.document import Document

APP = "tests.model.agents.defects:create_wrong_app"
TRIES = 20


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """The data folder of the server that has defects."""
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def connect(data: Path, database_url: str) -> Iterator[Connect]:
    """Makes connections to a server of two workers that has the defects that it is told to have."""
    with serving(data, app=APP, workers=2, TENURE_DATABASE_URL=database_url) as server:
        document = Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())
        with connecting(server, document) as connect:
            yield connect


@pytest.fixture
def begin_forest(data: Path, database_url: str) -> BeginForest:
    """Begins a forest at that server."""
    settings = Settings.load(data, SECRETS)
    return lambda: a_forest(settings, database_url)


MET_BY = {
    "who is stopped above is not looked at": ("suspend", "reactivate", "report"),
    "rights are those that were given": ("set_rights", "report"),
    "a kill forgets the pending": ("set_policy", "kill", "look"),
    "the stopped wake when one above is revoked": ("suspend", "revoke", "look"),
    "nobody counts offspring": ("set_policy",),
    "a principal is remembered for ever": ("suspend", "reactivate", "report"),
    "a principal is not identified under the lock": ("suspend", "reactivate", "report"),
}
"""What is asked, beside making agents, to meet each defect."""

THREADS = {"a principal is not identified under the lock": 4}
"""What one thread cannot meet."""


def happens(history: History, does: Sequence[str], url: str) -> None:
    """Some requests, again and again, and agents are made."""
    draw = any_of("register", "spawn", *does)
    for seed in range(TRIES):
        history.go_on(draw, 20, seed)
        history.check(url)


def test_without_a_defect_nothing_is_noticed(
    connect: Connect, begin_forest: BeginForest, database_url: str
) -> None:
    history = History(begin_forest(), [connect()])

    history.go_on(anything, 20, seed=1)

    history.check(database_url)


@pytest.mark.parametrize("defect", MET_BY)
def test_a_defect_is_noticed(
    defect: str, data: Path, connect: Connect, begin_forest: BeginForest, database_url: str
) -> None:
    history = History(begin_forest(), [connect() for _ in range(THREADS.get(defect, 1))])

    with having(defect, data), pytest.raises(AssertionError):
        happens(history, MET_BY[defect], database_url)
