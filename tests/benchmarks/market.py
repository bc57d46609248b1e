"""[market] A marketplace: agents that poll, and jobs accepted, delivered and evaluated."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import ceil
from pathlib import Path

import psycopg

from application.log.connections import WRITER
from application.log.loading import QUERIES
from domain.listing import CAPABILITIES_AT_MOST
from interfaces.wiring import now
from projections.polling import AT_MOST, BYTES_AT_MOST, POLL
from tests.benchmarks import tenure
from tests.benchmarks.client import Client
from tests.benchmarks.database import Database
from tests.benchmarks.explain import Prepared
from tests.benchmarks.figures import Report, Sample, Target, compare
from tests.benchmarks.load import CONNECTIONS, SETTLING_SECONDS, Unusable, apply_prepared
from tests.benchmarks.marketplace import STEPS, Agent, Marketplace, Step
from tests.benchmarks.options import Options
from tests.benchmarks.write_path import Contender, posting_events, recorded, take_turns

POLLED = "poll"
POLLED_FULL = f"poll, a full page of {AT_MOST}"
FULL_POLLERS = 100
P99_MILLISECONDS = 20.0
OF_EVENTS = 0.5
COUNTED_POLLS = 100
FIRST_GUESS_PER_SECOND = 4_000
"""How many jobs are made ready for each second of a step's first load."""

EXECUTED = re.compile(r"LOG:  (?:execute [^:]+|statement): (.*)")
AROUND = [QUERIES[name].decode().splitlines()[0] for name in ("begin", "hold", "stands", "commit")]
"""How the statements begin that surround those which are asked for in the same round trip."""


def market(database: Database, options: Options) -> Report:
    """Let agents poll, then bring jobs on their way, beside events."""
    with tenure.running(database) as running:
        market = Marketplace(running, options.market_agents)
        market.stock("accept", options.market_jobs)
        market.settle()
        report = _poll(running, market, database, options)
        works = _work(running, market, database, options)
    report.rows += works.rows
    report.targets += works.targets
    report.data |= {"work": works.data}
    return report


def _poll(
    running: tenure.Tenure, market: Marketplace, database: Database, options: Options
) -> Report:
    """Poll as one agent after another: of one capability each, then of as many as there may be."""
    most = CAPABILITIES_AT_MOST
    several = [market.capabilities(place * most, most) for place in range(FULL_POLLERS)]
    of_several = market.offer(*several)
    market.settle()
    contenders = [
        _polling(running, POLLED, market.agents, market, database.folder),
        _polling(running, POLLED_FULL, of_several, market, database.folder),
    ]
    series = take_turns(contenders, options)
    report = compare("market", series)
    p99 = series[0].median_of("p99_milliseconds")
    queries = _queries(running, market.agents[0], database)
    report.targets = [
        Target(f"{POLLED}, p99", p99, P99_MILLISECONDS, False, "ms"),
        Target("queries a poll", queries, 1, False),
    ]
    _explain(running, market, {POLLED: market.agents[0], POLLED_FULL: of_several[0]}, report)
    return report


def _polling(
    running: tenure.Tenure,
    name: str,
    agents: Sequence[Agent],
    market: Marketplace,
    folder: Path,
) -> Contender:
    prepared = market.write(name, [agent.polls() for agent in agents], folder)
    return Contender(name, lambda seconds: apply_prepared(running.server.url, prepared, seconds))


def _work(
    running: tenure.Tenure, market: Marketplace, database: Database, options: Options
) -> Report:
    """Accept, deliver and evaluate, each request another job, in turns with events."""
    contenders = [posting_events(running)]
    contenders += [_working(running, step, market, database.folder) for step in STEPS]
    series = take_turns(contenders, options)
    report = compare("market", series)
    report.targets = [
        Target(f"{one.name} of {tenure.EVENTS}", one.ratio_to(series[0]), OF_EVENTS)
        for one in series[1:]
    ]
    return report


def _working(running: tenure.Tenure, step: Step, market: Marketplace, folder: Path) -> Contender:
    fastest = FIRST_GUESS_PER_SECOND / 2

    def apply(seconds: float) -> Sample:
        nonlocal fastest
        requests = market.stock(step, ceil(2 * fastest * max(1, seconds)) + CONNECTIONS)
        prepared = market.write(step, requests, folder)
        sample = apply_prepared(running.server.url, prepared, seconds)
        if sample.requests + CONNECTIONS > len(requests):
            raise Unusable(f"{step}: {len(requests)} jobs were too few, and some came twice")
        if sample.failures:
            raise Unusable(f"{step}: {sample.failures} of {sample.requests} were refused")
        fastest = max(fastest, sample.per_second)
        return sample

    return recorded(running, step, apply)


def _queries(running: tenure.Tenure, agent: Agent, database: Database) -> int:
    """The statements of a poll, as PostgreSQL logs them, but for those that begin and end it.

    What runs beside now and then is not counted: only what ran as often as was polled.
    """
    # The server still answers what the last load sent when it was cut off.
    time.sleep(SETTLING_SECONDS)
    client = Client(running)
    poll = agent.polls()
    (path,) = database.folder.rglob("postgres.log")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("alter system set log_statement = 'all'")
        connection.execute("select pg_reload_conf()")
        told = path.stat().st_size
        for _ in range(COUNTED_POLLS):
            client.exchange(poll.method, poll.path, poll.headers, None)
        lines = path.read_bytes()[told:].decode(errors="replace")
        connection.execute("alter system reset log_statement")
        connection.execute("select pg_reload_conf()")
    found = Counter(text for text in EXECUTED.findall(lines) if text not in AROUND)
    return sum(round(times / COUNTED_POLLS) for times in found.values())


def _explain(
    running: tenure.Tenure, market: Marketplace, agents: dict[str, Agent], report: Report
) -> None:
    """The pages that the polling statement touches, and along which indexes."""
    tenant = market.tenant()
    with psycopg.connect(running.database_url, options=WRITER) as connection:
        prepared = Prepared(connection, "poll", POLL)
        for name, agent in agents.items():
            parameters = {
                "tenant": [tenant],
                "agent_id": [agent.agent_id],
                "now": [now()],
                "limit": [str(AT_MOST)],
                "bytes": [str(BYTES_AT_MOST)],
            }
            # The first fills caches of the catalogue, and does not count.
            found = [prepared.explain(parameters) for _ in range(2)][1]
            along = sorted({node.relation for node in found.nodes if "Index" in node.name})
            pages = f"{found.total.touched:,} pages along {', '.join(along)}"
            report.remarks.append(f"{name}: {pages}")
            report.data[f"{name}, explained"] = asdict(found)
