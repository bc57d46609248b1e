"""Checks of this machine's part of an installation: the secrets' files and the disk."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from interfaces.doctor.finding import Finding, failed, in_words, ok, warning
from interfaces.settings import Settings

FULL_BYTES = 1 << 30
LOW_BYTES = 5 << 30


def secrets_files(settings: Settings) -> Finding:
    """Whether the secrets are there, and readable by their owner alone."""
    check, folder = "secrets", settings.data / "secrets"
    if missing := settings.missing_secrets():
        return failed(
            check,
            f"missing in {folder}: {in_words(missing)}",
            "Put them back from the backup before anything starts here; only the first start of a "
            "new installation makes them.",
        )
    files = [folder, *sorted(folder.iterdir())] if folder.exists() else []
    if open_files := [str(file) for file in files if _others_may_read(file)]:
        return failed(
            check,
            f"others than their owner may read {in_words(open_files)}",
            f"chmod -R go= {folder}; if strangers were on this machine, rotate every API key.",
        )
    return ok(check, "readable by their owner alone" if files else "given by the environment")


def disk_space(
    settings: Settings, disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
) -> Finding:
    """Whether the data folder's disk has room left."""
    folder = next(path for path in _and_above(settings.data) if path.exists())
    total, _, free = disk_usage(folder)
    found = f"{free / (1 << 30):.1f} GiB free of {total / (1 << 30):.1f}"
    remedy = "Make room or grow the disk: a full one stops every write (docs/operations.md)."
    if free < FULL_BYTES:
        return failed("disk space", found, remedy)
    if free < min(LOW_BYTES, total / 10):
        return warning("disk space", found, remedy)
    return ok("disk space", found)


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _and_above(path: Path) -> list[Path]:
    return [path, *path.parents]
