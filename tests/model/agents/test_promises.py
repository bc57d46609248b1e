"""The specification keeps every promise, and without one of its rules it does not: no server is
asked.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

import pytest

from tests.model.agents import changes
from tests.model.agents import forest as forests
from tests.model.agents.asked import Asked
from tests.model.agents.asking import Handed, anything, let_spawn
from tests.model.agents.bounds import Rights
from tests.model.agents.changes import Answer
from tests.model.agents.forest import Agent, Forest
from tests.model.agents.promises import assert_kept
from tests.model.agents.specification import answer
from tests.model.rules import Body
from tests.model.specification import Refused

FORESTS = 20
THINGS = 120


def live(forest: Forest, handed: Handed, chance: Random) -> None:
    """Have many things asked of a forest, with what a server would choose drawn."""
    for moment in range(THINGS):
        asked = anything(handed, chance) if moment else let_spawn(handed)
        agent_id = str(UUID(int=chance.getrandbits(128)))
        chosen: Body = {"id": agent_id, "apiKey": f"key-{agent_id}", "createdAt": f"{moment:06}"}
        try:
            after, said = answer(forest, asked, chosen)
        except Refused:
            continue
        assert_kept(forest, after, asked)
        handed.take(asked, said)
        forest = after


def live_all() -> None:
    """Have many things asked of many forests."""
    for seed in range(FORESTS):
        live(Forest("the partner's key", "a partner"), Handed("the partner's key"), Random(seed))


def test_the_specification_keeps_every_promise() -> None:
    live_all()


def there_is_always_room(forest: Forest, parent_id: str) -> None:
    pass


def nothing_exceeds(rights: Rights, bound: Rights) -> list[str]:
    return []


def any_status_will_do(forest: Forest, agent_id: str, *statuses: str) -> Agent:
    return forest.found(agent_id)


def nobody_is_next_below(forest: Forest, agent_id: str) -> list[str]:
    return []


def the_last_may_what_it_was_given(line: Sequence[Rights]) -> Rights:
    return line[-1]


def a_parent_is_all_that_is_above(forest: Forest, agent_id: str) -> tuple[str, ...]:
    return (agent_id,)


def only_itself_would_end(forest: Forest, asked: Asked, told: Body) -> Answer:
    return forest, {"preview": True, "agents": [{"id": asked.about}]}


WRONG: dict[Callable[..., Any], tuple[object, str, str]] = {
    there_is_always_room: (changes, "must_have_room", "too many|too deep|was spawned"),
    nothing_exceeds: (changes, "exceeding", "was given more"),
    any_status_will_do: (changes, "being", "came back"),
    nobody_is_next_below: (Forest, "next_below", "woke"),
    the_last_may_what_it_was_given: (forests, "meet", "has more"),
    a_parent_is_all_that_is_above: (Forest, "line", "is not below"),
    only_itself_would_end: (changes, "preview", "survived"),
}
"""Each wrong rule, what it takes the place of, and which promise is broken."""


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_specification_without_a_rule_breaks_a_promise(
    wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, broken = WRONG[wrong]
    monkeypatch.setattr(owner, name, wrong)

    with pytest.raises(AssertionError, match=broken):
        live_all()
