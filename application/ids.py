"""Ids: random UUIDs (version 4), 122 random bits each; and salts."""

import os

IDS_A_FETCH = 256
_fetched: list[str] = []


def _forget() -> None:
    _fetched.clear()


# Two processes must never share what was fetched before they parted.
os.register_at_fork(after_in_child=_forget)


def _fetch() -> list[str]:
    random = os.urandom(16 * IDS_A_FETCH).hex()
    return [random[at : at + 32] for at in range(0, len(random), 32)]


def new_id() -> str:
    """A new id, in the usual 36 characters."""
    try:
        digits = _fetched.pop()
    except IndexError:
        digits, *others = _fetch()
        _fetched.extend(others)
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_salt() -> str:
    """64 random hexadecimal digits, under which documents are hashed."""
    return os.urandom(32).hex()
