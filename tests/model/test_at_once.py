"""The same from several threads at once: each tells its own story, exactly as the model says, and
all of them touch what is hot. A failure names the seed: MODEL_SEED tells the stories again.
"""

import os
import time
from collections import deque
from collections.abc import Callable
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


def tell(both: Both, hot: Hot, chance: Random, goes_on: Callable[[], bool]) -> int:
    """One story: one thing after another while it goes on; how many."""
    done = 0
    while done < STORY_LENGTH and goes_on():
        own = chance.random() < 0.6
        operation = chance.choice(OPERATIONS if own else hot.operations)
        operation(both, chance)
        done += 1
    both.everything()
    return done


def tell_at_once(begin: Begin, connect: Connect, seconds: float) -> tuple[Hot, int]:
    """Tell stories in several threads; what was hot, and how many things were done."""
    stop, deadline = Event(), time.monotonic() + seconds
    hot = Hot(begin(lambda _: None, connect()), Random(SEED))

    def goes_on() -> bool:
        return time.monotonic() < deadline and not stop.is_set()

    def tale(number: int, connections: list[httpx.Client]) -> int:
        told: deque[str] = deque(maxlen=LINES_SHOWN)
        chance, done = Random(SEED + number), 0
        try:
            while goes_on():
                done += tell(begin(told.append, connections), hot, chance, goes_on)
        except Exception as error:
            stop.set()
            told_so_far = "\n".join(told)
            raise Went(f"MODEL_SEED={SEED}, thread {number}:\n{told_so_far}\n{error}") from error
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        tales = [pool.submit(tale, number, connect()) for number in range(1, THREADS + 1)]
        done = sum(one.result() for one in tales)
    hot.check()
    return hot, done


def test_whoever_comes_first_the_server_says_what_the_models_say(
    begin: Begin, connect: Connect, log_url: str
) -> None:
    hot, done = tell_at_once(begin, connect, seconds=4)

    assert_rows_are_those_of_the_log(log_url)
    assert done > THREADS
    assert hot.acknowledged


@pytest.mark.scale
def test_whoever_comes_first_the_server_says_what_the_models_say_for_long(
    begin: Begin, connect: Connect, log_url: str
) -> None:
    hot, _ = tell_at_once(begin, connect, SECONDS)

    assert_rows_are_those_of_the_log(log_url)
    assert hot.walks
    assert any(len(tries) > 1 for tries in hot.redeemed.values())
