"""What the page on webhooks has its readers write takes what is signed, and nothing else."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from application.webhooks.backoff import DAYS, FIRST_SECONDS, SECONDS_AT_MOST
from application.webhooks.deliveries import CANDIDATES_AT_MOST
from application.webhooks.signing import secret_text, signed_headers
from domain.webhook import WEBHOOKS_AT_MOST
from tests.interfaces.serving import ROOT

PAGE = (ROOT / "docs" / "how-to" / "receive-webhooks.md").read_text()
CODE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SECRETS = (b"s" * 32, b"t" * 32)
BODY = b'{"type":"job.accepted"}'


def verify_of(code: str) -> Callable[[str, dict[str, str], bytes], Any]:
    """The function that a page has its readers write."""
    names: dict[str, Any] = {}
    exec(code, names)
    verify: Callable[[str, dict[str, str], bytes], Any] = names["verified"]
    return verify


def test_there_is_one_with_the_library_and_one_by_hand() -> None:
    assert ["standardwebhooks" in code for code in CODE] == [True, False]


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_signed_is_taken_while_either_secret_holds(code: str, secret: bytes) -> None:
    headers = signed_headers(SECRETS, "msg_1", int(time.time()), BODY)

    assert verify_of(code)(secret_text(secret), headers, BODY) == {"type": "job.accepted"}


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize(
    ("secret", "body", "age"),
    [(b"u" * 32, BODY, 0), (SECRETS[0], BODY + b" ", 0), (SECRETS[0], BODY, 301)],
)
def test_what_is_not_or_long_ago_is_not(code: str, secret: bytes, body: bytes, age: int) -> None:
    headers = signed_headers(SECRETS, "msg_1", int(time.time()) - age, BODY)

    with pytest.raises(Exception, match=r"(?i)signature|tenure|old"):
        verify_of(code)(secret_text(secret), headers, body)


def test_the_numbers_are_the_code_s() -> None:
    assert f"the {CANDIDATES_AT_MOST} of the best reputation" in PAGE
    assert f"after {FIRST_SECONDS} seconds" in PAGE
    assert f"up to {SECONDS_AT_MOST // 3600} hours" in PAGE
    assert f"the last time {DAYS} days after" in PAGE
    assert WEBHOOKS_AT_MOST == 10
    assert "up to ten" in PAGE
