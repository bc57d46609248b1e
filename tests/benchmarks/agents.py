"""[agents] A tree of 100,000 agents, 32 deep: who comes from whom, and how a tenth is ended."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from statistics import mean, median
from typing import Any, get_args

import psycopg

from application.log.batch import Rules
from application.log.connections import WRITER
from application.log.line import Call, Line
from application.log.live import Release
from application.log.loading import QUERIES
from application.log.reader import Reader
from application.log.submission import Submission
from domain.agent import Status
from domain.principal import Identify
from domain.spawning import DEPTH_AT_MOST
from interfaces.wiring import now
from projections.agents import LINEAGE, LIST, TREE
from projections.catalogue import INLINE, VERSIONS
from projections.engine.fingerprint import fingerprint
from projections.engine.pages import NEWEST
from tests.benchmarks import tenure
from tests.benchmarks.client import HEADINGS, Client, row
from tests.benchmarks.database import Database
from tests.benchmarks.explain import Explained, Prepared
from tests.benchmarks.figures import Report, Target
from tests.benchmarks.load import Unusable, bodies, foreign_cores
from tests.benchmarks.options import Options
from tests.benchmarks.tree import SUBTREES, Tree, depth_of, plant

COMPARED_DEPTH = 16
"""How deep the agent stands whose authentication is compared with a partner's."""

KILL_SECONDS = 1.0
LINEAGE_MILLISECONDS = 5.0
QUIET_SECONDS = 2.0
"""How long events are posted before a kill, and after it."""


def agents(database: Database, options: Options) -> Report:
    """Ask about the tree, then kill subtrees of it while somebody posts events."""
    report = Report("agents", HEADINGS)
    with tenure.running(database) as running:
        tree = plant(running.database_url, options.agents)
        _ask(running, tree, report)
        _kill(running, tree, options, report)
        _count_queries(running.database_url, tree, report)
        _explain(running.database_url, tree, report)
    depth = mean(map(depth_of, tree.agents))
    report.remarks.append(f"{len(tree.agents):,} agents, {depth:.1f} deep on average")
    return report


def _ask(running: tenure.Tenure, tree: Tree, report: Report) -> None:
    """What is asked of the tree over HTTP, one after another."""
    client = Client(running)
    deepest = [agent.agent_id for agent in tree.of_depth(DEPTH_AT_MOST)]
    root, head = tree.agents[0].agent_id, tree.of_depth(1)[0].agent_id
    whole, part = f"/v1/agents/tree?root={root}", f"/v1/agents/tree?root={head}"
    lineage = f"lineage at depth {DEPTH_AT_MOST}"
    asked: dict[str, tuple[int, Callable[[int], str]]] = {
        lineage: (500, lambda turn: f"/v1/agents/{deepest[turn % len(deepest)]}/lineage"),
        "list, a page of 50": (100, lambda _: "/v1/agents?limit=50"),
        "tree, a page of 1,000": (20, lambda _: whole),
        "tree, a level below the root": (10, lambda _: f"{whole}&depth=1"),
        "tree, the suspended, of whom there are none": (5, lambda _: f"{whole}&status=SUSPENDED"),
        "subtree for drawing, all of it": (10, lambda _: f"{part}&view=drawing&limit=10000"),
    }
    for name, (times, path) in asked.items():
        client.send("GET", path(0))
        seconds = [client.timed("GET", path(turn)) for turn in range(times)]
        report.rows.append(row(name, seconds))
        if name == lineage:
            found = median(seconds) * 1e3
            report.targets.append(
                Target(f"{name}, median", found, LINEAGE_MILLISECONDS, False, "ms")
            )


def _kill(running: tenure.Tenure, tree: Tree, options: Options, report: Report) -> None:
    """Preview and kill one subtree after another, while a client posts events."""
    client = Client(running)
    seconds: dict[str, list[float]] = {"preview": [], "kill": [], "wait": [], "usual": []}
    busy: list[float] = []
    size = len(tree.agents) // SUBTREES
    for head in tree.of_depth(1)[: options.repeats]:
        path = f"/v1/agents/{head.agent_id}/revoke-descendants"
        busy.append(foreign_cores())
        seconds["preview"].append(client.timed("POST", f"{path}?preview=true"))
        with _posting(Client(running)) as posted:
            time.sleep(QUIET_SECONDS)
            began = time.perf_counter()
            killed = client.send("POST", path)["count"]
            ended = time.perf_counter()
            time.sleep(QUIET_SECONDS)
        if killed != size:
            raise Unusable(f"{killed} were killed, and not {size}")
        seconds["kill"].append(ended - began)
        meanwhile = [end - start for start, end in posted if start < ended and end > began]
        seconds["wait"].append(max(meanwhile))
        seconds["usual"] += [end - start for start, end in posted if end < began]
    report.rows += [
        row(f"preview of a kill of {size:,}", seconds["preview"]),
        row(f"kill of {size:,}", seconds["kill"]),
        row("longest wait of an event posted meanwhile", seconds["wait"]),
        row("an event posted before", seconds["usual"]),
    ]
    report.targets.append(
        Target(f"kill of {size:,}, median", median(seconds["kill"]), KILL_SECONDS, False, "s")
    )
    report.remarks.append(f"foreign cores before the kills: {max(busy):.2f} at most")
    report.data["seconds"] = seconds


@contextmanager
def _posting(client: Client) -> Iterator[list[tuple[float, float]]]:
    """Post events one after another until the block ends: when each was sent, and answered."""
    posted: list[tuple[float, float]] = []
    ended = threading.Event()

    def post() -> None:
        while not ended.is_set():
            started = time.perf_counter()
            client.send("POST", tenure.PATHS["events"], bodies("events"))
            posted.append((started, time.perf_counter()))

    poster = threading.Thread(target=post, daemon=True)
    poster.start()
    try:
        yield posted
    finally:
        ended.set()
        poster.join()


class _Counting(Line):
    """A line that counts its round trips."""

    trips = 0

    async def trip(self, *calls: Call) -> list[bytes | None]:
        self.trips += 1
        return await super().trip(*calls)


def _count_queries(url: str, tree: Tree, report: Report) -> None:
    """The queries by which a worker learns who a key is, an agent's and its partner's."""
    # The last subtree is still alive.
    agent = tree.of_depth(COMPARED_DEPTH)[-1]
    of_agent = asyncio.run(_queries(url, agent.lookup))
    of_partner = asyncio.run(_queries(url, tree.partners_lookup))
    name = f"queries to identify an agent at depth {COMPARED_DEPTH}; its partner: {of_partner}"
    report.targets.append(Target(name, of_agent, of_partner, False))


async def _queries(url: str, lookup: str) -> int:
    lines: list[_Counting] = []

    async def connect() -> Line:
        lines.append(await _Counting.open(url, WRITER, QUERIES))
        return lines[-1]

    rules = Rules(VERSIONS, lambda: "")
    reader = Reader(connect, rules, Release(INLINE, fingerprint), now, limit=1)
    answering = asyncio.create_task(reader.run())
    await reader.answer(Submission(Identify(lookup)))
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    return sum(line.trips for line in lines)


def _explain(url: str, tree: Tree, report: Report) -> None:
    """The pages that each statement touches, and along which indexes."""
    page = {"tenant": tree.tenant, "limit": "51", "status": None, "until": None}
    root, deepest = tree.agents[0].agent_id, tree.of_depth(DEPTH_AT_MOST)[-1].agent_id
    before, key = NEWEST
    asked: dict[str, tuple[bytes, dict[str, Any]]] = {
        "lineage": (LINEAGE, {"agent_id": deepest, "children": "true"}),
        "list": (LIST, {"statuses": list(get_args(Status)), "before": before, "key": key}),
        "tree": (TREE, {"root": root, "depth": None, "after": ""}),
    }
    found: list[Explained] = []
    with psycopg.connect(url, options=WRITER) as connection:
        for name, (statement, parameters) in asked.items():
            prepared = Prepared(connection, name, statement)
            # The first fills caches of the catalogue, and does not count.
            found += [prepared.explain(page | parameters) for _ in range(2)][1:]
    scans = [node for one in found for node in one.nodes if node.name == "Seq Scan"]
    report.targets.append(Target("tables read from end to end", len(scans), 0, False))
    report.remarks += map(_shown, found)
    report.data["explained"] = [asdict(one) for one in found]


def _shown(explained: Explained) -> str:
    along = sorted({node.relation for node in explained.nodes if "Index" in node.name})
    return f"{explained.name}: {explained.total.touched:,} pages along {', '.join(along)}"
