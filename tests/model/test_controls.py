"""Controls: a model that is wrong in one thing is found out by the operations that meet it."""

from collections.abc import Callable
from random import Random

import pytest

from tests.model import operations
from tests.model.conftest import Begin
from tests.model.operations import Operation
from tests.model.rules import Body
from tests.model.side_by_side import Both
from tests.model.specification import Kept, Refused, World

TRIES = 100


def claims_count_for_the_tier(self: World, partner: str, name: str) -> Body:
    standing = TRUE_STANDING(self, partner, name)
    return standing | {"tier": standing["tier"] + standing["claims"]["recordedCount"]}


def names_survive_erasure(self: World, partner: str, name: str, told: Body) -> Body:
    if self.known(partner, name) is None:
        raise Refused("NOT_FOUND")
    return told


def anybody_sees_any_claim(self: World, partner: str, claim_id: str) -> Body:
    return self.claims[claim_id].shown


def whoever_left_is_linked(self: World, partner: str, name: str) -> Body:
    return {"linked": True, "partners": []}


def nothing_is_denied(self: World, partner: str, name: str, action: str) -> Body:
    return TRUE_DECIDE(self, partner, name, action) | {"decision": "ALLOW"}


TRUE_STANDING, TRUE_DECIDE = World.standing, World.decide

WRONG: dict[Callable[..., Body], tuple[str, tuple[Operation, ...]]] = {
    claims_count_for_the_tier: ("standing", (operations.file_claim,)),
    names_survive_erasure: ("erase", (operations.report, operations.erase)),
    anybody_sees_any_claim: ("claim", (operations.file_claim, operations.look_at_claims)),
    whoever_left_is_linked: ("linked", (operations.look,)),
    nothing_is_denied: ("decide", (operations.evaluate,)),
}
"""Each wrong rule, what it takes the place of, and the operations that must notice."""


def happens(which: tuple[Operation, ...], both: Both, chance: Random) -> None:
    """Some operations, again and again."""
    for _ in range(TRIES):
        chance.choice(which)(both, chance)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_rule_is_noticed(
    wrong: Callable[..., Body], begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced, which = WRONG[wrong]
    both, chance = begin(lambda _: None), Random(1)
    monkeypatch.setattr(World, replaced, wrong)

    with pytest.raises(AssertionError):
        happens(which, both, chance)


def test_a_repeat_that_happened_again_is_noticed(begin: Begin) -> None:
    both, chance = begin(lambda _: None), Random(1)
    operations.report(both, chance)
    (address, kept), *_ = both.world.kept.items()
    both.world.kept[address] = Kept(kept.said, b"another reply", kept.about)

    with pytest.raises(AssertionError):
        happens((operations.repeat,), both, chance)
