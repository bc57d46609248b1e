"""Which folds are live: of the code that this release has, that which the present rows are made by.

A fold's rows stand in versions, one of which is live; the database says by what code it was built.
Each switch raises the *generation*, which every load brings with it. So a worker learns of a switch
before it decides anything on rows of another code.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from domain.fold import AnyFold, folds_by_type

NEVER_SEEN = -1
"""A generation before the first."""


class Live(NamedTuple):
    """The folds that are live in a generation.

    ``lacks`` are the names of those whose code this release has not: it can neither read their rows
    nor write what they fold.
    """

    generation: int
    folds: Sequence[AnyFold]
    by_type: Mapping[str, Sequence[AnyFold]]
    lacks: frozenset[str]


NOTHING_LIVE = Live(NEVER_SEEN, (), {}, frozenset())
"""What is known before anybody has looked."""


class _Document(msgspec.Struct, frozen=True):
    generation: int
    fingerprints: dict[str, str]


_documents = msgspec.json.Decoder(_Document)


class Release:
    """The code that this release has for inline folds, several for one name in the midst of a
    change; ``fingerprint`` tells one code from another.
    """

    def __init__(self, folds: Iterable[AnyFold], fingerprint: Callable[[AnyFold], str]) -> None:
        self._codes = {(fold.name, fingerprint(fold)): fold for fold in folds}

    def live(self, document: bytes) -> Live:
        """The folds that are live, by what the query ``live`` found."""
        found = _documents.decode(document)
        wanted = {*found.fingerprints.items()}
        folds = [fold for code, fold in self._codes.items() if code in wanted]
        names = {*found.fingerprints, *(name for name, _ in self._codes)}
        lacks = names - {fold.name for fold in folds}
        return Live(found.generation, folds, folds_by_type(folds), frozenset(lacks))
