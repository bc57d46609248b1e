"""API keys: readable, recognisable, and no typo passes for one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_keys import PREFIXES, SHOWN_LENGTH, format_key, is_whole, shown_prefix

prefixes = st.sampled_from(sorted(PREFIXES.values()))
secrets = st.binary(min_size=32, max_size=32)
keys = st.builds(format_key, prefixes, secrets)
LETTERS = string.ascii_letters + string.digits + "_- é"


@given(prefixes, secrets)
def test_a_key_is_whole_and_begins_with_its_prefix(prefix: str, secret: bytes) -> None:
    key = format_key(prefix, secret)

    assert is_whole(key)
    assert key.startswith(prefix)
    assert len(key) == len(prefix) + 43 + 6


@given(prefixes, st.sets(secrets, min_size=2, max_size=5))
def test_different_secrets_are_different_keys(prefix: str, different: set[bytes]) -> None:
    assert len({format_key(prefix, secret) for secret in different}) == len(different)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_the_smallest_and_the_greatest_secret_have_the_same_length(secret: bytes) -> None:
    assert len(format_key("mir_live_", secret)) == 58


@given(keys, st.integers(0, 70), st.sampled_from(LETTERS))
def test_any_single_character_changed_is_noticed(key: str, place: int, letter: str) -> None:
    place %= len(key)
    changed = key[:place] + letter + key[place + 1 :]

    assert is_whole(changed) == (changed == key)


@given(keys, st.integers(0, 70))
def test_two_neighbours_swapped_are_noticed(key: str, place: int) -> None:
    place %= len(key) - 1
    swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]

    assert is_whole(swapped) == (swapped == key)


@given(keys, st.integers(0, 70), st.sampled_from(LETTERS))
def test_a_character_lost_or_added_is_noticed(key: str, place: int, letter: str) -> None:
    place %= len(key)

    assert not is_whole(key[:place] + key[place + 1 :])
    assert not is_whole(key[:place] + letter + key[place:])


@given(st.text(max_size=80))
def test_any_other_text_is_no_key(text: str) -> None:
    assert not is_whole(text)


@given(secrets)
def test_a_whole_key_under_an_unknown_prefix_is_no_key(secret: bytes) -> None:
    assert not is_whole(format_key("mir_other_", secret))


def test_the_prefixes_are_the_contracts() -> None:
    assert PREFIXES == {"production": "mir_live_", "sandbox": "mir_sandbox_"}


@given(prefixes, secrets)
def test_what_is_shown_of_a_key_is_its_prefix_and_six_characters(
    prefix: str, secret: bytes
) -> None:
    key = format_key(prefix, secret)

    assert shown_prefix(key) == key[: len(prefix) + SHOWN_LENGTH]
    assert SHOWN_LENGTH == 6
