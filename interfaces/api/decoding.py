"""What a request says, taken from its bytes: its id, its body, its query, its path."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from application.ids import new_id
from domain.refusals import (
    InvalidField,
    InvalidHttp,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from interfaces.api import strict_json
from interfaces.api.call import Call, is_visible_ascii
from interfaces.api.wire import Wire, checked

JSON, NDJSON = b"application/json", b"application/x-ndjson"
SENT_ONCE = (
    b"x-api-key",
    b"useruid",
    b"agentuid",
    b"idempotency-key",
    b"x-min-position",
    b"content-type",
)


def request_id_of(sent: dict[bytes, bytes]) -> str:
    """The caller's X-Request-Id when it is 1 to 128 visible ASCII characters, else a new one."""
    given = sent.get(b"x-request-id")
    if given is not None and 1 <= len(given) <= 128 and is_visible_ascii(given):
        return given.decode()
    return new_id()


def check_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Hold headers, of which some are given twice, against those that may say one thing only.
    Raises InvalidField.
    """
    names = [name for name, _ in headers]
    for name in SENT_ONCE:
        if names.count(name) > 1:
            raise InvalidField(field=name.decode(), reason="the header is given twice")


async def read_body(call: Call, bytes_at_most: int, media_type: bytes | None = JSON) -> bytes:
    """The whole body, of a media type unless that is None. Raises PayloadTooLarge, before reading
    when the length is declared, UnsupportedMediaType, and InvalidHttp when the client leaves in the
    middle.
    """
    declared = call.sent.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared[:19]) > bytes_at_most:
        raise PayloadTooLarge(limit_bytes=bytes_at_most)
    body, more = b"", True
    while more:
        message = await call.receive_message()
        # Half a body may look like a whole one.
        if message["type"] == "http.disconnect":
            raise InvalidHttp
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > bytes_at_most:
            raise PayloadTooLarge(limit_bytes=bytes_at_most)
    if media_type is not None and media_type_of(call) != media_type:
        raise UnsupportedMediaType
    return body


async def refuse_body(call: Call) -> None:
    """Take no body, or an object without members. Raises the refusal of any other."""
    if body := await read_body(call, Wire.bytes_at_most, media_type=None):
        checked(Wire, strict_json.parse(body))


def media_type_of(call: Call) -> bytes:
    """The media type of the body, without its parameters."""
    return call.sent.get(b"content-type", b"").partition(b";")[0].strip().lower()


def query_of(query_string: bytes) -> dict[str, str]:
    """The members of a query string. Raises InvalidField for one given twice, or not in UTF-8."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", separator="&"
        )
    except ValueError as error:
        raise InvalidField(field="query", reason="not a query string in UTF-8") from error
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidField(field="query", reason="a parameter is given twice")
    if "%00" in query_string.decode("ascii"):
        raise InvalidField(field="query", reason="a parameter holds NUL")
    return members


def path_text(text: str) -> str:
    """A parameter of the path. Raises NotFound for NUL in it, which no name has and no database
    takes.
    """
    if "\0" in text:
        raise NotFound
    return text
