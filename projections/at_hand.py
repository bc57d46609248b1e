"""Projections at hand: ours, and those that installed packages bring.

A package names each of its folds under the entry point group ``tenure.projections``: a fold, or
several of one name, the newest last. Beside the module may stand a file ``{fold's name}.sql``: its
indexes and its queries.
"""

import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from domain.fold import AnyFold, Fold
from projections.catalogue import INLINE
from projections.engine.fingerprint import fingerprint
from projections.engine.projection import NAME, Projection
from projections.engine.versions import Version

GROUP = "tenure.projections"
TABLES = Path(__file__).parent / "tables"


class UnknownProjection(Exception):
    """There is no projection of a name."""

    def __init__(self, name: str) -> None:
        there = ", ".join(sorted(at_hand()))
        super().__init__(f"There is no projection {name}; there are: {there}.")


class UnusableProjection(Exception):
    """What a package brings cannot be used; the message says why."""


@cache
def inline_projections() -> dict[str, Projection]:
    """Those that a reply depends on, by name."""
    folds: dict[str, list[AnyFold]] = {}
    for fold in INLINE:
        folds.setdefault(fold.name, []).append(fold)
    return {
        name: Projection(name, tuple(codes), inline=True, sql=_text(TABLES / f"{name}.sql"))
        for name, codes in folds.items()
    }


@cache
def brought() -> tuple[dict[str, Projection], list[str]]:
    """Those that installed packages bring, by name, and what is wrong with the rest."""
    found: dict[str, Projection] = {}
    wrong = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            projection = _brought_by(point)
            if projection.name in found or projection.name in inline_projections():
                raise UnusableProjection(f"there is another of the name {projection.name}")  # noqa: TRY301
            found[projection.name] = projection
        except Exception as error:  # noqa: BLE001 - whatever a stranger's module does
            wrong.append(f"{point.name} = {point.value}: {error}")
    return found, wrong


def at_hand() -> dict[str, Projection]:
    """Every projection that there is code for, by name."""
    return inline_projections() | brought()[0]


def named(name: str, versions: Sequence[Version]) -> Projection:
    """A projection by its name; one without code, where there are but versions of it.

    Raises UnknownProjection.
    """
    if name in at_hand():
        return at_hand()[name]
    if not versions:
        raise UnknownProjection(name)
    return Projection(name, (), inline=versions[0].inline)


def _brought_by(point: EntryPoint) -> Projection:
    loaded = point.load()
    folds = loaded if isinstance(loaded, tuple) else (loaded,)
    if not folds or not all(isinstance(fold, Fold) for fold in folds):
        raise UnusableProjection("it is no fold")
    names = {fold.name for fold in folds}
    if len(names) > 1:
        raise UnusableProjection(f"its folds are of several names: {', '.join(sorted(names))}")
    (name,) = names
    if not NAME.fullmatch(name):
        raise UnusableProjection(
            f"{name!r} is no name of a projection: small letters, digits and _, 40 at most"
        )
    for fold in folds:
        fingerprint(fold)
    file = sys.modules[point.module].__file__
    beside = Path(file).with_name(f"{name}.sql") if file else Path()
    return Projection(name, folds, inline=False, sql=_text(beside))


def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""
