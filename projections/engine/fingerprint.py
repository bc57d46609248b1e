"""Fingerprints: whether the code of a fold is the one that made some rows.

It is taken of the syntax tree of all that decides what a row is: ``evolve``, ``keys`` and the
state, whatever functions, constants and fields these use in turn within their own package, and the
names of the events. Comments, docstrings and layout are no part of it, and neither is the Python
that runs it.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from types import FunctionType
from typing import Any

import msgspec

from domain.events import Event
from domain.fold import AnyFold, Fold

SAYS_NOTHING = {"ctx", "kind", "type_comment", "decorator_list"}
"""Parts of a tree that change no row; the decorators of a class register it."""

EMPTY: tuple[object, ...] = (None, [])

Function = ast.FunctionDef | ast.Lambda
Place = tuple[str, str]
"""A module and a name in it."""


class NoFingerprint(Exception):
    """The source of a fold's code is not at hand, or is no plain function; it says which."""


@cache
def fingerprint(fold: AnyFold) -> str:
    """The fingerprint of a fold's code and schema. Raises NoFingerprint."""
    closure = _Closure(fold)
    parts = sorted(closure.parts())
    names = [event.stored_name for event in fold.events]
    return sha256("\n".join([*names, *parts]).encode()).hexdigest()


class _Closure:
    """Everything that a fold's code uses, found by names."""

    def __init__(self, fold: AnyFold) -> None:
        self._package = _root(fold.evolve.__module__)
        self._seen: set[Place] = set()
        self._attributes: set[str] = set()
        self._classes: list[tuple[str, ast.ClassDef]] = []
        self._parts: set[str] = set()
        for function in (fold.evolve, fold.keys):
            self._function(function)
        self._class(fold.state.__module__, _class_of(fold))

    def parts(self) -> set[str]:
        """The tree of each part as text."""
        before = -1
        # What a method uses may be called by a name that another class has a method of.
        while before != len(self._parts):
            before = len(self._parts)
            for module, found in list(self._classes):
                for member in found.body:
                    if isinstance(member, ast.FunctionDef) and member.name in self._attributes:
                        self._add(module, f"{found.name}.{member.name}", member)
        return self._parts

    def _add(self, module: str, name: str, tree: ast.AST) -> None:
        self._parts.add(f"{name} {written(tree)}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                self._attributes.add(node.attr)
                if isinstance(node.value, ast.Name):
                    self._of_module(module, node.value.id, node.attr)
            elif isinstance(node, ast.MatchClass):
                self._attributes.update(node.kwd_attrs)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._name(module, node.id)

    def _name(self, module: str, name: str) -> None:
        """Follow a name to what it stands for, unless that is another package's."""
        if (module, name) in self._seen or _root(module) != self._package:
            return
        self._seen.add((module, name))
        defined, imported = _names(module)
        if name in imported:
            self._name(*imported[name])
        for tree in defined.get(name, ()):
            if isinstance(tree, ast.ClassDef):
                self._class(module, tree)
            else:
                self._add(module, name, tree)

    def _of_module(self, module: str, name: str, attribute: str) -> None:
        """Follow a name of another module, where the first name stands for one."""
        package, last = _names(module)[1].get(name, ("", name))
        other = f"{package}.{last}".strip(".")
        if other in sys.modules and _root(other) == self._package:
            self._name(other, attribute)

    def _class(self, module: str, tree: ast.ClassDef) -> None:
        """A class counts by its fields, and by those of its methods that are used; an event by
        these alone, since its name stands for its fields.
        """
        self._seen.add((module, tree.name))
        self._classes.append((module, tree))
        found = vars(sys.modules[module]).get(tree.name)
        is_event = isinstance(found, type) and issubclass(found, Event)
        fields = [one for one in tree.body if isinstance(one, ast.AnnAssign)]
        kept: list[ast.stmt] = [] if is_event else [*fields]
        bare = ast.ClassDef(
            name=tree.name, bases=tree.bases, keywords=tree.keywords, body=kept, decorator_list=[]
        )
        self._add(module, tree.name, bare)

    def _function(self, function: Callable[..., Any]) -> None:
        function = inspect.unwrap(function)
        if not isinstance(function, FunctionType):
            raise NoFingerprint(f"{function!r} is no function that is written out")
        module, code = function.__module__, function.__code__
        for tree in _functions(module):
            if _line(tree) == code.co_firstlineno and _named(tree) == code.co_name:
                self._add(module, code.co_name, tree)
        for cell in function.__closure__ or ():
            if isinstance(cell.cell_contents, FunctionType):
                self._function(cell.cell_contents)
            else:
                self._parts.add(f"{code.co_name} closes over {_plain(cell.cell_contents)}")


def written(tree: Any) -> str:
    """A tree as text, the same under every Python: what is empty is left out."""
    if isinstance(tree, ast.Constant):
        return ascii(tree.value)
    if isinstance(tree, ast.JoinedStr):
        return f"(JoinedStr {' '.join(_pieces(tree))})"
    if isinstance(tree, list):
        return f"[{' '.join(map(written, tree))}]"
    if not isinstance(tree, ast.AST):
        return ascii(tree)
    fields = {
        name: _without_docstring(tree, value) if name == "body" else value
        for name, value in ast.iter_fields(tree)
        if name not in SAYS_NOTHING
    }
    shown = [f"{name}={written(value)}" for name, value in fields.items() if value not in EMPTY]
    return f"({type(tree).__name__} {' '.join(shown)})"


def _plain(value: object) -> str:
    """A value that a function closes over. Raises NoFingerprint unless it is plain data."""
    try:
        return ascii(msgspec.json.encode(value, order="deterministic"))
    except TypeError as error:
        raise NoFingerprint(f"what it closes over is no plain data: {error}") from error


def _pieces(tree: ast.JoinedStr) -> Iterator[str]:
    """The pieces of an f-string; some Pythons leave texts apart, or empty."""
    for is_text, values in groupby(tree.values, lambda value: isinstance(value, ast.Constant)):
        if not is_text:
            yield from map(written, values)
        elif text := "".join(str(one.value) for one in values if isinstance(one, ast.Constant)):
            yield ascii(text)


def _without_docstring(tree: ast.AST, body: Any) -> Any:
    if not isinstance(body, list):
        return body
    match body[:1]:
        case [ast.Expr(value=ast.Constant(value=str()))]:
            return body[1:]
    return body


@cache
def _tree(module: str) -> ast.Module:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        raise NoFingerprint(f"the source of {module} is not at hand")
    try:
        return ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError) as error:
        raise NoFingerprint(f"the source of {module} cannot be read: {error}") from error


@cache
def _names(module: str) -> tuple[dict[str, list[ast.stmt]], dict[str, Place]]:
    """What a module's names stand for: statements of its own, and names of other modules."""
    defined: dict[str, list[ast.stmt]] = {}
    imported: dict[str, Place] = {}
    for statement in _tree(module).body:
        match statement:
            case ast.ImportFrom(names=names):
                source = _imported_from(module, statement)
                for alias in names:
                    imported[alias.asname or alias.name] = source, alias.name
            case ast.Import(names=names):
                for alias in names:
                    package, _, last = alias.name.rpartition(".")
                    imported[alias.asname or alias.name] = package, last
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined.setdefault(name, []).append(statement)
            case ast.AnnAssign(target=target):
                _define(defined, target, statement)
            case ast.Assign(targets=targets):
                for one in targets:
                    _define(defined, one, statement)
    return defined, imported


def _imported_from(module: str, statement: ast.ImportFrom) -> str:
    """The whole name of the module that names are imported from."""
    if not statement.level:
        return statement.module or ""
    package: str = sys.modules[module].__package__ or ""
    for _ in range(statement.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{statement.module or ''}".strip(".")


def _define(defined: dict[str, list[ast.stmt]], target: ast.expr, statement: ast.stmt) -> None:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.setdefault(node.id, []).append(statement)


@cache
def _functions(module: str) -> list[Function]:
    return [node for node in ast.walk(_tree(module)) if isinstance(node, Function)]


def _class_of(fold: Fold[Any]) -> ast.ClassDef:
    name = fold.state.__name__
    for node in ast.walk(_tree(fold.state.__module__)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise NoFingerprint(f"the class {name} is not written out in {fold.state.__module__}")


def _line(tree: Function) -> int:
    decorators = tree.decorator_list if isinstance(tree, ast.FunctionDef) else []
    return min([tree.lineno, *(one.lineno for one in decorators)])


def _named(tree: Function) -> str:
    return tree.name if isinstance(tree, ast.FunctionDef) else "<lambda>"


def _root(module: str) -> str:
    return module.partition(".")[0]
