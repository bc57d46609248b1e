"""The seed's own polling clients, with only the base URL and the credentials changed.

They stand in ``seed_clients`` as the page has them, with what it lost in print restored: the
indentation, the back-ticks, ``__name__``, and a body for the empty ``if`` that delivers.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interfaces.serving import Served, eventually
from tests.stories.market import Market, MarketAgent

FOLDER = Path(__file__).with_name("seed_clients")

USER_UID = "6ece3c7e299094d84a69d5907728464fcf746f4871b52f627b810a110f"
AGENT_UID = "fa78433c6e347e97f71daf9d33fe213e13e61542fe64d3a9ab8017f23"
PROD_URL = "https://be.heymira.ai"

INTERVALS = {
    "polling.py": ("POLL_INTERVAL_SECONDS = 20", "POLL_INTERVAL_SECONDS = 0.1"),
    "polling.js": ("POLL_INTERVAL_MS = 20000", "POLL_INTERVAL_MS = 100"),
}
"""What else is changed, so that nobody waits for 20 seconds."""

RUNS = {"polling.py": [sys.executable, "-u"], "polling.js": ["node"]}


def changed(name: str, server: Served, agent: MarketAgent) -> str:
    """A client's text with all that is changed of it, each in one place."""
    text = (FOLDER / name).read_text()
    for before, after in (
        (PROD_URL, server.url),
        (USER_UID, agent.uid),
        (AGENT_UID, agent.agent_uid),
        INTERVALS[name],
    ):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clients run, with what they import."""
    made = tmp_path_factory.mktemp("seed_clients")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, made)
    return made


def install(folder: Path) -> None:
    """What the JavaScript client imports, as the lock has it."""
    if shutil.which("npm") is None:
        pytest.skip("node is not installed on this machine")
    if not (folder / "node_modules").exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running(name: str, folder: Path, server: Served, agent: MarketAgent) -> Iterator[Path]:
    """A client at work for the length of a block; what it prints."""
    client, printed = folder / name, folder / f"{name}.{agent.id}.log"
    client.write_text(changed(name, server, agent))
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [*RUNS[name], str(client)],
            cwd=folder,
            env=os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield printed
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", RUNS)
def test_a_client_of_the_seed_s_works_until_it_is_paid(
    name: str, folder: Path, server: Served, market: Market, worker: MarketAgent
) -> None:
    if name.endswith(".js"):
        install(folder)
    with running(name, folder, server, worker) as printed:
        # It finds nothing, then a job that it may accept, which it leaves to its developer.
        eventually(lambda: "No active jobs found" in printed.read_text())
        job = market.job(requirements={"requirement_json": {"script": "Say hello"}})
        eventually(lambda: f"Checking job {job}. Current Phase: OFFERED" in printed.read_text())
        worker.accepts(job)

        # It delivers; that is rejected; it delivers again; that is approved, and billed.
        eventually(lambda: status_of(market, job) == "DELIVERED")
        first = delivery_of(market, job)
        market.judge(job, "reject", delivery_id=first, comments="Say goodbye, too")
        eventually(lambda: delivery_of(market, job) not in {None, first})
        market.judge(job, "approve", delivery_id=delivery_of(market, job))

    assert "Error" not in printed.read_text()
    assert status_of(market, job) == "COMPLETED"
    (invoice,) = market.client.map_get("/invoices")["data"]
    assert (invoice["job_id"], invoice["amount"], invoice["currency"]) == (job, "1.50", "USD")
    results = market.client.map_get(f"/jobs/{job}/results")["data"]
    assert "Say hello" in str(results[-1]["data"])


def test_a_client_whose_agent_is_revoked_is_told_so(
    folder: Path, server: Served, market: Market, worker: MarketAgent
) -> None:
    with running("polling.py", folder, server, worker) as printed:
        eventually(lambda: "No active jobs found" in printed.read_text())

        assert market.platform.post(f"/v1/agents/{worker.id}/revoke").status_code == 200
        market.job()

        assert worker.try_get("/api/ailancer/job-polling").status_code == 401
    assert "Checking job" not in printed.read_text()


def status_of(market: Market, job: int) -> str:
    """Where a job stands."""
    status: str = market.client.map_get(f"/jobs/{job}")["job_status"]
    return status


def delivery_of(market: Market, job: int) -> str | None:
    """The delivery that awaits an evaluation, if one does."""
    shown = market.client.map_get(f"/jobs/{job}")
    return shown["delivery_id"] if shown["job_status"] == "DELIVERED" else None
