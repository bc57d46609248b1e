"""The harness reads what the tools print. No figure is judged here: that takes a quiet machine."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.benchmarks import load
from tests.benchmarks.explain import Cost, total
from tests.benchmarks.figures import Sample, Series, Target, compare
from tests.benchmarks.follow import Seen, lags_of
from tests.benchmarks.load import Requests, Unusable
from tests.benchmarks.memory import Reading, Segment, summarise
from tests.benchmarks.peers import pgbench
from tests.benchmarks.profile import top_functions

WRK = """Running 2s test @ http://127.0.0.1:40000/v1/events
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.92ms    1.02ms  21.60ms   93.33%
    Req/Sec    22.20k     2.10k   25.10k    75.00%
  44252 requests in 2.01s, 4.64MB read
  Non-2xx or 3xx responses: 2
Requests/sec:  22062.28
{"requests":44252,"duration_microseconds":2000000,"p50_microseconds":2921,"p99_microseconds":5979,\
"bad_statuses":2,"broken_connections":3,"timeouts":1}
"""

PGBENCH = """pgbench (18.4)
transaction type: insert.sql
scaling factor: 1
query mode: prepared
number of clients: 64
number of threads: 1
number of transactions actually processed: 20958
number of failed transactions: 0 (0.000%)
latency average = 5.183 ms
initial connection time = 61.442 ms
tps = 10479.000000 (without initial connection time)
"""


def test_a_sample_is_read_from_what_wrk_prints() -> None:
    sample = load.parse(WRK, busy=0.25)

    assert sample == Sample(44252, 2.0, 2.921, 5.979, failures=6, foreign_cores=0.25)
    assert sample.per_second == (44252 - 6) / 2


def test_wrk_without_a_result_is_told() -> None:
    with pytest.raises(Unusable, match="unable to connect"):
        load.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_a_missing_wrk_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(Unusable, match="package `wrk`"):
        load.find_wrk()


def test_a_sample_is_read_from_what_pgbench_prints() -> None:
    transactions = [f"{number % 64} 0 {number * 1000} 0 1700000000 0" for number in range(1, 101)]

    sample = pgbench.parse(PGBENCH, transactions)

    assert sample == Sample(20958, 2.0, 51.0, 100.0)


@pytest.fixture
def refusing_port() -> Iterator[int]:
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b"no such key")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_server_that_refuses_is_told_before_it_is_measured(refusing_port: int) -> None:
    with pytest.raises(Unusable, match="401: no such key"):
        load.probe(Requests(f"http://127.0.0.1:{refusing_port}/v1/events", "events"))


def test_a_ratio_is_of_the_same_round() -> None:
    fast = Series("fast", [Sample(100, 1, 1, 1), Sample(50, 1, 1, 1), Sample(80, 1, 1, 1)])
    slow = Series("slow", [Sample(50, 1, 1, 1), Sample(25, 1, 1, 1), Sample(10, 1, 1, 1)])

    assert fast.ratio_to(slow) == 2.0
    assert "50-100" in compare("both", [fast, slow]).text()


def test_a_target_may_be_a_floor_or_a_ceiling() -> None:
    assert Target("times stock", 13, 12).met
    assert not Target("times stock", 11, 12).met
    assert Target("p99", 20, 25, at_least=False, unit="ms").met
    assert "NOT met" in str(Target("p99", 30, 25, at_least=False))


def test_memory_that_grows_is_told_from_memory_that_does_not() -> None:
    segments = [Segment(float(at), at * 100) for at in range(1, 11)]
    flat = [Reading(at / 4, 100.0) for at in range(1, 41)]
    growing = [Reading(at / 4, 100.0 + at) for at in range(1, 41)]

    assert all(target.met for target in summarise(segments, flat).targets)
    assert not all(target.met for target in summarise(segments, growing).targets)


def test_a_lag_is_the_time_from_a_new_head_until_it_was_read() -> None:
    seen = [Seen(0.0, 1, 0), Seen(0.1, 1, 1), Seen(0.2, 5, 1), Seen(0.5, 5, 5), Seen(0.6, 7, 5)]

    assert lags_of(seen) == pytest.approx([0.1, 0.3])


def test_an_insert_that_no_one_selects_from_is_counted_with_the_plan() -> None:
    plan = _node("Result", 5, [_cte("used", 3), _cte("unused", 7), _scan("used", 3)])

    assert total(plan) == Cost(hit=12)


def test_functions_are_counted_by_self_and_by_cumulative_time() -> None:
    text = top_functions(
        "main (a.py:1);work (a.py:2) 3\nmain (a.py:9);work (a.py:3);main (a.py:1) 1"
    )

    own, cumulative = text.split("cumulative")
    assert "4 samples" in own
    assert "75.0%" in own
    assert "100.0%" in cumulative


def _node(kind: str, hit: int, plans: list[dict[str, object]]) -> dict[str, object]:
    return {
        "Node Type": kind,
        "Actual Rows": 1,
        "Shared Hit Blocks": hit,
        "Shared Read Blocks": 0,
        "Shared Dirtied Blocks": 0,
        "Plans": plans,
    }


def _cte(name: str, hit: int) -> dict[str, object]:
    return _node("ModifyTable", hit, []) | {"Subplan Name": f"CTE {name}"}


def _scan(name: str, hit: int) -> dict[str, object]:
    return _node("CTE Scan", hit, []) | {"CTE Name": name}
