"""An entity: what partners may report of it, and what its state counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.command import Change, Subject
from domain.entity import ENTITY, Entity, Erased, Participated, RecordParticipation
from domain.event_types import EVENT_TYPES
from domain.instants import Instant
from domain.refusals import BackfillRequired, InvalidEventType, InvalidOccurredAt, NotFound
from tests.builders import (
    NOW,
    TENANT,
    History,
    a_lookup,
    a_participation,
    an_entry,
    an_erasure,
    days_ago,
)
from tests.domain.strategies import instants_about

TWENTY_YEARS_IN_DAYS = 7_305


def state_of(history: History, entity_id: str) -> Entity:
    entity = history.known().get(ENTITY, entity_id)
    assert entity is not None
    return entity


# Recording


def test_a_new_person_becomes_an_entity_with_the_id_of_its_first_entry() -> None:
    command = a_participation("alice")

    outcome = History().decide(command)

    assert outcome.subjects == (Subject(a_lookup("alice"), command.id),)
    (change,) = outcome.changes
    assert (change.stream, change.begins) == (f"entity-{command.id}", True)
    assert outcome.reply.entity_id == command.id


def test_a_known_person_stays_the_same_entity() -> None:
    history = History()
    first = history.do(a_participation("alice"))

    outcome = history.decide(a_participation("alice"))

    assert outcome.subjects == ()
    (change,) = outcome.changes
    assert (change.stream, change.begins) == (f"entity-{first.entity_id}", False)
    assert outcome.reply.entity_id == first.entity_id


def test_two_people_are_two_entities() -> None:
    history = History()

    assert (
        history.do(a_participation("alice")).entity_id
        != history.do(a_participation("bob")).entity_id
    )


def test_one_external_id_at_two_tenants_is_two_entities() -> None:
    history = History()

    here = history.do(a_participation("alice", tenant="sandbox/acme"))
    there = history.do(a_participation("alice", tenant="sandbox/bolt"))

    assert here.entity_id != there.entity_id


def test_what_was_sent_is_what_is_recorded() -> None:
    command = a_participation(
        kind="gig.completed",
        occurred_at=days_ago(40),
        weight=2.5,
        actor_type="AGENT",
        backfill=True,
    )

    reply = History().do(command)

    assert reply.id == command.id
    assert reply.recorded_at == NOW
    assert reply.event == Participated(
        kind="gig.completed",
        occurred_at=days_ago(40),
        weight=2.5,
        actor_type="AGENT",
        backfill=True,
    )


def test_an_event_is_at_the_position_after_the_last() -> None:
    history = History(a_participation("bob"), a_participation("bob"))

    assert history.do(a_participation("alice")).position == 3


def test_what_is_not_sent_has_its_default() -> None:
    event = History().do(a_participation()).event

    assert (event.weight, event.actor_type, event.backfill) == (1, "UNKNOWN", False)


def test_an_event_without_a_time_occurred_when_it_was_recorded() -> None:
    assert History().do(a_participation(occurred_at=None)).event.occurred_at == NOW


# Event types


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_every_type_of_the_catalogue_is_taken(kind: str) -> None:
    assert History().do(a_participation(kind=kind)).event.kind == kind


@pytest.mark.parametrize(
    "kind", ["", "transaction", "transaction.", "Transaction.Completed", "gig.completed "]
)
def test_a_type_that_is_not_in_the_catalogue_is_refused_with_the_nearest(kind: str) -> None:
    with pytest.raises(InvalidEventType) as refused:
        History().do(a_participation(kind=kind))

    assert refused.value.hint is not None
    assert any(known in refused.value.hint for known in EVENT_TYPES)


# When it occurred


@pytest.mark.parametrize(
    "occurred_at",
    [
        pytest.param(days_ago(0, minutes=-5), id="five minutes ahead"),
        pytest.param(NOW, id="now"),
        pytest.param(days_ago(30), id="thirty days ago"),
    ],
)
def test_a_recent_time_is_taken(occurred_at: Instant) -> None:
    event = History().do(a_participation(occurred_at=occurred_at)).event

    assert (event.occurred_at, event.backfill) == (occurred_at, False)


@pytest.mark.parametrize("backfill", [False, True])
def test_more_than_five_minutes_ahead_is_refused_even_as_backfill(backfill: bool) -> None:
    ahead = "2026-11-22T08:05:00.001Z"

    with pytest.raises(InvalidOccurredAt, match="in the future"):
        History().do(a_participation(occurred_at=ahead, backfill=backfill))


def test_more_than_thirty_days_ago_must_be_marked_as_backfill() -> None:
    with pytest.raises(BackfillRequired):
        History().do(a_participation(occurred_at="2026-10-23T07:59:59.999Z"))


@pytest.mark.parametrize("days", [0, 30, 31, 365, TWENTY_YEARS_IN_DAYS])
def test_up_to_twenty_years_ago_is_taken_as_backfill(days: int) -> None:
    command = a_participation(occurred_at=days_ago(days), backfill=True)

    assert History().do(command).event.backfill


@pytest.mark.parametrize("backfill", [False, True])
def test_more_than_twenty_years_ago_is_refused_even_as_backfill(backfill: bool) -> None:
    long_ago = "2006-11-22T07:59:59.999Z"

    with pytest.raises(InvalidOccurredAt, match="20 years"):
        History().do(a_participation(occurred_at=long_ago, backfill=backfill))


def test_backfill_without_a_time_is_of_now() -> None:
    event = History().do(a_participation(backfill=True)).event

    assert (event.occurred_at, event.backfill) == (NOW, True)


@given(instants_about(NOW, 9_000), st.booleans())
def test_every_time_is_taken_or_refused_by_the_rule(occurred_at: Instant, backfill: bool) -> None:
    def judged() -> str:
        try:
            History().do(a_participation(occurred_at=occurred_at, backfill=backfill))
        except (InvalidOccurredAt, BackfillRequired) as refusal:
            return refusal.code
        return "taken"

    if occurred_at > days_ago(0, minutes=-5) or occurred_at < days_ago(TWENTY_YEARS_IN_DAYS):
        assert judged() == "INVALID_OCCURRED_AT"
    elif occurred_at < days_ago(30) and not backfill:
        assert judged() == "BACKFILL_REQUIRED"
    else:
        assert judged() == "taken"


def test_a_refused_event_makes_no_entity() -> None:
    history = History()

    with pytest.raises(BackfillRequired):
        history.do(a_participation(occurred_at=days_ago(31)))

    assert (history.entries, history.rows) == ([], {})


# State


def test_state_counts_events_and_those_backfilled() -> None:
    history = History(a_participation(), a_participation(backfill=True))
    reply = history.do(a_participation())

    entity = state_of(history, reply.entity_id)

    assert (entity.event_count, entity.backfilled_count) == (3, 1)


@given(st.lists(instants_about(NOW, 7_000), min_size=1, max_size=6))
def test_state_keeps_the_first_and_the_last_time_in_whatever_order_they_come(
    times: list[Instant],
) -> None:
    entity = None
    for version, occurred_at in enumerate(times, start=1):
        event = Participated(kind="gig.completed", occurred_at=occurred_at)
        entity = ENTITY.evolve(entity, an_entry(event, version=version))

    assert entity is not None
    assert (entity.first_at, entity.last_at) == (min(times), max(times))
    assert entity.event_count == len(times)


def test_state_belongs_to_the_tenant_that_began_it() -> None:
    history = History()
    reply = history.do(a_participation())

    assert state_of(history, reply.entity_id).tenant == TENANT


def test_weight_is_no_part_of_state() -> None:
    light, heavy = (
        ENTITY.evolve(
            None, an_entry(Participated(kind="gig.completed", occurred_at=NOW, weight=weight))
        )
        for weight in (0, 1_000_000)
    )

    assert light == heavy


def test_a_type_retired_from_the_catalogue_still_folds() -> None:
    retired = Participated(kind="transaction.retired_long_ago", occurred_at=days_ago(9_999))

    entity = ENTITY.evolve(None, an_entry(retired))

    assert entity is not None
    assert entity.event_count == 1


# Erasing


def test_an_erased_person_is_forgotten_and_their_history_stays() -> None:
    history = History(a_participation(), a_participation())
    known = history.do(a_participation())

    outcome = history.decide(an_erasure())

    assert outcome.changes == (Change(f"entity-{known.entity_id}", Erased()),)
    assert outcome.forgets == Subject(a_lookup(), known.entity_id)


def test_state_tells_when_it_was_erased_and_keeps_its_counts() -> None:
    history = History(a_participation())
    reply = history.do(an_erasure(), at=NOW)

    entity = state_of(history, reply.entity_id)

    assert (entity.erased_at, entity.event_count, entity.first_at) == (NOW, 1, NOW)
    assert reply.position == 2


def test_nobody_known_cannot_be_erased() -> None:
    with pytest.raises(NotFound):
        History(a_participation("bob")).do(an_erasure("alice"))


def test_a_person_cannot_be_erased_twice() -> None:
    history = History(a_participation(), an_erasure())

    with pytest.raises(NotFound):
        history.do(an_erasure())


def test_a_person_who_comes_back_after_erasure_is_somebody_new() -> None:
    history = History()
    before = history.do(a_participation())
    history.do(an_erasure())

    after = history.do(a_participation())

    assert after.entity_id != before.entity_id
    assert state_of(history, after.entity_id).event_count == 1


def test_a_person_of_another_tenant_cannot_be_erased() -> None:
    history = History(a_participation("alice", tenant="sandbox/acme"))

    with pytest.raises(NotFound):
        history.do(an_erasure("alice", tenant="sandbox/bolt"))


def test_the_row_that_a_command_will_surely_want_is_asked_for_at_once() -> None:
    command: RecordParticipation = a_participation("alice")

    assert command.asks == an_erasure("alice").asks == (("subject", a_lookup("alice")),)
