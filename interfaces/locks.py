"""Locks between the processes of one data folder, released by the kernel however a process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class FileLock:
    """A lock on a file, held shared or exclusively until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Read-only, so that a file made by root still serves the folder's ordinary user.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)

    def share(self) -> Self:
        """Hold the lock beside others who share it; waits for an exclusive holder."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return self

    def exclude(self) -> Self:
        """Hold the lock alone; waits for every other holder."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self

    def try_exclude(self) -> bool:
        """Hold the lock alone if nobody else holds it, without waiting; whether it worked."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go; the object is of no further use."""
        os.close(self._descriptor)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of a file exclusively for the length of a block."""
    lock = FileLock(path).exclude()
    try:
        yield
    finally:
        lock.release()
