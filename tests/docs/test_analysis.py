"""The examples that read an export are run as they are printed, and print what is shown."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from interfaces.export.segments import Export
from interfaces.wiring import prepare
from tests.application.running import a_worker
from tests.builders import a_claim, a_participation, a_principal, an_approval, an_evaluation
from tests.interfaces.serving import ROOT

PAGE = (ROOT / "docs" / "how-to" / "analyse-an-export.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\n^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the export that the page is about."""
    prepare(database_url)
    who = a_principal("acme")

    async def story() -> None:
        async with a_worker(database_url) as worker:
            await worker.do(an_approval("acme"))
            for person in ("ann", "ann", "ann", "bob"):
                await worker.do(a_participation(person), who)
            await worker.do(a_participation("bob", kind="account.verified"), who)
            for action in ("payout.request", "payout.request", "data.export_pii"):
                await worker.do(an_evaluation("ann", action=action), who)
            await worker.do(a_claim("bob", claim_type="fraud"), who)

    asyncio.run(story())
    folder = tmp_path_factory.mktemp("analysis")
    Export(database_url, folder / "export", "parquet").run()
    return folder


def test_every_example_shows_what_it_prints() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n") == 4


@pytest.mark.parametrize(("example", "shown"), EXAMPLES)
def test_an_example_prints_what_the_page_shows(folder: Path, example: str, shown: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, check=False
    )

    assert (ran.stdout, ran.stderr) == (shown, "")
