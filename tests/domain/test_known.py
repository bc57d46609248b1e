"""Known: what is not loaded is answered None, and noted."""

from domain.entity import ENTITY
from domain.genealogy import GENEALOGY, Kin
from domain.known import NO_ROW, RANGE, SUBJECT, Known, Row
from tests.builders import TENANT, an_entity


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
    known = Known(7, rows={("other", "alice"): NO_ROW})

    known.get(ENTITY, "alice")

    assert known.missing == {(ENTITY.name, "alice")}


# Ranges

BELOW = (GENEALOGY.name + RANGE, "root/")


def of_kin(*keys: str) -> dict[tuple[str, str], Row]:
    """Rows of the genealogy, each of an agent that is called as its key is."""
    return {(GENEALOGY.name, key): Row(1, 1, Kin(TENANT, key)) for key in keys}


def test_a_range_that_is_not_loaded_is_missing_whatever_rows_of_it_are_there() -> None:
    known = Known(7, rows=of_kin("root/a"))

    assert known.within(GENEALOGY, "root/") == []
    assert known.missing == {BELOW}


def test_a_range_that_is_loaded_gives_its_rows_in_the_order_of_their_keys() -> None:
    known = Known(7, rows={BELOW: NO_ROW, **of_kin("root/b", "root/a/c", "root/a")})

    assert known.within(GENEALOGY, "root/") == [
        Kin(TENANT, key) for key in ("root/a", "root/a/c", "root/b")
    ]
    assert known.missing == set()


def test_a_range_holds_only_the_keys_that_begin_so() -> None:
    known = Known(7, rows={BELOW: NO_ROW, **of_kin("root", "rooted", "another/root/a", "root/a")})

    assert known.within(GENEALOGY, "root/") == [Kin(TENANT, "root/a")]


def test_a_range_holds_rows_of_its_own_fold_alone() -> None:
    known = Known(7, rows={BELOW: NO_ROW, (ENTITY.name, "root/a"): Row(1, 1, an_entity())})

    assert known.within(GENEALOGY, "root/") == []


def test_a_row_that_came_since_is_in_the_range_and_one_that_went_is_not() -> None:
    known = Known(7, rows={BELOW: NO_ROW, **of_kin("root/a")})

    known.rows |= of_kin("root/b")
    known.rows[GENEALOGY.name, "root/a"] = NO_ROW

    assert known.within(GENEALOGY, "root/") == [Kin(TENANT, "root/b")]


def test_a_range_that_is_known_to_be_empty_is_not_missing() -> None:
    known = Known(7, rows={BELOW: NO_ROW})

    assert known.within(GENEALOGY, "root/") == []
    assert known.missing == set()
