"""An export that is killed at a moment of its own choice: after so many calls of Python functions.

    python -m tests.interfaces.export_killed URL FOLDER FORMAT POSITIONS_A_FILE CALLS

Without being killed it prints how many calls it took.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import cast

from interfaces.export.formats import FormatName
from interfaces.export.segments import Export


def main() -> None:
    url, folder, format_name, positions_a_file, calls = sys.argv[1:]
    numbers = count(1)

    def count_call(*_: object) -> None:
        if next(numbers) == int(calls):
            os.kill(os.getpid(), signal.SIGKILL)

    name = cast("FormatName", format_name)
    export = Export(url, Path(folder), name, positions_a_file=int(positions_a_file))
    sys.setprofile(count_call)
    export.run()
    sys.setprofile(None)
    sys.stdout.write(str(next(numbers)))


if __name__ == "__main__":
    main()
