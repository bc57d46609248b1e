"""The page of the command line says what ``--help`` says."""

import re
from collections.abc import Iterator

import pytest
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from interfaces.cli.main import app
from tests.interfaces.serving import ROOT

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text()
SECTIONS = {
    section.partition("\n")[0]: section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)
}
OF_TYPER = {"--install-completion", "--show-completion", "--help"}


def commands(command: object, name: str = "tenure") -> Iterator[tuple[str, TyperCommand]]:
    """Every command by the words that call it, its arguments among them."""
    if isinstance(command, TyperGroup):
        for word, inner in command.commands.items():
            yield from commands(inner, f"{name} {word}")
    elif isinstance(command, TyperCommand):
        arguments = [one.metavar or "" for one in command.params if isinstance(one, TyperArgument)]
        yield " ".join([name, *arguments]), command


COMMANDS = dict(commands(get_command(app)))


def test_every_command_has_its_section_and_no_other_has() -> None:
    assert {name for name in SECTIONS if name.startswith("tenure ")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_says_what_help_says(name: str) -> None:
    command, section = COMMANDS[name], SECTIONS.get(name, "")
    options = {
        option.opts[0]: option.help or ""
        for option in command.params
        if isinstance(option, TyperOption) and option.opts[0] not in OF_TYPER
    }

    assert (command.help or "").strip() in section
    assert set(re.findall(r"^\| `(--[\w-]+)`", section, flags=re.MULTILINE)) == set(options)
    for option, meaning in options.items():
        assert f"| `{option}` | {meaning}" in section
