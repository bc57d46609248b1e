"""Folds: which rows an event touches, and how rows are read back."""

import msgspec

from domain.credential import CREDENTIAL
from domain.entity import ENTITY, Entity, Erased, Participated
from domain.fold import Fold, folds_by_type
from domain.partner import PARTNER, SLUG
from tests.builders import NOW, an_entity, an_entry


def test_a_fold_touches_the_row_of_the_entrys_aggregate_unless_it_says_otherwise() -> None:
    entry = an_entry(Erased(), stream="entity-alice")

    assert list(ENTITY.keys(entry)) == ["alice"]


def test_a_row_reads_back_as_it_was_stored() -> None:
    alice = an_entity(event_count=3, first_at=None)

    assert ENTITY.decode(msgspec.json.encode(alice)) == alice


def test_a_row_stored_before_a_field_was_added_still_reads() -> None:
    assert ENTITY.decode(b'{"tenant":"sandbox/acme"}') == Entity(tenant="sandbox/acme")


def test_folds_are_found_by_the_events_they_read() -> None:
    table = folds_by_type([ENTITY, SLUG, CREDENTIAL, PARTNER])

    assert table["entity.participated.v1"] == table["entity.erased.v1"] == (ENTITY,)
    assert table["partner.approved.v1"] == (SLUG, PARTNER)
    assert table["partner.key_added.v1"] == (CREDENTIAL, PARTNER)
    assert "policy.decided.v1" not in table


def test_two_folds_are_two_even_when_they_look_alike() -> None:
    def twin() -> Fold[Entity]:
        return Fold(name="twin", state=Entity, events=(Participated,), evolve=ENTITY.evolve)

    assert twin() != twin()


def test_evolve_leaves_the_state_before_as_it_was() -> None:
    before = an_entity(event_count=1)
    entry = an_entry(Participated(kind="gig.completed", occurred_at=NOW), version=2)

    after = ENTITY.evolve(before, entry)

    assert before == an_entity(event_count=1)
    assert after is not None
    assert after.event_count == 2
