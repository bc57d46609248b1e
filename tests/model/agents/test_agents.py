"""Whatever is asked of agents, by one thread or by several, each reply is what is specified, in the
log's order, and every promise is kept. A failure names the seed: with MODEL_SEED the long form
begins with the same requests.
"""

import os
import time
from collections.abc import Sequence
from itertools import count
from random import randrange

import pytest

from tests.model.agents.asking import anything
from tests.model.agents.at_the_server import Connections, assert_is_shown
from tests.model.agents.conftest import BeginForest
from tests.model.agents.forest import Forest
from tests.model.agents.history import History
from tests.model.conftest import Connect
from tests.model.the_log import assert_rows_are_those_of_the_log

SEEDS = (4, 28)
"""Whose requests meet more than most."""

SEED = int(os.environ.get("MODEL_SEED", "0")) or randrange(1, 10**9)
SECONDS = float(os.environ.get("MODEL_SECONDS", "120"))
"""How long the long form goes on."""

THINGS = 120
"""So many are asked for with each seed."""

one_thread_or_several = pytest.mark.parametrize("threads", [1, 4])


def tell(
    forest: Forest, connections: Sequence[Connections], log_url: str, things: int, seed: int
) -> None:
    """Ask so many things of a partner's agents in each thread, and hold all that came of it, and
    all that is shown at the end, against the specification.
    """
    history = History(forest, connections)
    history.go_on(anything, things, seed)
    try:
        assert_is_shown(history.check(log_url), history.servers[0])
    except AssertionError as error:
        error.add_note(f"MODEL_SEED={seed}")
        raise


@one_thread_or_several
def test_the_server_does_to_agents_what_is_specified(
    threads: int, begin_forest: BeginForest, connect: Connect, log_url: str
) -> None:
    connections = [connect() for _ in range(threads)]

    for seed in SEEDS:
        tell(begin_forest(), connections, log_url, THINGS // threads, seed)

    assert_rows_are_those_of_the_log(log_url)


@pytest.mark.scale
@one_thread_or_several
def test_the_server_does_to_agents_what_is_specified_for_long(
    threads: int, begin_forest: BeginForest, connect: Connect, log_url: str
) -> None:
    connections = [connect() for _ in range(threads)]
    seeds, deadline = count(SEED), time.monotonic() + SECONDS

    while time.monotonic() < deadline:
        tell(begin_forest(), connections, log_url, things=150, seed=next(seeds))

    assert_rows_are_those_of_the_log(log_url)
