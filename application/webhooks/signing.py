"""Signing: what a webhook is sent, so that its reader can tell who sent it (Standard Webhooks)."""

import hmac
from base64 import b64encode
from collections.abc import Iterable

PREFIX = "whsec_"


def secret_text(secret: bytes) -> str:
    """A secret as its reader is given it."""
    return PREFIX + b64encode(secret).decode()


def signed_headers(
    secrets: Iterable[bytes], delivery_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The headers that go with a body: signed under each secret that holds.

    ``timestamp`` is when it is sent, in seconds of the epoch.
    """
    message = f"{delivery_id}.{timestamp}.".encode() + body
    signatures = [hmac.digest(secret, message, "sha256") for secret in secrets]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{b64encode(one).decode()}" for one in signatures),
    }
