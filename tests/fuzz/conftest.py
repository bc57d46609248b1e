"""A server of its own, so that what is fuzzed disturbs nobody."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.interfaces.serving import Served, a_data_folder, serving

OPERATOR_KEY = "the-operator-s-own-secret-of-the-fuzzing"


class Uids(NamedTuple):
    """What members of a marketplace speak with, and the id of the agent. Of the two developers one
    may lose their uid.
    """

    client: str
    developer: str
    supervisor: str
    agent: str
    agent_id: str
    rotated: str


class Keys(NamedTuple):
    """What is spoken with: one partner's key, another's, the operator's, and uids."""

    own: str
    other: str
    operator: str
    uids: Uids


NO_KEYS = Keys("", "", "", Uids("", "", "", "", "", ""))


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
    other = reply.raise_for_status().json()["apiKey"]
    return Keys(server.first_key, other, OPERATOR_KEY, members_of(server))


def members_of(server: Served) -> Uids:
    """Members of the first partner's marketplace."""
    base, key = f"{server.url}/api/ailancer", {"x-api-key": server.first_key}

    def made(path: str, form: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        reply = httpx.post(base + path, json=form, headers=headers, timeout=10)
        shown: dict[str, Any] = reply.raise_for_status().json()
        return shown

    client, developer, supervisor, rotated = (
        made("/users", {"roles": [role]}, key)["user_uid"]
        for role in ("client", "developer", "supervisor", "developer")
    )
    pricing = {"unit": "lead", "price_per_unit": "1", "currency": "USD"}
    listing = {"name": "Fuzzed", "capabilities": ["voice-outbound"], "pricing": pricing}
    agent = made("/agents", listing, {"userUid": developer})
    return Uids(client, developer, supervisor, agent["agent_uid"], agent["agent_id"], rotated)
