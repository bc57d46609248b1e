"""Read tables: a view a fold in the schema ``read``, with a typed column for each member of its
state, for people who ask in plain SQL.

What would let somebody in, the keyed hashes under which keys and people are found, is in none.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from inspect import getdoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import psycopg
from psycopg import sql

from application.sql import named_queries
from domain.fold import AnyFold

QUERIES = named_queries(Path(__file__).with_suffix(".sql"))

OF_EACH_ROW = {
    "key": ("text", "the key"),
    "version": ("integer", "how many entries the row has folded"),
    "position": ("bigint", "the position of the last of them"),
}
"""The columns before those of the state: their types, and what they hold."""

SCALARS = {str: "text", bool: "boolean", int: "bigint", float: "double precision"}
A_TIME = "_at"
"""How the names of times end."""


class Column(msgspec.Struct, frozen=True):
    """A column: its name and type, and, of a member of the state, which, of what type, and what it
    is where it is left out.
    """

    name: str
    sql_type: str
    member: str | None = None
    hint: Any = None
    default: Any = None


def columns_of(fold: AnyFold) -> list[Column]:
    """The columns of a fold's view. A member that has the name of another column has the fold's
    name before its own.
    """
    columns = [
        Column(name, sql_type)
        for name, (sql_type, _) in OF_EACH_ROW.items()
        if name != "key" or not fold.by_lookup
    ]
    for field in msgspec.structs.fields(fold.state):
        member = field.encode_name
        if not is_lookup(member):
            name = f"{fold.name}_{member}" if member in OF_EACH_ROW else member
            sql_type = _sql_type(member, field.type)
            columns.append(Column(name, sql_type, member, field.type, _default_of(field)))
    return columns


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


def is_lookup(member: str) -> bool:
    """Whether a member is a keyed hash."""
    return member == "lookup" or member.endswith("_lookup")


def make_views(url: str, folds: Iterable[AnyFold]) -> list[str]:
    """Make the views that are not there as they should be; the names of those that were made.

    Runs as the owner. A view whose columns only grew keeps what others built upon it; of one that
    changed otherwise that is dropped too.
    """
    made = []
    with psycopg.connect(url) as connection:
        connection.execute(QUERIES["lock"])
        there: dict[str, str] = dict(connection.execute(QUERIES["there"]).fetchall())
        wanted = {fold.name: fold for fold in folds}
        for name in there.keys() - wanted.keys():
            _run(connection, "drop", view=sql.Identifier(name))
        for name, fold in wanted.items():
            select = _select(fold)
            comment = _comment(fold, select.as_string(connection))
            if there.get(name) != comment:
                _make(connection, name, select, comment)
                made.append(f"read.{name}")
    return made


def _make(connection: psycopg.Connection, name: str, select: sql.Composable, comment: str) -> None:
    view = sql.Identifier(name)
    try:
        with connection.transaction():
            _run(connection, "make", view=view, select=select)
    except psycopg.errors.InvalidTableDefinition:
        _run(connection, "drop", view=view)
        _run(connection, "make", view=view, select=select)
    _run(connection, "grant", view=view)
    _run(connection, "comment", view=view, comment=sql.Literal(comment))


def _run(connection: psycopg.Connection, query: str, **parts: sql.Composable) -> None:
    connection.execute(_template(query).format(**parts))


def _comment(fold: AnyFold, select: str) -> str:
    """What a view is, and by what it is known to be as it should."""
    return f"{getdoc(fold.state)} [{sha256(select.encode()).hexdigest()[:16]}]"


def _select(fold: AnyFold) -> sql.Composable:
    shown = [
        sql.SQL("{} as {}").format(_expression(column), sql.Identifier(column.name))
        for column in columns_of(fold)
    ]
    return _template("select").format(
        columns=sql.SQL(", ").join(shown), fold=sql.Literal(fold.name)
    )


def _expression(column: Column) -> sql.Composable:
    if column.member is None:
        return sql.Identifier(column.name)
    value = sql.SQL("(row -> {})").format(sql.Literal(column.member))
    found = _value(column.sql_type, column.hint, value)
    if column.default is None:
        return found
    # Of rows that were stored before the member was thought of.
    return sql.SQL("coalesce({}, {})").format(found, _default(column))


def _value(sql_type: str, hint: Any, value: sql.Composable) -> sql.Composable:
    """SQL for a value of JSON as a type."""
    if sql_type == "jsonb":
        return _without_lookups(hint, value)
    template = "array" if sql_type.endswith("[]") else "scalar"
    return _template(template).format(value=value, type=sql.SQL(_known(sql_type)))


def _without_lookups(hint: Any, value: sql.Composable) -> sql.Composable:
    """SQL for a value of JSON as JSON, without what is looked up by."""
    inner = _only(hint)
    if not _has_lookups(inner):
        return _template("document").format(value=value)
    if get_origin(inner) is tuple:
        item = _without_lookups(get_args(inner)[0], sql.SQL("item"))
        return _template("documents").format(value=value, item=item)
    members = [
        sql.SQL("{}, {}").format(
            sql.Literal(field.encode_name),
            _without_lookups(
                field.type, sql.SQL("({} -> {})").format(value, sql.Literal(field.encode_name))
            ),
        )
        for field in msgspec.structs.fields(inner)
        if not is_lookup(field.encode_name)
    ]
    return _template("members").format(value=value, members=sql.SQL(", ").join(members))


def _has_lookups(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return any(
            is_lookup(field.encode_name) or _has_lookups(_only(field.type))
            for field in msgspec.structs.fields(hint)
        )
    return any(_has_lookups(_only(one)) for one in get_args(hint))


def _default(column: Column) -> sql.Composable:
    encoded = msgspec.json.encode(column.default).decode()
    document = sql.SQL("{}::json").format(sql.Literal(encoded))
    return _value(column.sql_type, column.hint, document)


def _sql_type(member: str, hint: Any) -> str:
    """The type of a member's column."""
    inner = _only(hint)
    if inner is str and member.endswith(A_TIME):
        return "timestamptz"
    if get_origin(inner) is tuple:
        item = _scalar(get_args(inner)[0])
        return "jsonb" if item is None else f"{item}[]"
    return _scalar(inner) or "jsonb"


def _scalar(hint: Any) -> str | None:
    if get_origin(hint) is Literal:
        return "text"
    return "double precision" if hint == int | float else SCALARS.get(hint)


def _only(hint: Any) -> Any:
    """A type without null."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    others = [one for one in get_args(hint) if one is not NoneType]
    return Union[tuple(others)]  # noqa: UP007 - made of what there is


def _template(query: str) -> sql.SQL:
    text: Any = QUERIES[query].decode()
    return sql.SQL(text)


def _known(sql_type: str) -> Any:
    names: Sequence[str] = (*SCALARS.values(), "timestamptz")
    assert sql_type.removesuffix("[]") in names
    return sql_type
