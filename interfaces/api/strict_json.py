"""Strict JSON: what parsers let through and databases choke on is refused here, once.

Refused: bytes that are not UTF-8, duplicate members, NaN and Infinity, numbers beyond a double,
lone surrogates, NUL, and nesting deeper than 32.
"""

import json
import math
from typing import Any, NoReturn

from domain.refusals import InvalidJson

DEPTH_AT_MOST = 32
WHITESPACE = " \t\n\r"


def parse(body: bytes) -> Any:
    """Read one JSON document. Raises InvalidJson, saying why."""
    try:
        text = body.decode()
        if text.count("{") + text.count("[") > DEPTH_AT_MOST:
            _check_depth(text)
        document, end = _decoder.raw_decode(text := text.strip(WHITESPACE))
        if end != len(text):
            raise InvalidJson(reason=f"something follows it at character {end}")
    except UnicodeDecodeError as error:
        raise InvalidJson(reason="it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidJson(reason=f"{error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidJson(reason="it holds a number that is too large") from error
    if "\\u" in text:
        _check_escapes(document)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson(reason="an object has the same member twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise InvalidJson(reason=f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite
)


def _check_depth(text: str) -> None:
    """Count brackets outside strings, before a recursive parser meets them."""
    depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
            if depth > DEPTH_AT_MOST:
                raise InvalidJson(reason=f"it nests deeper than {DEPTH_AT_MOST}")
        elif character in "}]":
            depth -= 1


def _check_escapes(value: Any) -> None:
    """Escapes are the only way for NUL and lone surrogates to come in."""
    match value:
        case str():
            if "\0" in value:
                raise InvalidJson(reason="a string holds NUL")
            if not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError as error:
                    raise InvalidJson(reason="a string holds a lone surrogate") from error
        case dict():
            for name, member in value.items():
                _check_escapes(name)
                _check_escapes(member)
        case list():
            for item in value:
                _check_escapes(item)
