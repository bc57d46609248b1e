"""The alarms of `docs/operations.md` watch what the code counts, and lead to what to do."""

import re

from tests.docs.markdown import anchors
from tests.docs.test_named_by_the_code import METRIC, sources
from tests.interfaces.serving import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
ALARMS = PAGE.partition("## Alarms")[2].partition("\n## ")[0]


def test_every_alarm_watches_a_metric_that_is_counted() -> None:
    counted = {name for source in sources() for name in METRIC.findall(source)}
    watched = set(re.findall(r"tenure_\w+", ALARMS))

    assert len(watched) > 8
    assert watched <= counted


def test_every_alarm_says_what_it_means_and_what_to_do() -> None:
    rows = [line.strip("| ").split(" | ") for line in ALARMS.splitlines() if line[:2] == "| "]

    assert all(len(cells) == 4 and all(cells) for cells in rows)
    assert set(re.findall(r"\(#([\w-]+)\)", ALARMS)) <= set(anchors(PAGE))
