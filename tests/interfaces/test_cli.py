"""The command line: exit codes, and a sentence where something expected goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interfaces.cli.main import app
from tests.interfaces.serving import ROOT

runner = CliRunner()


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = runner.invoke(app, arguments, env=environment)
    # Anything else escaped from the table of expected errors.
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_help_names_the_commands() -> None:
    code, output = run("--help")

    assert code == 0
    assert "serve" in output


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--workers", "0"], ["serve", "--x"]])
def test_wrong_use_exits_with_two(arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


def test_a_wrong_setting_exits_with_two_and_names_it(tmp_path: Path) -> None:
    code, output = run("serve", "--data", str(tmp_path), TENURE_QUEUE_LIMIT="none")

    assert code == 2
    assert "TENURE_QUEUE_LIMIT" in output


def test_a_database_out_of_reach_exits_with_one_and_no_traceback(tmp_path: Path) -> None:
    url = f"postgresql:///tenure?host={tmp_path}"
    ended = subprocess.run(
        [sys.executable, "-c", "from interfaces.cli.main import app; app()", "serve"],
        cwd=ROOT,
        env=os.environ | {"TENURE_DATA": str(tmp_path), "TENURE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr


def test_a_folder_without_an_installation_is_left_as_it_is(tmp_path: Path) -> None:
    code, output = run("partner", "list", "--data", str(tmp_path / "typo"))

    assert code == 1
    assert "no database" in output
    assert not (tmp_path / "typo").exists()
