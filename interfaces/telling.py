"""Entries in words, a line each, for people who read along."""

import msgspec
import typer

from projections.log import Logged

COLOURS = {
    "entity": None,
    "policy": typer.colors.CYAN,
    "claim": typer.colors.YELLOW,
    "agent": typer.colors.GREEN,
    "partner": typer.colors.MAGENTA,
    "auditor": typer.colors.MAGENTA,
}
"""Of what happened, by the first word of its stored name."""

SHORT_ID = 8
UNSAID = frozenset(("lookup", "token_lookup", "code_lookup", "hash", "id_hash"))
"""Members that tell a reader nothing: keyed hashes."""


def in_words(entry: Logged) -> str:
    """When, where, who, what and of which stream; then what the event says."""
    kind, _, happened = entry.type.partition(".")
    verb = happened.rpartition(".")[0] or happened
    said = " ".join(_said(msgspec.json.decode(entry.data)))
    what = f"{kind} {verb.replace('_', ' ')}"
    category, _, aggregate_id = entry.stream.partition("-")
    parts = (
        typer.style(entry.recorded_at.replace("T", " ").removesuffix("Z"), dim=True),
        f"{entry.position:>8}",
        _short(entry.principal),
        typer.style(what, fg=COLOURS.get(kind, typer.colors.BLUE), bold=True),
        f"{category}-{aggregate_id[:SHORT_ID]}",
        said,
    )
    return "  ".join(part for part in parts if part)


def whole(entry: Logged) -> str:
    """All that an entry says, in lines."""
    said = msgspec.json.format(bytes(entry.data), indent=2).decode()
    members = {
        "position": f"{entry.position:,}",
        "recorded": entry.recorded_at,
        "type": entry.type,
        "stream": f"{entry.stream}, version {entry.version}",
        "tenant": entry.tenant or "none",
        "by": entry.principal,
        "request": entry.request_id,
        "id": entry.id,
    }
    lines = [f"{typer.style(f'{name:10}', dim=True)}{text}" for name, text in members.items()]
    return "\n".join([*lines, said])


def _short(principal: str) -> str:
    kind, between, its_id = principal.partition(":")
    return f"{kind}{between}{its_id[:SHORT_ID]}"


def _said(data: object, under: str = "") -> list[str]:
    match data:
        case dict():
            return [
                said
                for name, value in data.items()
                if name not in UNSAID
                for said in _said(value, f"{under}.{name}" if under else name)
            ]
        case list():
            return [f"{under}=[{','.join(map(_text, data))}]"]
    return [f"{under}={_text(data)}"]


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
