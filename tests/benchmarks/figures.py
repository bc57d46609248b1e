"""What a run measured, how it is summed up, and how it is printed."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One load of a few seconds against one server."""

    requests: int
    seconds: float
    p50_milliseconds: float
    p99_milliseconds: float
    failures: int = 0
    foreign_cores: float = 0.0
    """Cores that others kept busy just before: above a few hundredths the sample is polluted."""

    @property
    def per_second(self) -> float:
        """What was answered well: a failure is quick, and must not count as speed."""
        return (self.requests - self.failures) / self.seconds if self.seconds else 0.0


@dataclass
class Series:
    """Repeated samples of one server; medians stand for it."""

    name: str
    samples: list[Sample] = field(default_factory=list)
    note: str = ""

    def median_of(self, attribute: str) -> float:
        """The median over the samples of any number that a `Sample` has."""
        return float(median(getattr(sample, attribute) for sample in self.samples))

    @property
    def per_second(self) -> float:
        return self.median_of("per_second")

    @property
    def failures(self) -> int:
        return sum(sample.failures for sample in self.samples)

    def ratio_to(self, other: "Series") -> float:
        """The median of the ratios round by round: what slows the machine slows both sides."""
        rounds = zip(self.samples, other.samples, strict=True)
        return float(median(mine.per_second / theirs.per_second for mine, theirs in rounds))


@dataclass(frozen=True)
class Target:
    """A figure with the bound that it should keep."""

    name: str
    value: float
    bound: float
    at_least: bool = True
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        comparison = ">=" if self.at_least else "<="
        verdict = "met" if self.met else "NOT met"
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.name}: {self.value:,.2f}{unit} (target {comparison} {self.bound:g}): {verdict}"
        )


@dataclass
class Report:
    """The outcome of one benchmark: a table, its targets, and remarks."""

    name: str
    headings: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The report as it is printed."""
        parts = [f"[{self.name}]", table(self.headings, self.rows)]
        parts += [f"  {target}" for target in self.targets]
        parts += [f"  {remark}" for remark in self.remarks]
        return "\n".join(part for part in parts if part)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns: the first to the left, the others to the right."""
    if not rows:
        return ""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]

    def aligned(line: Sequence[str]) -> str:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "  " + "  ".join(cells).rstrip()

    return "\n".join(aligned(line) for line in lines)


def compare(name: str, series: Sequence[Series]) -> Report:
    """A report with a row for each series."""
    headings = ["", "per second", "min-max", "p50 ms", "p99 ms", "failed", "foreign cores"]
    rows: list[Sequence[str]] = []
    for one in series:
        speeds = [sample.per_second for sample in one.samples]
        rows.append(
            [
                one.name,
                f"{one.per_second:,.0f}",
                f"{min(speeds):,.0f}-{max(speeds):,.0f}",
                f"{one.median_of('p50_milliseconds'):.1f}",
                f"{one.median_of('p99_milliseconds'):.1f}",
                str(one.failures),
                f"{max(sample.foreign_cores for sample in one.samples):.2f}",
            ]
        )
    report = Report(name, headings, rows)
    report.data["samples"] = {
        one.name: [asdict(sample) for sample in one.samples] for one in series
    }
    report.remarks = [f"{one.name}: {one.note}" for one in series if one.note]
    return report


def say(text: str) -> None:
    """Print, at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write_json(path: Path, machine: dict[str, Any], reports: Sequence[Report]) -> None:
    """Everything measured, for those who draw their own tables."""
    content = {"machine": machine, "reports": [asdict(report) for report in reports]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
