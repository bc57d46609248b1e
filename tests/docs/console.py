"""Commands that a page shows with their output: found, run, and held against it.

A block fenced as ``console`` holds them: a line that begins with ``$`` is a command, to the last of
its lines that end in a backslash; what follows, up to the next one, is its output. The commands of
a page are typed into one shell. Whatever differs from run to run (ids, times, keys, positions) only
has to be of its kind.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTED_URL = "http://127.0.0.1:8000"
RUN_SECONDS = 120
STARTS_A_SERVER = "./tenure"
END = "the end of what a command wrote"

KINDS = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"(entity|decision)-[0-9a-f]{8}\b", r"\1-<beginning of an id>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"mir_(sandbox|agent|audit)_[0-9A-Za-z]+", "<key>"),
    (r"whsec_[0-9A-Za-z+/=]+", "<secret>"),
    (r"\b[0-9a-f]{64}\b", "<uid>"),
    (r'("(job|invoice)_id":)\d+', r"\1<number>"),
    (r"(http://127\.0\.0\.1):\d+", r"\1"),
    (r'("(?:seen_)?position":|"cursor":"|x-log-position: )\d+', r"\1<position>"),
    (r'(DaysAgo":)\d+', r"\1<days>"),
)


@dataclass(frozen=True)
class Shown:
    """A command and the output that the page shows for it."""

    command: str
    output: str


def shown(text: str) -> list[Shown]:
    """The commands of a page, in order."""
    found = []
    for block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            last = next(at for at, line in enumerate(lines) if not line.endswith("\\"))
            command, output = lines[: last + 1], lines[last + 1 :]
            found.append(Shown("\n".join(command), "\n".join(output).strip()))
    return found


def requests(page: Path) -> list[Shown]:
    """The commands of a page that want nothing but a server."""
    commands = shown(page.read_text())
    return [one for one in commands if not one.command.startswith(STARTS_A_SERVER)]


def outputs(commands: Sequence[str], url: str, key: str, data: Path | None = None) -> list[str]:
    """What commands write, of a server at another URL, with a key in ``$KEY``; ``tenure`` works on
    a data folder.
    """
    installed = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    of_tenure = {} if data is None else {"TENURE_DATA": str(data), "PATH": installed}
    script = "".join(f"{command}\nprintf '%s' '{END}'\n" for command in commands)
    ended = subprocess.run(
        ["bash", "-e", "-c", script.replace(DOCUMENTED_URL, url)],
        env=os.environ | {"KEY": key} | of_tenure,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return [text.strip() for text in ended.stdout.replace("\r", "").split(END)[:-1]]


def kinds(output: str) -> str:
    """An output with whatever differs from run to run named by its kind."""
    for pattern, kind in KINDS:
        output = re.sub(pattern, kind, output)
    return output
