"""API keys: 256 random bits in readable form, with a checksum that needs no server.

``mir_sandbox_`` + 43 characters (base 62) + 6 characters (CRC-32, base 62). A typo and a leaked key
can both be told offline: the prefix says whose it is, the checksum that it is whole.
"""

from zlib import crc32

PREFIXES = {"production": "mir_live_", "sandbox": "mir_sandbox_"}
"""Of a partner's own keys, by environment."""

AGENT_PREFIX = "mir_agent_"
AUDITOR_PREFIX = "mir_audit_"
UID_LENGTH = 64
_HEXADECIMAL = frozenset("0123456789abcdef")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH, CHECK_LENGTH, SHOWN_LENGTH = 43, 6, 6


def format_key(prefix: str, secret: bytes) -> str:
    """Write 32 random bytes as an API key."""
    assert len(secret) == 32
    body = prefix + _base62(int.from_bytes(secret), SECRET_LENGTH)
    return body + _checksum(body)


def format_uid(secret: bytes) -> str:
    """Write 32 random bytes as the uid of a member or an agent of a marketplace."""
    assert len(secret) == 32
    return secret.hex()


def is_uid(key: str) -> bool:
    """Whether a text has the form of a uid, which has no checksum."""
    return len(key) == UID_LENGTH and _HEXADECIMAL.issuperset(key)


def is_whole(key: str) -> bool:
    """Whether a text has the form of an API key and its checksum is right, or of a uid."""
    if is_uid(key):
        return True
    body, check = key[:-CHECK_LENGTH], key[-CHECK_LENGTH:]
    known_prefix = any(
        key.startswith(prefix) and len(body) == len(prefix) + SECRET_LENGTH
        for prefix in (*PREFIXES.values(), AGENT_PREFIX, AUDITOR_PREFIX)
    )
    return known_prefix and key.isascii() and _checksum(body) == check


def shown_prefix(key: str) -> str:
    """The first characters of a key, enough to recognise it in a list and useless otherwise."""
    return key[: key.rfind("_") + 1 + SHOWN_LENGTH]


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
