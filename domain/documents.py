"""Documents: what people write, kept beside the log. The log holds its place, its size and a hash.

The hash is keyed with a random salt that is itself kept beside the log and destroyed with the
document, so that nobody can try guesses against a log whose documents were erased.
"""

import hmac
from typing import Any

import msgspec

from domain.command import Document
from domain.refusals import PayloadTooLarge

LIMIT_BYTES = 1024 * 1024

_canonical = msgspec.json.Encoder(order="sorted").encode


class Written(msgspec.Struct, frozen=True):
    """What the log holds of a document: its name, the keyed hash of its content, its size."""

    place: str
    hash: str
    size_bytes: int


def write(place: str, content: Any, salt: str) -> tuple[Written, Document]:
    """What the log holds of some content, and what is kept beside it. Raises PayloadTooLarge."""
    text = _canonical(content)
    if len(text) > LIMIT_BYTES:
        raise PayloadTooLarge(limit_bytes=LIMIT_BYTES)
    digest = hmac.digest(bytes.fromhex(salt), text, "sha256").hex()
    return Written(place, digest, len(text)), Document(place, content)
