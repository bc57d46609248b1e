"""A history: what was asked of one partner's agents, by one thread or several, and what they were
told.

The log says in which order things were done. In that order each reply must be what is specified.
Whoever did nothing must have been told what was so at some moment between question and reply: with
one thread there is one such moment.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from random import Random

from tests.model.agents.asking import Draw, Handed, let_spawn
from tests.model.agents.at_the_server import Connections, Heard, Server, held_against
from tests.model.agents.forest import Forest
from tests.model.agents.promises import assert_kept
from tests.model.agents.specification import admitted
from tests.model.rules import Body
from tests.model.specification import Refused
from tests.stories.logged import logged

LINES_SHOWN = 40
LENGTH_SHOWN = 400

Entry = tuple[int, Body]
"""An entry of the log, after its position."""


class History:
    """What was asked since a forest was as it is at ``first``: by one thread for each set of
    connections.
    """

    def __init__(self, first: Forest, connections: Sequence[Connections]) -> None:
        self.first, handed = first, Handed(first.owner)
        self.servers = [Server(each, handed) for each in connections]
        self.heard = [self.servers[0].ask(let_spawn(handed))]

    def go_on(self, draw: Draw, things: int, seed: int) -> None:
        """Ask so many things in each thread."""

        def ask(server: Server, chance: Random) -> None:
            for _ in range(things):
                self.heard.append(server.ask(draw(server.handed, chance)))

        with ThreadPoolExecutor(len(self.servers)) as pool:
            asking = [
                pool.submit(ask, server, Random(f"{seed} {number}"))
                for number, server in enumerate(self.servers)
            ]
            for one in asking:
                one.result()

    def check(self, url: str) -> Forest:
        """The forest at the end. It fails unless all replies agree with the log."""
        start = self.heard[0].position - 1
        entries = list(enumerate(logged(url, after=start), start + 1))
        idle = {heard.request_id: heard for heard in self.heard}
        forests, writers = [self.first], list[Heard]()
        for request_id, written in groupby(entries, lambda entry: entry[1]["request_id"]):
            assert request_id in idle, f"{request_id} was never sent, or wrote twice"
            writers.append(idle.pop(request_id))
            with self.told_until(writers[-1]):
                forests.append(after_writing(forests[-1], writers[-1], list(written)))
        for place, heard in enumerate(writers):
            earliest, latest = span(heard, writers)
            assert earliest <= place <= latest, f"{heard} stands where it cannot"
        for heard in idle.values():
            earliest, latest = span(heard, writers)
            with self.told_until(heard):
                assert_was_so(forests[earliest : latest + 1], heard)
        return forests[-1]

    @contextmanager
    def told_until(self, heard: Heard) -> Iterator[None]:
        """Tell the story before a reply that is wrong."""
        try:
            yield
        except AssertionError as error:
            before = [one for one in self.heard if one.sent < heard.received]
            before.sort(key=lambda one: one.sent)
            story = "\n".join(str(one)[:LENGTH_SHOWN] for one in before[-LINES_SHOWN:])
            raise AssertionError(f"{story}\n{error}") from error


def after_writing(before: Forest, heard: Heard, written: Sequence[Entry]) -> Forest:
    """The forest after a request that wrote entries, which must be about whom it changed."""
    after = held_against(before, heard)
    assert_kept(before, after, heard.asked)
    caller = admitted(before, heard.asked)
    who = f"partner:{before.owner_id}" if caller is None else f"agent:{caller}"
    changed = {one for one in after.agents if after.agents[one] != before.agents.get(one)}
    streams = {entry["stream"] for _, entry in written if entry["stream"].startswith("agent-")}
    assert heard.position == written[-1][0], f"{heard} stands at {written[-1][0]}"
    assert {entry["principal"] for _, entry in written} == {who}, f"{heard} was not asked by {who}"
    assert streams == {f"agent-{one}" for one in changed}, f"{heard} wrote to {streams}"
    return after


def span(heard: Heard, writers: Sequence[Heard]) -> tuple[int, int]:
    """After how many of the writers, at least and at most, a request can have been answered."""
    before = (number for number, one in enumerate(writers, 1) if one.received < heard.sent)
    after = (number for number, one in enumerate(writers) if one.sent > heard.received)
    return max(before, default=0), min(after, default=len(writers))


def assert_was_so(forests: Sequence[Forest], heard: Heard) -> None:
    """Fail unless a reply to a request that wrote nothing was so in one of some forests."""
    if heard.is_refusal:
        somewhere(forests, lambda forest: held_against(forest, heard))
        return
    # What is seen, and whether the caller may see it, are looked up one after the other.
    to_owner = replace(heard, asked=replace(heard.asked, by=forests[0].owner))
    somewhere(forests, lambda forest: held_against(forest, to_owner))
    somewhere(forests, lambda forest: admitted(forest, heard.asked))


def somewhere(forests: Sequence[Forest], check: Callable[[Forest], object]) -> None:
    """Fail, with all that is wrong, unless something holds in one of some forests."""
    faults: list[str] = []
    for forest in forests:
        try:
            check(forest)
        except (AssertionError, Refused) as fault:
            faults.append(str(fault))
        else:
            return
    raise AssertionError("\n".join(dict.fromkeys(faults)))
