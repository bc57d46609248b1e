"""A server of its own, so that what is fuzzed disturbs nobody."""

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from tests.interfaces.serving import Served, a_data_folder, serving

OPERATOR_KEY = "the-operator-s-own-secret-of-the-fuzzing"


class Keys(NamedTuple):
    """What is spoken with: one partner's key, another's, the operator's."""

    own: str
    other: str
    operator: str


NO_KEYS = Keys("", "", "")


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    """A server with everything on."""
    with (
        a_data_folder() as data,
        serving(
            data,
            app=None,
            TENURE_OPERATOR_KEY=OPERATOR_KEY,
            TENURE_REGISTRATIONS_PER_HOUR="100000",
        ) as served,
    ):
        yield served


@pytest.fixture(scope="session")
def keys(server: Served) -> Keys:
    """The first partner's key, and those of whom it has to do with."""
    form = {"name": "Another", "acceptTerms": True}
    reply = httpx.post(f"{server.url}/v1/partners/register", json=form, timeout=10)
    return Keys(server.first_key, reply.raise_for_status().json()["apiKey"], OPERATOR_KEY)
