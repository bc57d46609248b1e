"""Ids: random UUIDs (version 4), 122 random bits each."""

import os


def new_id() -> str:
    """A new id, in the usual 36 characters."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
