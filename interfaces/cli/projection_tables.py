"""What `tenure projections` shows to people: tables, and how far a long work is."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import msgspec
from rich import progress as bars
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from projections.engine.difference import Difference, Explained, Pair
from projections.engine.projection import Projection
from projections.engine.verify import Verified
from projections.engine.versions import Version

LINE_SECONDS = 5.0
PIPED_WIDTH = 160
SHORT_FINGERPRINT = 8
COLOURS = {"failed": "red", "dead": "red", "behind": "yellow", "building": "yellow"}


class Progress:
    """How far a work is, on standard error: a bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.TaskProgressColumn(),
            bars.TextColumn("{task.fields[rate]}"),
            bars.TimeRemainingColumn(),
            console=self._console,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begins(self, what: str, entries: int, partitions: int) -> Callable[[int], None]:
        """A work over so many entries, each looked at once a partition, begins; what is to be told
        how many were looked at.
        """
        pace = Pace(entries, partitions)
        if self._console.is_terminal:
            bar = self._bars.add_task(what, total=max(entries, 1) * partitions, rate="")

            def drawn(more: int) -> None:
                pace.goes_on(more)
                self._bars.update(bar, advance=more, rate=f"{pace.per_second:,.0f} entries/s")

            return drawn

        def written(more: int) -> None:
            if pace.goes_on(more):
                sys.stderr.write(f"{what}: {pace}\n")
                sys.stderr.flush()

        return written


class Pace:
    """How fast a work goes on; entries count once, however many partitions look at them."""

    def __init__(
        self, entries: int, partitions: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._partitions = entries * partitions, partitions
        self._clock, self._began = clock, clock()
        self._said = self._began
        self._done = 0

    def goes_on(self, more: int) -> bool:
        """Count what was looked at; whether it is time to say so: not of what is over at once."""
        self._done += more
        now = self._clock()
        is_last = self._done >= self._total and self._said > self._began
        if not is_last and now < self._said + LINE_SECONDS:
            return False
        self._said = now
        return True

    @property
    def per_second(self) -> float:
        """Entries a second since it began."""
        return self._done / self._partitions / max(self._clock() - self._began, 1e-3)

    def __str__(self) -> str:
        left = (self._total - self._done) / self._partitions / max(self.per_second, 1e-3)
        return (
            f"{self._done / max(self._total, 1):.0%} of {self._total // self._partitions:,} "
            f"entries, {self.per_second:,.0f}/s, {left:,.0f} s left"
        )


def show_versions(
    versions: Sequence[Version], projections: Mapping[str, Projection], wrong: Sequence[str]
) -> None:
    """All versions, and beneath them what stopped some."""
    rows = []
    for version in versions:
        projection = projections.get(version.name)
        has_code = projection is not None and projection.code(version.fingerprint) is not None
        rows.append(
            (
                version.name,
                str(version.number),
                "live" if version.is_live else "",
                _coloured(version.condition),
                f"{version.position:,}",
                f"{version.lag:,}",
                _seconds(version),
                version.fingerprint[:SHORT_FINGERPRINT] + ("" if has_code else " (no code)"),
            )
        )
    _table(
        ("projection", "version", "", "condition", "position", "behind", "seconds", "code"), rows
    )
    console = _console()
    for version in versions:
        if version.cause is not None:
            console.print(
                f"{version.label} stopped after position {version.position}: "
                f"{escape(version.cause)}",
                highlight=False,
            )
    for one in wrong:
        console.print(f"Cannot be used: {escape(one)}", highlight=False)


def show_verified(found: Sequence[Verified]) -> None:
    """Which versions are what the log makes of them."""
    rows = [
        (
            one.name,
            str(one.version),
            "sound" if one.is_sound else f"[red]{one.differ:,} rows differ[/]",
            f"{one.position:,}",
            f"{one.rows:,}",
            f"{one.snapshots:,}",
            one.stored_digest[:16],
        )
        for one in found
    ]
    _table(("projection", "version", "", "position", "rows", "snapshots", "digest"), rows)
    for one in found:
        for key in one.differing:
            _console().print(f"{one.name} {one.version} differs: {escape(key)}", highlight=False)


def show_difference(found: Difference) -> None:
    """How many rows differ, and a page of them."""
    console = _console()
    console.print(
        f"{found.name} {found.a} and {found.b}, as of position {found.position:,}:", highlight=False
    )
    counted = (
        (f"only in {found.a}", found.only_in_a),
        (f"only in {found.b}", found.only_in_b),
        ("changed", found.changed),
        ("equal", found.equal),
        ("equal, of other entries", found.equal_of_other_entries),
        ("touched since", found.touched_since),
    )
    _table(("rows", "number"), [(name, f"{number:,}") for name, number in counted])
    if found.page:
        rows = [(pair.key, pair.verdict, _states(pair)) for pair in found.page]
        _table(("key", "", f"{found.a} → {found.b}"), rows)


def show_explained(found: Explained, name: str, a: int, b: int) -> None:
    """A row of two versions, and the entries behind the difference."""
    console = _console()
    if found.row is None:
        console.print("Neither version has that row.", highlight=False)
    else:
        pair = found.row
        console.print(f"{name} {escape(pair.key)}: {pair.verdict}", highlight=False)
        _table(
            ("version", "entries", "position", "state"),
            [
                (str(a), _number(pair.a_version), _number(pair.a_position), _text(pair.a)),
                (str(b), _number(pair.b_version), _number(pair.b_position), _text(pair.b)),
            ],
        )
    for number in found.lacks:
        console.print(f"The code of version {number} is not at hand.", highlight=False)
    if found.causes:
        rows = [
            (f"{one.position:,}", one.type, one.recorded_at, _text(one.a), _text(one.b))
            for one in found.shown
        ]
        _table(("position", "entry", "recorded at", f"{a} after it", f"{b} after it"), rows)
    console.print(
        f"{found.causes:,} of {found.entries:,} entries are behind the difference.", highlight=False
    )


def show_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """What a query found."""
    _table(names, [[_text(value) for value in row] for row in rows])


def _states(pair: Pair) -> str:
    if not pair.members:
        return f"{_text(pair.a)} → {_text(pair.b)}"
    return "; ".join(
        f"{name}: {_text(pair.a.get(name))} → {_text(pair.b.get(name))}" for name in pair.members
    )


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _number(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def _seconds(version: Version) -> str:
    return f"{version.lag_seconds:,.1f}" if version.lag else "0"


def _coloured(condition: str) -> str:
    colour = COLOURS.get(condition)
    return condition if colour is None else f"[{colour}]{condition}[/]"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)
