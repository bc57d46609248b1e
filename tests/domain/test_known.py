"""Known: what is not loaded is answered None, and noted."""

from domain.entity import ENTITY
from domain.known import NO_ROW, SUBJECT, Known, Row
from tests.builders import an_entity


def test_a_row_that_is_loaded_is_given() -> None:
    alice = an_entity()
    known = Known(7, rows={(ENTITY.name, "alice"): Row(3, 6, alice)})

    assert known.get(ENTITY, "alice") == alice
    assert known.row(ENTITY.name, "alice").version == 3
    assert known.missing == set()


def test_a_row_that_is_not_loaded_is_missing() -> None:
    known = Known(7)

    assert known.get(ENTITY, "alice") is None
    assert known.missing == {(ENTITY.name, "alice")}


def test_a_row_that_is_known_not_to_be_there_is_not_missing() -> None:
    known = Known(7, rows={(ENTITY.name, "alice"): NO_ROW})

    assert known.get(ENTITY, "alice") is None
    assert known.missing == set()


def test_a_lookup_that_is_not_loaded_is_missing_under_its_own_kind() -> None:
    known = Known(7)

    assert known.entity("a lookup") is None
    assert known.missing == {(SUBJECT, "a lookup")}


def test_a_lookup_that_is_loaded_gives_the_entity() -> None:
    known = Known(7, rows={(SUBJECT, "a lookup"): Row(0, 0, "alice")})

    assert known.entity("a lookup") == "alice"


def test_rows_of_two_folds_under_one_key_are_two_rows() -> None:
    known = Known(7, rows={("other_v1", "alice"): NO_ROW})

    known.get(ENTITY, "alice")

    assert known.missing == {(ENTITY.name, "alice")}
