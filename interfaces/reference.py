"""The reference pages: what the code says of itself, written out for readers.

    python -m interfaces.reference [--check]

Writes docs/reference. With ``--check`` it changes nothing, names the pages that are out of date and
ends with exit code 1 when there are any.
"""

import argparse
import inspect
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic.fields import FieldInfo

from domain.action import DEFAULT_ACTIONS, POLICY_VERSION, Risk
from domain.event_types import ACTIONS_BY_CATEGORY
from domain.events import EVENTS, UPCASTERS, Entry, Event
from domain.fold import AnyFold
from domain.policy import FROM_CLAIMS, ONE_TIER_BELOW, WHY
from domain.refusals import Refusal
from domain.standing import QUALIFYING_EVENTS, TIERS
from interfaces.api.app import create_app
from interfaces.api.errors import (
    MAP,
    RETRY_AFTER_SECONDS,
    STATUSES,
    every_refusal,
    status_of,
    type_of,
)
from interfaces.read_tables import OF_EACH_ROW, Column, columns_of, is_lookup
from interfaces.settings import SECRET_BYTES, Settings, variable
from projections.catalogue import INLINE

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made from the code by `python -m interfaces.reference`. Do not edit. -->\n"


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "event-types.md": event_types_page(),
        "policy.md": policy_page(),
        "events-in-the-log.md": events_page(),
        "read-tables.md": read_tables_page(),
        "openapi.json": openapi_document(),
    }


def stale(folder: Path) -> dict[str, str]:
    """The pages of a folder that do not say what the code says, as they should be."""
    return {
        name: text
        for name, text in pages().items()
        if not (folder / name).exists() or (folder / name).read_text() != text
    }


def settings_page() -> str:
    """Every setting: its variable, what it takes, its default and its meaning."""
    rows = [
        (f"`{variable(field)}`", _takes(field), _default(field), field.description or "")
        for field in Settings.model_fields.values()
    ]
    return _page(
        "Settings", _docstring(Settings), _table(("Variable", "Takes", "Default", "Meaning"), rows)
    )


def errors_page() -> str:
    """Every refusal under its status, with an anchor of its code."""
    about = (
        'A refusal is `{"error": sentence, "code": code, "hint": what to do}`; the hint is left '
        "out where the sentence says enough. Programs go by the code: it is stable, the sentences "
        "are for people. A refusal did nothing, so the same request is judged anew next time."
    )
    parts = [about]
    for family, status in STATUSES.items():
        parts.append(f"## {status}")
        if vars(family).get("__doc__"):
            parts.append(_docstring(family))
        parts += [_refusal(one) for one in every_refusal() if status_of(one) == status]
    parts += ["## The M.A.P. family", MAP_ERRORS, _table(("Type", "Status", "Codes"), _types())]
    return _page("Errors", *parts)


MAP_ERRORS = (
    'Under `/api/ailancer` a refusal is `{"error": {"type", "message", "field", "docs"}}`. `field` '
    "is there where one is at fault, spelled as the request spelled it; `docs` leads to this list "
    "on the server itself. The code, by which refusals of a type are told apart, is the fragment "
    "of the header `Link`."
)


def _types() -> list[tuple[str, str, str]]:
    """The types of the M.A.P. family, each with its statuses and its codes."""
    found: dict[str, dict[str, int]] = {}
    for refusal in every_refusal():
        codes = found.setdefault(type_of(refusal), {})
        codes[refusal.code] = status_of(refusal, MAP)
    return [
        (
            f"`{kind}`",
            ", ".join(str(status) for status in sorted(set(codes.values()))),
            " · ".join(f"[{code}](#{code.lower()})" for code in sorted(codes)),
        )
        for kind, codes in sorted(found.items())
    ]


def event_types_page() -> str:
    """The catalogue of participation."""
    rows = [
        (category, " · ".join(f"`{category}.{action}`" for action in actions))
        for category, actions in ACTIONS_BY_CATEGORY.items()
    ]
    return _page(
        "Event types",
        "What `eventType` takes. Any other is refused with "
        "[INVALID_EVENT_TYPE](errors.md#invalid_event_type) and a hint at the nearest. "
        "`GET /v1/event-types` gives the same list.",
        _table(("Category", "Event types"), rows),
    )


def policy_page() -> str:
    """The tiers, the actions, and the two tables that decide."""
    risks: Sequence[Risk] = get_args(Risk)
    actions = [
        (
            f"`{action.name}`",
            str(action.required_tier),
            action.risk,
            "" if action.limits is None else f"`{msgspec.json.encode(action.limits).decode()}`",
        )
        for action in DEFAULT_ACTIONS.values()
    ]
    from_tier = [
        ("tier reached", *("ALLOW" for _ in risks)),
        ("one below", *(ONE_TIER_BELOW[risk] for risk in risks)),
        ("two or more below", *("DENY" for _ in risks)),
    ]
    statuses = dict.fromkeys(status for status, _ in FROM_CLAIMS)
    from_claims = [(status, *(FROM_CLAIMS[status, risk] for risk in risks)) for status in statuses]
    return _page(
        "Policy",
        "A decision is the stricter of what tier and claims give, in the order ALLOW, STEP_UP, "
        "LIMIT, DENY. It is a recommendation: the caller decides.",
        "## Actions",
        f"Every tenant begins with this table, which is version {POLICY_VERSION}.",
        _table(("Action", "Tier required", "Risk", "Limits with LIMIT"), actions),
        "## From the tier",
        _table(("Tier", *risks), from_tier),
        "## From claims",
        _table(("Claims", *risks), from_claims),
        "## Reasons",
        "`reasons` holds what kept the decision from ALLOW, the deciding one first, or `TIER_MET`; "
        "`whyRec` is the sentence of the first.",
        _table(("Reason", "whyRec"), [(f"`{reason}`", why) for reason, why in WHY.items()]),
        "## Tiers",
        "The highest row of which every bound is reached; below the last it is tier 0. Partners "
        f"count only for a history of several: those with {QUALIFYING_EVENTS} events or more.",
        _table(
            ("Tier", "Events, at least", "Whole days, at least", "Partners, at least"),
            [tuple(map(str, row)) for row in TIERS],
        ),
    )


def events_page() -> str:
    """Every stored name with its fields, beside the envelope that holds them."""
    about = (
        "What the log holds, for whoever reads it without this code. Names and fields are the "
        "storage format: a change of meaning is a new version. Times are texts such as "
        "`2026-11-22T08:00:00.123Z`, always UTC."
    )
    parts = [about, "## The entry", _docstring(Entry), _fields(Entry)]
    by_module: dict[str, list[type[Event]]] = {}
    for event in EVENTS.values():
        by_module.setdefault(event.__module__, []).append(event)
    for module in sorted(by_module):
        title = module.rpartition(".")[2].capitalize()
        parts += [f"## {title}", _docstring(sys.modules[module]).partition("\n\n")[0]]
        for event in by_module[module]:
            parts += [f"### `{event.stored_name}`", _docstring(event)]
            if event.changes_authority:
                parts.append("Changes authority: every worker looks at credentials again.")
            parts.append(_fields(event))
    nested = {part.__name__: part for event in EVENTS.values() for part in _parts(event)}
    for name in sorted(nested):
        parts += [f"## {name}", _docstring(nested[name]), _fields(nested[name])]
    if UPCASTERS:
        retired = [(f"`{old}`", f"`{new}`") for old, (new, _) in UPCASTERS.items()]
        parts += ["## Retired names", _table(("Name", "Is read as"), retired)]
    return _page("Events in the log", *parts)


def read_tables_page() -> str:
    """Every view for analysts, column by column, with what its rows are."""
    about = (
        "Views in the schema `read`, for plain SQL as the role `tenure_analyst` "
        "([how](../how-to/query-with-sql.md)). Each shows the present rows of a fold: the fold's "
        "key, how many entries a row has folded and the position of the last, then the members of "
        "its state. Keyed hashes, by which keys and people are found, are in none."
    )
    parts = [about]
    nested: set[type[msgspec.Struct]] = set()
    for fold in sorted(INLINE, key=lambda fold: fold.name):
        read = ", ".join(f"`{event.stored_name}`" for event in fold.events)
        nested |= _parts(fold.state)
        rows = [
            (f"`{column.name}`", column.sql_type, _holds(column, fold))
            for column in columns_of(fold)
        ]
        parts += [
            f"## `read.{fold.name}`",
            _docstring(fold.state),
            f"Folded from {read}.",
            _table(("Column", "Type", "Holds"), rows),
        ]
    for part in sorted(nested, key=lambda part: part.__name__):
        members = [
            (f"`{field.encode_name}`", _type(field.type))
            for field in msgspec.structs.fields(part)
            if not is_lookup(field.encode_name)
        ]
        parts += [
            f"## {part.__name__}",
            _docstring(part),
            _table(("Member", "Holds"), members),
        ]
    return _page("Read tables", *parts)


def _holds(column: Column, fold: AnyFold) -> str:
    whose = "entity" if fold.about else fold.category
    if column.name == "key" and whose is not None:
        return f"the id of the {whose}"
    if column.member is None:
        return OF_EACH_ROW[column.name][1]
    words = _type(column.hint)
    return words.replace("text", "time") if column.sql_type == "timestamptz" else words


def openapi_document() -> str:
    """The document that a running server gives at /openapi.json."""
    app = create_app(Settings.model_validate({}), "")
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"{MADE}\n# {title}", *(part for part in parts if part))) + "\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _docstring(thing: object) -> str:
    return (inspect.getdoc(thing) or "").replace("``", "`")


def _refusal(refusal: type[Refusal]) -> str:
    lines = [f"### {refusal.code}", "", f"> {refusal.sentence}"]
    if refusal.hint_text and refusal.hint_text != "{help}":
        lines += [">", f"> {refusal.hint_text}"]
    seconds = RETRY_AFTER_SECONDS.get(refusal)
    if seconds is not None:
        lines += ["", f"`Retry-After: {seconds}`"]
    own = vars(refusal).get("__doc__")
    if own and refusal not in STATUSES:
        lines += ["", _docstring(refusal)]
    return "\n".join(lines)


def _takes(field: FieldInfo) -> str:
    if field.annotation == bytes | None:
        return f"{2 * SECRET_BYTES} hexadecimal digits"
    if field.annotation is Path:
        return "folder"
    bounds = [f" above {bound.gt}" for bound in field.metadata if hasattr(bound, "gt")]
    return _type(field.annotation).removesuffix(" or null") + "".join(bounds)


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default is None:
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _fields(struct: type[msgspec.Struct]) -> str:
    rows = []
    for field in msgspec.structs.fields(struct):
        default = "" if field.required else f"`{msgspec.json.encode(field.default).decode()}`"
        rows.append((f"`{field.encode_name}`", _type(field.type), default))
    return _table(("Field", "Type", "Left out when it is"), rows) if rows else "No fields."


WORDS: dict[Any, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "integer",
    float: "number",
    Any: "any JSON",
}


def _type(hint: Any) -> str:
    """A type in words."""
    arguments, origin = get_args(hint), get_origin(hint)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        named = [_type(one) for one in arguments if one is not NoneType]
        # `int | float` is one JSON type.
        words = "number" if set(named) == {"integer", "number"} else " or ".join(named)
        return f"{words} or null" if NoneType in arguments else words
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"object of {_type(arguments[1])}"
    if _is_struct(hint):
        return hint.__name__ if hint is Event else f"[{hint.__name__}](#{hint.__name__.lower()})"
    return WORDS[hint]


def _parts(struct: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    """The structs that a struct's fields hold."""
    hints = [field.type for field in msgspec.structs.fields(struct)]
    inner = [one for hint in hints for one in (hint, *get_args(hint)) if _is_struct(one)]
    return set(inner).union(*(_parts(one) for one in inner))


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def main() -> int:
    """Write the pages that are out of date, or only name them."""
    parser = argparse.ArgumentParser(prog="python -m interfaces.reference")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if stale")
    check = parser.parse_args().check
    found = stale(FOLDER)
    for name, text in found.items():
        if not check:
            (FOLDER / name).write_text(text)
        sys.stdout.write(f"{'out of date' if check else 'written'}: docs/reference/{name}\n")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
