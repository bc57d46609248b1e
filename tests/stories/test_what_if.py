"""`tenure what-if`: which recorded decisions would flip under another table of actions."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stories.agents import moved, registered
from tests.stories.client import Client, a_person, ago, an_actor
from tests.stories.conftest import MakePartner
from tests.stories.document import told
from tests.stories.test_command_line import tenure

STRICT = {"requiredTier": 3, "risk": "CRITICAL"}
LAX = {"requiredTier": 0, "risk": "LOW"}


@pytest.fixture
def owner(a_partner: MakePartner) -> Client:
    """A partner of whom nothing is known yet."""
    return a_partner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "actions.json"


def partner_id(owner: Client) -> str:
    return str(owner.get("/v1/partners/me")["partnerId"])


def what_if(data: Path, owner: Client, file: Path, actions: object, *options: str) -> Any:
    """What is told of a partner's decisions, as JSON."""
    file.write_text(json.dumps(actions))
    asked = ("--actions", str(file), "--partner", partner_id(owner), "--json", *options)
    ended = tenure(data, "what-if", *asked)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_flips_are_listed_with_the_reasons_of_then_and_of_the_other_table(
    data: Path, owner: Client, file: Path
) -> None:
    newcomer, regular = a_person(), a_person()
    owner.has_history(regular, 10, days=14)
    first = owner.evaluate(newcomer, "payout.request")
    second = owner.evaluate(regular, "payout.request")
    owner.evaluate(newcomer, "checkout.complete")
    owner.evaluate(newcomer, "job.accept")
    table = {"payout.request": {"requiredTier": 2, "risk": "HIGH"}, "checkout.complete": LAX}

    with owner.storing_nothing():
        found = what_if(data, owner, file, table)

    common = {
        "partnerId": partner_id(owner),
        "environment": "sandbox",
        "action": "payout.request",
    }
    assert found["flips"] == [
        {
            **common,
            "decision_correlation_id": second["decision_correlation_id"],
            "evaluatedAt": second["evaluatedAt"],
            "recorded": {"decision": "ALLOW", "reasons": ["TIER_MET"]},
            "wouldBe": {"decision": "STEP_UP", "reasons": ["TIER_ONE_BELOW"]},
        },
        {
            **common,
            "decision_correlation_id": first["decision_correlation_id"],
            "evaluatedAt": first["evaluatedAt"],
            "recorded": {"decision": "LIMIT", "reasons": ["TIER_ONE_BELOW"]},
            "wouldBe": {"decision": "DENY", "reasons": ["TIER_FAR_BELOW"]},
        },
    ]
    assert found["actions"] == [
        {
            "action": "payout.request",
            "checked": 2,
            "flipped": 2,
            "flips": [
                {"recorded": "ALLOW", "wouldBe": "STEP_UP", "count": 1},
                {"recorded": "LIMIT", "wouldBe": "DENY", "count": 1},
            ],
        },
        {"action": "checkout.complete", "checked": 1, "flipped": 0, "flips": []},
    ]


def test_a_table_tells_people_the_same(data: Path, owner: Client, file: Path) -> None:
    given = owner.evaluate(a_person(), "payout.request")
    file.write_text(json.dumps({"payout.request": LAX, "report.publish": STRICT}))

    asked = ("--actions", str(file), "--partner", partner_id(owner))
    ended = tenure(data, "what-if", *asked)

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split() for line in ended.stdout.splitlines()]
    name = owner.get("/v1/partners/me")["name"].split()
    assert lines[0] == [*name, "(sandbox):", "payout.request"]
    assert lines[2] == [
        given["evaluatedAt"],
        given["decision_correlation_id"][:8],
        *("LIMIT", "(TIER_ONE_BELOW)", "ALLOW", "(TIER_MET)"),
    ]
    assert lines[-2:] == [
        ["payout.request", "1", "1", "LIMIT", "→", "ALLOW", "1"],
        ["report.publish", "0", "0"],
    ]


def test_it_says_the_same_as_a_dry_run(data: Path, owner: Client, file: Path) -> None:
    person = a_person()
    owner.evaluate(person, "data.export_pii")
    owner.post("/v1/claims", {"userExternalId": person, "claimType": "fraud"})
    owner.evaluate(person, "data.export_pii")

    found = what_if(data, owner, file, {"data.export_pii": LAX})
    dry = owner.put("/v1/policy/actions/data.export_pii", LAX, dryRun=True).json()

    assert found["actions"][0]["checked"] == dry["checked"] == 2
    assert [
        (one["decision_correlation_id"], one["recorded"]["decision"], one["wouldBe"]["decision"])
        for one in found["flips"]
    ] == [(one["decision_correlation_id"], one["recorded"], one["wouldBe"]) for one in dry["flips"]]


def test_an_agent_that_was_not_in_force_stays_denied(data: Path, owner: Client, file: Path) -> None:
    agent = registered(owner)
    moved(owner, agent, "suspend")
    body = {"actor": an_actor(agent.id, "service"), "action": "checkout.complete"}
    given = owner.post("/v1/policy/evaluate", body)
    assert given.json()["reasons"] == ["AGENT_SUSPENDED"], told(given)

    found = what_if(data, owner, file, {"checkout.complete": LAX})
    dry = owner.put("/v1/policy/actions/checkout.complete", LAX, dryRun=True).json()

    assert (found["actions"][0]["checked"], found["flips"]) == (1, [])
    assert (dry["checked"], dry["flips"]) == (1, [])


def test_only_the_decisions_of_the_period_are_judged(data: Path, owner: Client, file: Path) -> None:
    first = owner.evaluate(a_person(), "checkout.complete")["evaluatedAt"]
    second = owner.evaluate(a_person(), "checkout.complete")["evaluatedAt"]
    yet_to_come = ago(timedelta(days=-1))

    def checked(*options: str) -> int:
        found = what_if(data, owner, file, {"checkout.complete": STRICT}, *options)
        assert len(found["flips"]) == found["actions"][0]["checked"]
        return int(found["actions"][0]["checked"])

    assert checked() == checked("--since", first, "--until", second) == 2
    assert checked("--until", first) == (1 if first < second else 2)
    assert checked("--since", yet_to_come) == checked("--until", "2000-01-01T00:00:00Z") == 0
    assert checked("--environment", "production") == 0
    assert checked("--environment", "sandbox") == 2


def test_without_a_partner_the_decisions_of_all_are_judged(
    data: Path, owner: Client, a_partner: MakePartner, file: Path
) -> None:
    other = a_partner()
    action = "finance.approve_payment"
    ids = {one.evaluate(a_person(), action)["decision_correlation_id"] for one in (owner, other)}
    file.write_text(json.dumps({action: LAX}))

    ended = tenure(data, "what-if", "--actions", str(file), "--json")

    flips = json.loads(ended.stdout)["flips"]
    assert ids <= {one["decision_correlation_id"] for one in flips}
    assert {partner_id(owner), partner_id(other)} <= {one["partnerId"] for one in flips}


WRONG = {
    "nothing": "",
    "no JSON": "{",
    "no object": "[]",
    "no action": "{}",
    "no name": '{"Payout": {"requiredTier": 1, "risk": "LOW"}}',
    "no fields": '{"payout.request": 7}',
    "a field missing": '{"payout.request": {"risk": "LOW"}}',
    "a field too many": '{"payout.request": {"requiredTier": 1, "risk": "LOW", "x": 1}}',
    "no such tier": '{"payout.request": {"requiredTier": 4, "risk": "LOW"}}',
    "no such risk": '{"payout.request": {"requiredTier": 1, "risk": "SOME"}}',
    "twice": '{"a.b": {"requiredTier": 1, "risk": "LOW"}, "a.b": {}}',
    "not UTF-8": "\udcff",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_told_in_a_sentence(data: Path, file: Path, wrong: str) -> None:
    file.write_text(WRONG[wrong], errors="surrogateescape")

    ended = tenure(data, "what-if", "--actions", str(file))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"Error: {file}: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--actions", "no-such-file"),
        ("--actions", "."),
        (),
        ("--actions", "{file}", "--since", "yesterday"),
        ("--actions", "{file}", "--until", "2026-01-01"),
        ("--actions", "{file}", "--environment", "test"),
        (
            "--actions",
            "{file}",
            "--since",
            "2026-01-02T00:00:00Z",
            "--until",
            "2026-01-01T00:00:00Z",
        ),
    ],
)
def test_wrong_use_exits_with_2(data: Path, file: Path, options: tuple[str, ...]) -> None:
    file.write_text(json.dumps({"a.b": LAX}))

    ended = tenure(data, "what-if", *(one.format(file=file) for one in options))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


def test_a_partner_who_is_not_there_cannot_be_asked_about(
    owner: Client, data: Path, file: Path
) -> None:
    file.write_text(json.dumps({"a.b": LAX}))

    ended = tenure(data, "what-if", "--actions", str(file), "--partner", "no-such")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "Error: There is no such thing here.\n"
