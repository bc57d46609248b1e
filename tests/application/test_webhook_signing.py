"""Signing: a reader with the library of Standard Webhooks takes it, and nothing else."""

import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from application.webhooks.signing import secret_text, signed_headers
from tests.application.running import HASHES

BODY = '{"type":"job.accepted","data":{"name":"Zoë"}}'.encode()


def signed(*secrets: bytes, at: float | None = None) -> dict[str, str]:
    return signed_headers(secrets, "msg_1", int(at or time.time()), BODY)


def test_the_library_takes_what_is_signed() -> None:
    secret = HASHES.webhook_secret("a webhook", 1)

    said = Webhook(secret_text(secret)).verify(BODY, signed(secret))

    assert said["type"] == "job.accepted"


def test_signed_under_two_secrets_it_is_taken_by_readers_of_either() -> None:
    old, new = (HASHES.webhook_secret("a webhook", generation) for generation in (1, 2))
    headers = signed(new, old)

    for secret in (old, new):
        Webhook(secret_text(secret)).verify(BODY, headers)


@pytest.mark.parametrize(
    "other", [("a webhook", 2), ("another webhook", 1), ("a webhook1", 1), ("a webhook", 11)]
)
def test_another_webhook_or_generation_has_another_secret(other: tuple[str, int]) -> None:
    headers = signed(HASHES.webhook_secret("a webhook", 1))

    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(HASHES.webhook_secret(*other))).verify(BODY, headers)


def test_a_changed_body_id_or_time_is_not_taken() -> None:
    secret = HASHES.webhook_secret("a webhook", 1)
    reader, headers = Webhook(secret_text(secret)), signed(secret)

    for body, changed in (
        (BODY + b" ", headers),
        (BODY, headers | {"webhook-id": "msg_2"}),
        (BODY, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        (BODY, signed(secret, at=time.time() - 3600)),
    ):
        with pytest.raises(WebhookVerificationError):
            reader.verify(body, changed)


def test_a_secret_has_256_bits_and_the_usual_prefix() -> None:
    secret = HASHES.webhook_secret("a webhook", 1)

    assert len(secret) == 32
    assert secret_text(secret).startswith("whsec_")
