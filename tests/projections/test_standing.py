"""The question how deep a person's history is."""

import pytest

from domain.refusals import NotFound
from projections.standing import AskStanding
from tests.builders import History, a_claim, a_lookup, a_participation, days_ago


def test_a_known_person_has_the_standing_of_their_history() -> None:
    history = History(*(a_participation(occurred_at=days_ago(14)) for _ in range(10)))

    found = history.do(AskStanding(a_lookup()))

    assert (found.found.tier, found.found.claim_status) == (1, "clean")
    assert found.position == 10


def test_nobody_known_has_none() -> None:
    found = History(a_participation("bob")).do(AskStanding(a_lookup("alice")))

    assert (found.found.entity_id, found.found.tier) == (None, 0)
    assert found.position == 1


def test_nobody_known_is_not_found_when_somebody_must_be_there() -> None:
    history = History(a_participation("bob"))

    with pytest.raises(NotFound):
        history.do(AskStanding(a_lookup("alice"), must_exist=True))


def test_somebody_with_a_claim_and_no_event_is_found() -> None:
    found = History(a_claim("alice")).do(AskStanding(a_lookup("alice"), must_exist=True)).found

    assert (found.tier, found.claim_status) == (0, "flagged")


def test_the_question_changes_nothing() -> None:
    outcome = History(a_participation()).decide(AskStanding(a_lookup()))

    assert (outcome.changes, outcome.subjects, outcome.forgets) == ((), (), None)
