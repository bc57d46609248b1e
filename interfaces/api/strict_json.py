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
CONTAINERS = (dict, list)


def parse(body: bytes) -> Any:
    """Read one JSON document. Raises InvalidJson, saying why."""
    try:
        text = body.decode()
        document, end = _decoder.raw_decode(text := text.strip(WHITESPACE))
        if end != len(text):
            raise InvalidJson(reason=f"something follows it at character {end}")
    except UnicodeDecodeError as error:
        raise InvalidJson(reason="it is not UTF-8") from error
    except json.JSONDecodeError as error:
        # Some of the parser's own words end in "at".
        said = error.msg.removesuffix(" at")
        raise InvalidJson(reason=f"{said} at character {error.pos}") from error
    except RecursionError as error:
        raise InvalidJson(reason=f"it nests deeper than {DEPTH_AT_MOST}") from error
    except ValueError as error:
        raise InvalidJson(reason="it holds a number that is too large") from error
    if text.count("{") + text.count("[") > DEPTH_AT_MOST:
        _check_depth(document)
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


def _check_depth(document: Any) -> None:
    """Look into all that nests, a level at a time."""
    level: list[Any] = [[document]]
    for _ in range(DEPTH_AT_MOST + 1):
        level = [
            member
            for outer in level
            for member in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(member, CONTAINERS)
        ]
        if not level:
            return
    raise InvalidJson(reason=f"it nests deeper than {DEPTH_AT_MOST}")


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
