"""Loading: each statement opens the partitions of the folds that are asked for, and no others."""

import psycopg
import pytest

from application.log.connections import WRITER
from application.log.live import Live
from application.log.loading import QUERIES, Loading
from projections.catalogue import INLINE
from tests.benchmarks.explain import Prepared

NOTHING = {"1": "{}", "2": "{}", "3": "{}"}
LOADING = Loading(Live(0, INLINE, {}, frozenset()))


def partitions_opened(url: str, statement: bytes, parameters: dict[str, str]) -> set[str]:
    """The folds whose partitions a statement opens."""
    with psycopg.connect(url, options=WRITER) as connection:
        found = Prepared(connection, "loading", statement).explain(parameters)
    relations = {node.relation for node in found.nodes if node.relation.startswith("state_")}
    return {relation.removeprefix("state_").partition("_1")[0] for relation in relations}


def test_what_comes_with_a_person_is_of_the_folds_of_entities(log_url: str) -> None:
    opened = partitions_opened(log_url, LOADING.statements["load"], NOTHING)

    assert opened == {"entity", "claims_of_entity", "membership"}


@pytest.mark.parametrize("name", ["rows", "range"])
def test_rows_are_of_one_fold(log_url: str, name: str) -> None:
    keys = "{1}" if name == "rows" else "1"

    assert partitions_opened(log_url, QUERIES[name], {"1": "job", "2": keys}) == {"job"}
