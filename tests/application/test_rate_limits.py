"""Rate limits: so many a window, counted here at once and elsewhere within a second."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from application.log.connections import pool
from application.rate_limits import Allowance, Budget, RateLimits, counted_as
from domain.refusals import LinkCodeInvalid, LinkExists, RateLimited
from tests.application.running import as_owner

NOON = 1_800_000_000
"""The beginning of a window of a minute."""


class Watch:
    """A clock that tests set."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Limits(RateLimits):
    """Limits of a minute, with one quota for all."""

    def __init__(self, quota: int, watch: Callable[[], float]) -> None:
        super().__init__("default", 60, watch)
        self.quota = quota

    def ask(self, who: str = "acme") -> Budget:
        return self.take((who, self.quota))


def remaining(limits: Limits, times: int, who: str = "acme") -> list[int]:
    return [limits.ask(who).remaining for _ in range(times)]


# In one worker


def test_a_quota_is_used_up_one_request_at_a_time() -> None:
    assert remaining(Limits(3, Watch()), 5) == [2, 1, 0, -1, -1]


def test_each_has_a_quota_of_its_own() -> None:
    limits = Limits(1, Watch())

    assert remaining(limits, 2, "acme") == [0, -1]
    assert remaining(limits, 2, "bolt") == [0, -1]


def test_the_next_window_begins_with_a_whole_quota() -> None:
    watch = Watch(NOON + 59.9)
    limits = Limits(2, watch)

    assert limits.ask() == Budget(2, 1, 1)
    watch.now = NOON + 60
    assert limits.ask() == Budget(2, 1, 60)


def test_what_was_refused_is_not_counted() -> None:
    watch = Watch()
    limits = Limits(1, watch)
    remaining(limits, 100)

    watch.now += 60
    assert remaining(limits, 1) == [0]


@pytest.mark.parametrize(("at", "resets"), [(0, 60), (0.5, 60), (1, 59), (59.9, 1)])
def test_a_budget_says_in_how_many_whole_seconds_it_is_whole_again(at: float, resets: int) -> None:
    assert Limits(2, Watch(NOON + at)).ask().resets_in_seconds == resets


@pytest.mark.parametrize(("left", "shown"), [(5, 5), (0, 0), (-1, 0)])
def test_the_headers_are_those_of_the_ietf_draft(left: int, shown: int) -> None:
    assert RateLimits("default", 60).headers(Budget(1000, left, 12)) == [
        (b"ratelimit-policy", b'"default";q=1000;w=60'),
        (b"ratelimit", f'"default";r={shown};t=12'.encode()),
    ]


def test_what_counts_for_several_needs_room_in_all_of_them() -> None:
    limits = RateLimits("agent", 60, Watch())
    parent, child, sibling = ("parent", 3), ("child", 2), ("sibling", 5)

    assert [limits.take(parent, child).remaining for _ in range(3)] == [1, 0, -1]
    assert [limits.take(parent, sibling).remaining for _ in range(2)] == [0, -1]
    assert limits.take(sibling).remaining == 3


# In several workers


def add_up(url: str, *workers: RateLimits) -> None:
    """Have workers add up their counts, one after the other, and then all once more."""

    async def story() -> None:
        async with pool(url, "tenure_writer") as connections:
            for limits in (*workers, *workers):
                await limits.add_up(connections)

    asyncio.run(story())


def some_workers(quota: int, count: int, watch: Watch) -> Sequence[Limits]:
    return [Limits(quota, watch) for _ in range(count)]


def test_a_worker_counts_what_the_others_took(log_url: str) -> None:
    here, there = some_workers(10, 2, Watch())
    remaining(here, 3)
    remaining(there, 4)

    add_up(log_url, here, there)

    assert remaining(here, 4) == [2, 1, 0, -1]
    assert remaining(there, 4) == [2, 1, 0, -1]


def test_adding_up_again_counts_nothing_twice(log_url: str) -> None:
    here, there = some_workers(10, 2, Watch(NOON + 600))
    remaining(here, 3)

    for _ in range(3):
        add_up(log_url, here, there)

    assert remaining(there, 1, "acme") == [9]
    add_up(log_url, there, here)
    assert remaining(there, 1) == [5]
    assert remaining(here, 1) == [5]


def test_before_the_counts_are_added_up_each_worker_lets_a_whole_quota_pass(log_url: str) -> None:
    workers = some_workers(5, 3, Watch(NOON + 1_200))

    passed = sum(left >= 0 for limits in workers for left in remaining(limits, 20))
    add_up(log_url, *workers)
    later = [left for limits in workers for left in remaining(limits, 20)]

    assert passed == 3 * 5
    assert set(later) == {-1}


def test_counts_of_a_window_that_is_over_are_let_go(log_url: str) -> None:
    watch = Watch(NOON + 1_800)
    (limits,) = some_workers(5, 1, watch)
    remaining(limits, 2)
    add_up(log_url, limits)
    watch.now += 60
    remaining(limits, 1)
    add_up(log_url, limits)

    rows = as_owner(log_url, "select starts_at, who, taken from rate_count")
    assert rows == [(NOON + 1_860, "acme", 1)]


def test_a_count_that_comes_back_late_is_not_of_the_new_window(log_url: str) -> None:
    watch = Watch(NOON + 2_400)
    limits, others = some_workers(5, 2, watch)
    remaining(others, 4)
    add_up(log_url, others)
    remaining(limits, 1)

    async def story() -> None:
        async with pool(log_url, "tenure_writer") as connections:
            adding = asyncio.create_task(limits.add_up(connections))
            await asyncio.sleep(0)
            watch.now += 60
            limits.ask()
            await adding

    asyncio.run(story())
    assert remaining(limits, 1) == [3]


# Allowances


def taken(allowance: Allowance, times: int, who: str = "acme") -> int:
    """Take so many times; how many there was room for."""
    room = 0
    for _ in range(times):
        with suppress(RateLimited):
            allowance.take(who)
            room += 1
    return room


def test_an_allowance_is_each_one_s_own_and_whole_again_on_the_hour() -> None:
    watch = Watch()
    allowance = Allowance(3, watch)

    assert taken(allowance, 10) == 3
    assert taken(allowance, 10, "bolt") == 3
    watch.now += 3600
    assert taken(allowance, 10) == 3


def test_whoever_took_too_much_is_told_when_to_come_back() -> None:
    allowance = Allowance(1, Watch(NOON + 3599.5 - NOON % 3600))
    allowance.take("acme")

    with pytest.raises(RateLimited) as refused:
        allowance.take("acme")

    assert refused.value.facts == {"seconds": 1}


def guess(guesses: Allowance, times: int) -> int:
    """Guess wrongly so many times; how many guesses were heard."""
    heard = 0
    for _ in range(times):
        with suppress(LinkCodeInvalid, RateLimited), guesses.counted("acme", LinkCodeInvalid):
            heard += 1
            raise LinkCodeInvalid
    return heard


def test_of_wrong_guesses_so_many_are_heard_and_no_more() -> None:
    assert guess(Allowance(20, Watch()), 50) == 20


def test_right_guesses_and_other_refusals_are_not_counted() -> None:
    guesses = Allowance(20, Watch())
    for _ in range(50):
        with guesses.counted("acme", LinkCodeInvalid):
            pass
        with pytest.raises(LinkExists), guesses.counted("acme", LinkCodeInvalid):
            raise LinkExists(reason="one of them is linked already")

    assert guess(guesses, 50) == 20


def test_guesses_that_are_on_their_way_count_already() -> None:
    guesses = Allowance(20, Watch())
    heard = 0

    async def one() -> None:
        nonlocal heard
        with guesses.counted("acme", LinkCodeInvalid):
            heard += 1
            await asyncio.sleep(0)
            raise LinkCodeInvalid

    async def story() -> None:
        await asyncio.gather(*(one() for _ in range(50)), return_exceptions=True)

    asyncio.run(story())
    assert heard == 20


def test_a_guess_that_was_begun_before_the_hour_is_not_given_back_to_the_next() -> None:
    watch = Watch()
    guesses = Allowance(20, watch)

    with guesses.counted("acme", LinkCodeInvalid):
        watch.now += 3600
        assert guess(guesses, 20) == 20

    assert guess(guesses, 1) == 0


# Under which name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_counts_with_those_of_the_same_customer(host: str, name: str) -> None:
    assert counted_as((host, 50_000)) == name


def test_whoever_has_no_address_is_counted_all_the_same() -> None:
    assert counted_as(None) == ""
