"""The same from several threads at once: each tells its own story, exactly as the model says, and
all of them touch what is hot. A failure names the seed: MODEL_SEED tells the stories again.
"""

import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from random import Random, randrange
from threading import Event

import httpx
import pytest

from tests.model.conftest import Begin, Connect
from tests.model.hot import Hot
from tests.model.operations import OPERATIONS
from tests.model.side_by_side import Both
from tests.model.the_log import assert_rows_are_those_of_the_log

SEED = int(os.environ.get("MODEL_SEED", "0")) or randrange(1, 10**9)
SECONDS = float(os.environ.get("MODEL_SECONDS", "120"))
"""How long the long form goes on."""

THREADS = 4
STORY_LENGTH = 150
"""So many things happen to partners until others come, who have no history yet."""

LINES_SHOWN = 60


class Went(AssertionError):
    """A story went wrong; the message tells it."""


def tell(both: Both, hot: Hot, chance: Random, things: int) -> None:
    """One story: so many things, one after another, and all that is there to see at its end."""
    for _ in range(things):
        own = chance.random() < 0.6
        operation = chance.choice(OPERATIONS if own else hot.operations)
        operation(both, chance)
    both.everything()


def tell_at_once(begin: Begin, connect: Connect, things: int, seconds: float = 0) -> Hot:
    """Tell stories in several threads, more of them while the time is not over; what was hot."""
    stop = Event()
    hot = Hot(begin(lambda _: None, connect()), Random(SEED))
    deadline = time.monotonic() + seconds

    def tale(number: int, connections: list[httpx.Client]) -> None:
        told: deque[str] = deque(maxlen=LINES_SHOWN)
        chance = Random(SEED + number)
        try:
            tell(begin(told.append, connections), hot, chance, things)
            while time.monotonic() < deadline and not stop.is_set():
                tell(begin(told.append, connections), hot, chance, things)
        except Exception as error:
            stop.set()
            told_so_far = "\n".join(told)
            raise Went(f"MODEL_SEED={SEED}, thread {number}:\n{told_so_far}\n{error}") from error

    with ThreadPoolExecutor(THREADS) as pool:
        tales = [pool.submit(tale, number, connect()) for number in range(1, THREADS + 1)]
        for one in tales:
            one.result()
    hot.check()
    return hot


def test_whoever_comes_first_the_server_says_what_the_models_say(
    begin: Begin, connect: Connect, log_url: str
) -> None:
    hot = tell_at_once(begin, connect, things=40)

    assert_rows_are_those_of_the_log(log_url)
    assert hot.acknowledged


@pytest.mark.scale
def test_whoever_comes_first_the_server_says_what_the_models_say_for_long(
    begin: Begin, connect: Connect, log_url: str
) -> None:
    hot = tell_at_once(begin, connect, STORY_LENGTH, SECONDS)

    assert_rows_are_those_of_the_log(log_url)
    assert hot.walks
    assert any(len(tries) > 1 for tries in hot.redeemed.values())
