"""The export: the whole log in files, the same however it came to be."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from pyarrow import parquet

from domain.events import decode, read_stored
from domain.instants import instant
from interfaces.cloud_events import cloud_event
from interfaces.export.formats import FormatName
from interfaces.export.segments import CannotExport, Export, read_manifest
from interfaces.locks import FileLock
from interfaces.wiring import prepare
from projections.log import logged
from tests.application.running import as_owner, head_of, log_of
from tests.interfaces.serving import ROOT
from tests.projections.test_tables import happens

FORMATS: tuple[FormatName, ...] = get_args(FormatName)
POSITIONS_A_FILE = 100


@pytest.fixture(scope="module")
def url(database_url: str) -> str:
    """A log with a little of everything."""
    prepare(database_url)
    for seed in range(8):
        happens(database_url, seed)
    return database_url


def exported(
    url: str, folder: Path, format_name: FormatName = "ndjson", until: int | None = None
) -> Path:
    """An export, as far as it goes."""
    Export(url, folder, format_name, until, POSITIONS_A_FILE).run()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What a folder holds, but for the lock."""
    return {
        path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != ".lock"
    }


def stored(url: str) -> list[str]:
    return [text for (text,) in as_owner(url, "select entry::text from log order by position")]


def lines_of(folder: Path) -> list[str]:
    files = sorted(folder.glob("*.ndjson"))
    return [line for file in files for line in file.read_text().splitlines()]


# What it holds


def test_lines_are_the_exact_entries(url: str, tmp_path: Path) -> None:
    folder = exported(url, tmp_path)

    assert lines_of(folder) == stored(url)


def test_cloud_events_are_those_of_the_api(url: str, tmp_path: Path) -> None:
    folder = exported(url, tmp_path, "cloudevents")

    expected = [cloud_event(logged(number, read_stored(text))) for number, text in log_texts(url)]
    assert [json.loads(line)["id"] for line in lines_of(folder)] == [one.id for one in expected]
    assert [json.loads(line)["sequence"] for line in lines_of(folder)] == [
        one.sequence for one in expected
    ]


def log_texts(url: str) -> list[tuple[int, str]]:
    return list(enumerate(stored(url), start=1))


def test_a_table_has_a_typed_column_for_what_is_asked_after(url: str, tmp_path: Path) -> None:
    folder = exported(url, tmp_path, "parquet")

    rows = [row for file in sorted(folder.glob("*.parquet")) for row in table(file)]

    for (position, entry), row in zip(log_of(url), rows, strict=True):
        beside = entry.data.beside()
        assert row == {
            "position": position,
            "id": entry.id,
            "tenant": entry.tenant,
            "stream": entry.stream,
            "category": entry.category,
            "aggregate_id": entry.aggregate_id,
            "version": entry.version,
            "type": entry.type,
            "recorded_at": entry.recorded_at,
            "principal": entry.principal,
            "request_id": entry.request_id,
            "kind": beside.kind,
            "about": beside.about,
            "action": beside.action,
            "occurred_at": getattr(entry.data, "occurred_at", None),
            "weight": getattr(entry.data, "weight", None),
            "data": row["data"],
        }
    for text, row in zip(stored(url), rows, strict=True):
        assert f'"data":{row["data"]}}}' in text


def table(file: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = parquet.read_table(file).to_pylist()
    for row in rows:
        for name in ("recorded_at", "occurred_at"):
            if isinstance(row[name], datetime):
                row[name] = instant(row[name].astimezone(UTC))  # type: ignore[attr-defined]
    return rows


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_manifest_says_what_each_file_holds(
    url: str, tmp_path: Path, format_name: FormatName
) -> None:
    folder = exported(url, tmp_path, format_name)

    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.position == head_of(url)
    assert manifest.log == decode(stored(url)[0]).id
    assert [file.first for file in manifest.files] == list(range(1, head_of(url) + 1, 100))
    for file in manifest.files:
        content = (folder / file.name).read_bytes()
        assert (file.bytes, file.sha256) == (len(content), sha256(content).hexdigest())
        assert file.entries == file.last - file.first + 1
    assert set(contents(folder)) == {"manifest.json", *(file.name for file in manifest.files)}


def test_an_empty_log_has_a_manifest_and_no_files(empty_database_url: str, tmp_path: Path) -> None:
    prepare(empty_database_url)

    assert set(contents(exported(empty_database_url, tmp_path))) == {"manifest.json"}


# How it grows


@pytest.mark.parametrize("format_name", FORMATS)
def test_in_parts_it_is_what_it_is_at_once(
    url: str, tmp_path: Path, format_name: FormatName
) -> None:
    at_once, in_parts = tmp_path / "at once", tmp_path / "in parts"
    exported(url, at_once, format_name)

    for until in (1, 99, 100, 101, 250, 250, None):
        exported(url, in_parts, format_name, until)

    assert contents(in_parts) == contents(at_once)


def test_a_whole_file_is_never_written_again(url: str, tmp_path: Path) -> None:
    exported(url, tmp_path, until=250)
    whole = sorted(tmp_path.glob("*.ndjson"))[:2]
    before = [file.stat().st_ino for file in whole]

    exported(url, tmp_path)

    assert [file.stat().st_ino for file in whole] == before


def test_it_never_shrinks(url: str, tmp_path: Path) -> None:
    before = contents(exported(url, tmp_path, until=250))

    assert contents(exported(url, tmp_path, until=150)) == before


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_file_that_was_lost_is_written_again(url: str, tmp_path: Path, damage: object) -> None:
    before = contents(exported(url, tmp_path))
    damage(sorted(tmp_path.glob("*.ndjson"))[1])  # type: ignore[operator]

    assert contents(exported(url, tmp_path)) == before


# What it refuses


def test_a_folder_holds_one_format(url: str, tmp_path: Path) -> None:
    exported(url, tmp_path)

    with pytest.raises(CannotExport, match="as ndjson"):
        exported(url, tmp_path, "parquet")


def test_a_folder_holds_one_log(url: str, tmp_path: Path, empty_database_url: str) -> None:
    exported(url, tmp_path)
    prepare(empty_database_url)

    with pytest.raises(CannotExport, match="another log"):
        exported(empty_database_url, tmp_path)


def test_a_manifest_of_something_else_is_left_alone(url: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "something else"}')

    with pytest.raises(CannotExport, match="not the manifest of an export"):
        exported(url, tmp_path)


def test_two_at_once_do_not_write_to_the_same_folder(url: str, tmp_path: Path) -> None:
    lock = FileLock(tmp_path / ".lock")
    assert lock.try_exclude()

    with pytest.raises(CannotExport, match="now"):
        exported(url, tmp_path)

    lock.release()
    exported(url, tmp_path)


def test_where_pyarrow_is_not_installed_it_says_so(url: str, tmp_path: Path) -> None:
    without = (
        "import sys; sys.modules['pyarrow'] = None; from interfaces.cli.main import app; "
        f"app(['log', 'export', '--to', '{tmp_path}', '--format', 'parquet'])"
    )

    ended = subprocess.run(
        [sys.executable, "-c", without],
        env={"TENURE_DATABASE_URL": url, "TENURE_DATA": str(tmp_path / "data")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "pip install tenure[parquet]" in ended.stderr
    assert "Traceback" not in ended.stderr


# Killed


def killed(url: str, folder: Path, format_name: FormatName, calls: int) -> int | None:
    """Export until it is killed after so many calls; how many it took if it was not."""
    arguments = [url, str(folder), format_name, str(POSITIONS_A_FILE), str(calls)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.interfaces.export_killed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode in (0, -9), ended.stderr
    return int(ended.stdout) if ended.returncode == 0 else None


def is_the_same_however_often_it_is_killed(
    url: str, folder: Path, format_name: FormatName, kills: int
) -> None:
    calls = killed(url, folder / "at once", format_name, 0)
    assert calls is not None
    chance, in_parts = Random(kills), folder / "in parts"
    for _ in range(kills):
        # A later start has less to do; some must come to their end.
        killed(url, in_parts, format_name, chance.randrange(1, calls))

    exported(url, in_parts, format_name)

    assert contents(in_parts) == contents(folder / "at once")


@pytest.mark.faults
@pytest.mark.parametrize("format_name", ["ndjson", "parquet"])
def test_killed_a_few_times_it_is_what_it_is_undisturbed(
    url: str, tmp_path: Path, format_name: FormatName
) -> None:
    is_the_same_however_often_it_is_killed(url, tmp_path, format_name, kills=4)


@pytest.mark.scale
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kills", [*range(1, 15)])
def test_killed_many_times_it_is_what_it_is_undisturbed(
    url: str, tmp_path: Path, format_name: FormatName, kills: int
) -> None:
    is_the_same_however_often_it_is_killed(url, tmp_path, format_name, kills)


@pytest.mark.faults
def test_what_was_not_put_in_place_is_not_there(url: str, tmp_path: Path) -> None:
    """The control: a file that was begun, and is taken for whole, would differ."""
    folder = exported(url, tmp_path)
    before = contents(folder)
    (folder / "log-000000000001-000000000100.ndjson.part").write_bytes(b"half of")

    assert contents(folder) != before
    assert contents(exported(url, folder)) == before
