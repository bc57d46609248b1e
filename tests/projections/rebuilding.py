"""A rebuild in a process of its own, which can be killed: says what it does, a line a slice.

python -m tests.projections.rebuilding URL NAME PARTITIONS PROCESSES
"""

import os
import subprocess
import sys
from collections.abc import Callable

from projections.engine.rebuild import rebuild
from tests.interfaces.serving import ROOT
from tests.projections.some import some

BEGINS, LOOKED_AT, BUILT = "begins", "looked at", "built"


def started(
    url: str, name: str, partitions: int, processes: int, **environment: str
) -> subprocess.Popen[str]:
    """A rebuild of its own, with what it says to be read."""
    command = [sys.executable, "-m", "tests.projections.rebuilding"]
    return subprocess.Popen(
        [*command, url, name, str(partitions), str(processes)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    url, name, partitions, processes = sys.argv[1:]

    def begun(what: str, entries: int, parts: int) -> Callable[[int], None]:
        say(BEGINS, what)
        return lambda more: say(LOOKED_AT, more)

    version = rebuild(
        url,
        name,
        projections=some,
        partitions=int(partitions),
        processes=int(processes),
        begun=begun,
    )
    say(BUILT, version.number)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
