"""[events] and [evaluate]: durable requests a second, beside ceiling, stock way and disk."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks import load, tenure
from tests.benchmarks.database import Database
from tests.benchmarks.figures import Report, Sample, Series, Target, compare
from tests.benchmarks.load import Requests, Unusable
from tests.benchmarks.options import Options
from tests.benchmarks.peers import bare_asgi, pgbench, stock

Apply = Callable[[float], Sample]

TIMES_STOCK = 12.0
OF_BARE_ASGI = 0.2
P99_MILLISECONDS = 25.0
EVALUATE_OF_EVENTS = 0.8


@dataclass(frozen=True)
class Contender:
    """Something to load for a few seconds."""

    name: str
    apply: Apply


def peers(database: Database, options: Options) -> Report:
    """What this machine can do without Tenure."""
    with ExitStack() as stack:
        series = take_turns(_peers(stack, database), options)
    return compare("peers", series)


def events(database: Database, options: Options) -> Report:
    """`POST /v1/events` with everything on, against all peers."""
    with ExitStack() as stack:
        contenders = _peers(stack, database)
        running = stack.enter_context(tenure.running(database))
        contenders.append(_tenure(running, tenure.EVENTS, running.requests("events")))
        series = take_turns(contenders, options)
    report = compare("events", series)
    measured = {one.name: one for one in series}
    subject = measured[tenure.EVENTS]
    # The ordinary way is the peer. Saving in the event loop is a little faster, but serves one
    # request at a time, and its slowest wait for seconds: it is shown, and is nobody's service.
    ordinary, blocking = (measured[name] for name in stock.NAMES.values())
    report.targets = [
        Target(f"times {ordinary.name}", subject.ratio_to(ordinary), TIMES_STOCK),
        Target(f"of {bare_asgi.NAME}", subject.ratio_to(measured[bare_asgi.NAME]), OF_BARE_ASGI),
        Target("p99", subject.median_of("p99_milliseconds"), P99_MILLISECONDS, False, "ms"),
    ]
    to_pgbench = subject.ratio_to(measured[pgbench.NAME])
    report.remarks.append(f"of {pgbench.NAME}: {to_pgbench:.2f} (shown, no target)")
    to_blocking = subject.ratio_to(blocking)
    report.remarks.append(f"times {blocking.name}: {to_blocking:.2f} (shown, no target)")
    return report


def evaluate(database: Database, options: Options) -> Report:
    """`POST /v1/policy/evaluate`, each decision recorded, against events in the same run."""
    with tenure.running(database) as running:
        contenders = [
            _tenure(running, tenure.EVENTS, running.requests("events")),
            _tenure(running, tenure.EVALUATE, running.requests("evaluate")),
        ]
        series = take_turns(contenders, options)
    report = compare("evaluate", series)
    ratio = series[1].ratio_to(series[0])
    report.targets = [Target(f"of {tenure.EVENTS}", ratio, EVALUATE_OF_EVENTS)]
    return report


def take_turns(contenders: Sequence[Contender], options: Options) -> list[Series]:
    """Warm each up, then load them one after the other, round by round.

    In turns, because a machine's speed drifts by more than what is to be shown: two figures of
    one round were at least measured within the same minute.
    """
    series = [Series(contender.name) for contender in contenders]
    for contender in contenders:
        contender.apply(options.warm_up_seconds)
    for _ in range(options.repeats):
        for contender, one in zip(contenders, series, strict=True):
            one.samples.append(contender.apply(options.seconds))
    return series


def _peers(stack: ExitStack, database: Database) -> list[Contender]:
    bare = stack.enter_context(bare_asgi.running(database.folder))
    ordinary = stack.enter_context(stock.running(database.folder, database))
    disk = pgbench.prepare(database)
    contenders = [Contender(bare_asgi.NAME, _by_wrk(bare.requests))]
    contenders += [Contender(name, _by_wrk(one.requests)) for name, one in ordinary.items()]
    contenders.append(Contender(pgbench.NAME, lambda seconds: pgbench.apply(disk, seconds)))
    return contenders


def _by_wrk(requests: Requests) -> Apply:
    load.probe(requests)
    return lambda seconds: load.apply(requests, seconds)


def posting_events(running: tenure.Tenure) -> Contender:
    """`POST /v1/events`, with which others are compared."""
    return _tenure(running, tenure.EVENTS, running.requests("events"))


def recorded(running: tenure.Tenure, name: str, apply: Apply) -> Contender:
    """A load of which every answer must be found in the log afterwards."""

    def checked(seconds: float) -> Sample:
        before = running.head()
        sample = apply(seconds)
        stored = running.head() - before
        if stored < sample.requests - sample.failures:
            raise Unusable(
                f"{name}: {sample.requests} answers, but {stored} new entries in the log"
            )
        return sample

    return Contender(name, checked)


def _tenure(running: tenure.Tenure, name: str, requests: Requests) -> Contender:
    return recorded(running, name, _by_wrk(requests))
