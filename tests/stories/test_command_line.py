"""The command line: `tenure partner` and `tenure agents`, beside a running server and without."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from domain.api_keys import is_whole
from interfaces.postgres import EmbeddedPostgres
from tests.interfaces.serving import TENURE, Served, a_data_folder
from tests.stories.agents import Agent, lets_spawn, moved, registered, spawned
from tests.stories.client import Client
from tests.stories.conftest import MakePartner


def tenure(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command itself, ended."""
    return subprocess.run(
        [TENURE, *arguments],
        cwd=data,
        env=os.environ | {"TENURE_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_beside_a_running_server_a_partner_is_approved_and_its_key_opens_at_once(
    server: Served, data: Path, http: httpx.Client
) -> None:
    ended = tenure(data, "partner", "approve", "--name", "Acme & Co.", "--json")

    assert (ended.returncode, ended.stderr) == (0, "")
    printed = json.loads(ended.stdout)
    assert {"partnerId", "apiKey", "environment"} <= set(printed)
    assert printed["environment"] == "sandbox"
    me = Client(http, printed["apiKey"]).get("/v1/partners/me")
    assert me["partnerId"] == printed["partnerId"]
    assert (me["name"], me["slug"]) == ("Acme & Co.", "acme-co")


def test_a_production_key_says_what_it_opens(
    server: Served, data: Path, http: httpx.Client
) -> None:
    arguments = ("--name", "Live One", "--slug", "live", "--environment", "production")

    ended = tenure(data, "partner", "approve", *arguments, "--json")

    key = json.loads(ended.stdout)["apiKey"]
    assert key.startswith("mir_live_")
    assert is_whole(key)
    me = Client(http, key).get("/v1/partners/me")
    assert (me["environment"], me["slug"]) == ("production", "live")


def test_a_slug_that_is_taken_exits_with_1_and_says_so(server: Served, data: Path) -> None:
    arguments = ("partner", "approve", "--name", "Second", "--slug", "first-partner", "--json")

    ended = tenure(data, *arguments)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "first-partner belongs to another partner" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("partner", "approve"),
        ("partner", "approve", "--name"),
        ("partner", "approve", "--name", "X", "--environment", "staging"),
        ("partner", "approve", "--name", "X", "--unknown"),
        ("partner", "aprove", "--name", "X"),
        ("partners",),
        ("agents",),
        ("agents", "tree", "--status", "DEAD"),
        ("agents", "tree", "--depth", "-1"),
        ("agents", "tree", "--depth", "33"),
        ("agents", "tree", "--root"),
        ("agents", "draw"),
    ],
)
def test_wrong_use_exits_with_2_and_touches_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = tenure(tmp_path, *arguments)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def forest(a_partner: MakePartner) -> dict[str, Agent]:
    """Agents of a partner's: an agent, its child, which is suspended, and a child of that."""
    partner = a_partner()
    lets_spawn(partner)
    root = registered(partner, name="Root")
    child = spawned(root, name="Child")
    grandchild = spawned(child, name="Grandchild")
    other = spawned(root, name="Other")
    moved(partner, child, "suspend")
    return {agent.name: agent for agent in (root, child, grandchild, other)}


def drawn(data: Path, *arguments: str) -> list[str]:
    """The lines of `tenure agents tree`, which must go well."""
    ended = tenure(data, "agents", "tree", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def test_beside_a_running_server_a_tree_of_agents_is_drawn(
    data: Path, forest: dict[str, Agent]
) -> None:
    child = forest["Child"]

    heading, *lines = drawn(data, "--root", child.id)

    assert heading.endswith(" (sandbox)")
    assert lines == [
        f"└─ Child  AI_AGENT  SUSPENDED  {child.id[:8]}",
        f"   └─ Grandchild  AI_AGENT  ACTIVE  {forest['Grandchild'].id[:8]}",
    ]


def test_a_tree_is_drawn_so_deep_or_to_those_of_a_status(
    data: Path, forest: dict[str, Agent]
) -> None:
    def names(*arguments: str) -> set[str]:
        _, *lines = drawn(data, "--root", forest["Root"].id, *arguments)
        return {line.partition("─ ")[2].partition("  ")[0] for line in lines}

    assert names() == {"Root", "Child", "Grandchild", "Other"}
    assert names("--depth", "1") == {"Root", "Child", "Other"}
    assert names("--status", "SUSPENDED") == {"Root", "Child"}
    assert drawn(data, "--root", forest["Root"].id, "--status", "REVOKED") == []


def test_without_a_partner_every_partner_s_agents_are_drawn(
    data: Path, forest: dict[str, Agent], a_partner: MakePartner
) -> None:
    other = a_partner()
    agent = registered(other, name="Elsewhere")
    me = other.get("/v1/partners/me")

    everybody, theirs = drawn(data), drawn(data, "--partner", me["partnerId"])

    line = f"└─ Elsewhere  AI_AGENT  ACTIVE  {agent.id[:8]}"
    assert theirs == [f"{me['name']} (sandbox)", line]
    assert theirs[0] in everybody
    assert any("Grandchild" in one for one in everybody)


def test_a_tree_as_json_says_of_each_agent_what_is_drawn(
    data: Path, forest: dict[str, Agent]
) -> None:
    root, child = forest["Root"], forest["Child"]

    ended = tenure(data, "agents", "tree", "--root", child.id, "--json")

    (told,) = json.loads(ended.stdout)
    assert set(told) == {"partnerId", "partner", "environment", "nodes"}
    assert (
        told["nodes"]
        == child.with_key(root.key or "").get("/v1/agents/tree", root=child.id, view="drawing")[
            "nodes"
        ]
    )
    assert json.loads(tenure(data, "agents", "tree", "--json").stdout)


@pytest.mark.parametrize("option", ["--root", "--partner"])
def test_whoever_is_not_there_cannot_be_drawn(server: Served, data: Path, option: str) -> None:
    ended = tenure(data, "agents", "tree", option, "no-such")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "Error: There is no such thing here.\n"


@pytest.fixture(scope="module")
def alone() -> Iterator[Path]:
    """The data folder of an installation whose server does not run."""
    with a_data_folder() as folder:
        yield folder


def test_without_a_server_a_partner_is_approved_and_the_database_left_stopped(
    alone: Path,
) -> None:
    ended = tenure(alone, "partner", "approve", "--name", "Acme")

    assert (ended.returncode, ended.stderr) == (0, "")
    told = dict(line.split(": ", 1) for line in ended.stdout.splitlines())
    assert is_whole(told["apiKey"])
    assert told["environment"] == "sandbox"
    assert not EmbeddedPostgres(alone).is_running()


def test_without_a_server_what_was_approved_before_is_remembered(alone: Path) -> None:
    tenure(alone, "partner", "approve", "--name", "Twice")

    ended = tenure(alone, "partner", "approve", "--name", "Twice")

    assert ended.returncode == 1
    assert "The slug twice belongs to another partner." in ended.stderr


def test_without_a_server_there_may_be_no_agents_to_draw(alone: Path) -> None:
    tenure(alone, "partner", "approve", "--name", "Without agents")

    assert drawn(alone) == []
    assert json.loads(tenure(alone, "agents", "tree", "--json").stdout) == []
