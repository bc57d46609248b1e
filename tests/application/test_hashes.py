"""Keyed hashes: the same for the same, different for all that could be confused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.hashes import Hashes

HASHES = Hashes(b"pepper", b"identifier secret")
parts = st.text(max_size=8)


@given(parts, parts)
def test_a_hash_is_64_hexadecimal_digits_and_always_the_same(tenant: str, person: str) -> None:
    digest = HASHES.person(tenant, person)

    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert Hashes(b"pepper", b"identifier secret").person(tenant, person) == digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("", "abc"), ("abc", "")),
        (("a", ""), ("", "a")),
        (("1:a", "b"), ("1", ":ab")),
        (("a1:b", ""), ("a", "b")),
        (("é", "x"), ("e", "\u0301x")),
    ],
)
def test_where_one_part_ends_and_the_next_begins_matters(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert HASHES.person(*one) != HASHES.person(*other)
    assert HASHES.automatic_key(*one) != HASHES.automatic_key(*other)


@given(st.lists(parts, max_size=4), st.lists(parts, max_size=4))
def test_different_parts_are_different_hashes(one: list[str], other: list[str]) -> None:
    same = HASHES.automatic_key("tenant", *one) == HASHES.automatic_key("tenant", *other)

    assert same == (one == other)


@given(parts, parts)
def test_one_text_for_two_purposes_is_two_hashes(tenant: str, text: str) -> None:
    for_all_purposes = [
        HASHES.person(tenant, text),
        HASHES.resource(tenant, text),
        HASHES.automatic_key(tenant, text),
        HASHES.explicit_key(tenant, text, "", ""),
        HASHES.api_key(text),
        HASHES.body(text),
    ]

    assert len(set(for_all_purposes)) == len(for_all_purposes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"weight": 1}, {"weight": 1.0}),
        ({"limits": [{"max": 0}]}, {"limits": [{"max": -0.0}]}),
        (10**16, 1e16),
        (int(1e300), 1e300),
    ],
)
def test_equal_bodies_have_one_fingerprint(one: object, other: object) -> None:
    assert one == other
    assert HASHES.body(one) == HASHES.body(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"weight": 1}, {"weight": 1.5}),
        ({"weight": 1}, {"weight": True}),
        ({"weight": 0}, {"weight": False}),
        ({"weight": 0}, {"weight": None}),
        ({"weight": 1}, {"weight": "1"}),
        ({"weight": 1}, {}),
        (2**53, 2**53 + 1),
        (float(2**53), 2**53 + 1),
        ([1, 2], [2, 1]),
    ],
)
def test_bodies_that_differ_have_two(one: object, other: object) -> None:
    assert HASHES.body(one) != HASHES.body(other)


def test_the_same_person_at_two_tenants_is_two_people() -> None:
    assert HASHES.person("sandbox/acme", "alice") != HASHES.person("production/acme", "alice")


def test_an_explicit_key_is_of_its_tenant_principal_and_route() -> None:
    scopes = [
        ("t", "p", "/r", "key"),
        ("u", "p", "/r", "key"),
        ("t", "q", "/r", "key"),
        ("t", "p", "/s", "key"),
    ]

    assert len({HASHES.explicit_key(*scope) for scope in scopes}) == len(scopes)


def test_a_key_is_hashed_under_the_pepper_and_a_person_under_the_other_secret() -> None:
    other_pepper = Hashes(b"another pepper", b"identifier secret")
    other_secret = Hashes(b"pepper", b"another identifier secret")

    assert other_pepper.api_key("key") != HASHES.api_key("key") == other_secret.api_key("key")
    assert other_pepper.person("t", "p") == HASHES.person("t", "p") != other_secret.person("t", "p")


def test_a_hash_does_not_change_between_releases() -> None:
    """Stored lookups are compared with new hashes for ever: a changed hash locks everybody out."""
    assert HASHES.api_key("key") == (
        "f610a2a4b3d0d9f145ad0b5cad25357453865a2b39be4bfbd369fc6f06527cc4"
    )
    assert HASHES.person("sandbox/acme", "alicé") == (
        "d5a2b83e8831bc081172dd80d44e34ae5a3737f873ced1e6a70fdc8055cf310d"
    )
