"""The catalogue of participation."""

import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_types import ACTIONS_BY_CATEGORY, EVENT_TYPES, nearest_event_types


def test_the_catalogue_is_the_contracts() -> None:
    assert {category: len(actions) for category, actions in ACTIONS_BY_CATEGORY.items()} == {
        "transaction": 7,
        "account": 5,
        "review": 2,
        "rating": 1,
        "message": 2,
        "response": 1,
        "policy": 2,
        "terms": 1,
        "signal": 2,
        "ai": 4,
        "gig": 4,
        "lending": 4,
        "social": 3,
    }


def test_no_type_is_listed_twice() -> None:
    assert len(EVENT_TYPES) == sum(len(actions) for actions in ACTIONS_BY_CATEGORY.values())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("transaction.complete", "transaction.completed"),
        ("Gig.Completed", "gig.completed"),
        ("lending.repayed", "lending.repaid"),
        ("social.postCreated", "social.post_created"),
    ],
)
def test_the_type_that_was_meant_is_the_nearest(typed: str, meant: str) -> None:
    assert nearest_event_types(typed)[0] == meant


@given(st.text(max_size=200))
def test_whatever_is_typed_three_types_are_near(typed: str) -> None:
    near = nearest_event_types(typed)

    assert len(set(near)) == 3
    assert EVENT_TYPES.issuperset(near)


@pytest.mark.parametrize("typed", ["transaction.complete", "transaction." * 5_000])
def test_the_nearest_are_found_in_a_few_steps(typed: str) -> None:
    steps = Counter[str]()

    sys.setprofile(lambda frame, event, argument: steps.update([event]))
    try:
        nearest_event_types(typed)
    finally:
        sys.setprofile(None)

    assert steps.total() < 500
