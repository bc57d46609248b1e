"""Partners without agents yet, at the server of the other models."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from interfaces.admission import approve_partner
from interfaces.settings import Settings
from tests.model.agents.forest import Forest

BeginForest = Callable[[], Forest]

numbers = count(1)


def a_forest(settings: Settings, url: str) -> Forest:
    """The forest of a new partner, in which nobody is yet."""
    approval, key = approve_partner(settings, url, f"Forester {next(numbers)}", None, "sandbox")
    return Forest(key, approval.partner_id)


@pytest.fixture(scope="session")
def begin_forest(data: Path, log_url: str) -> BeginForest:
    """Begins a forest at the server."""
    settings = Settings.load(data, {})
    return lambda: a_forest(settings, log_url)
