"""`tenure auditor` and `tenure log`, beside a running server."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

from domain.api_keys import is_whole
from tests.interfaces.serving import TENURE, Served
from tests.stories.client import Client, a_person, refusal
from tests.stories.conftest import MakePartner
from tests.stories.logged import logged
from tests.stories.test_command_line import tenure


def printed(data: Path, *arguments: str) -> str:
    """What a command prints that must work."""
    ended = tenure(data, *arguments)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return ended.stdout


# Auditors


def test_an_auditor_is_made_listed_given_another_key_and_ended(
    data: Path, http: httpx.Client, server: Served
) -> None:
    made = json.loads(printed(data, "auditor", "create", "--name", "Ann", "--json"))
    assert set(made) == {"auditorId", "apiKey"}
    assert made["apiKey"].startswith("mir_audit_")
    assert is_whole(made["apiKey"])
    assert Client(http, made["apiKey"]).get("/v1/log")["data"]

    turned = json.loads(printed(data, "auditor", "rotate-key", made["auditorId"], "--json"))
    assert Client(http, turned["apiKey"]).get("/v1/log")["data"]
    first = Client(http, made["apiKey"]).try_get("/v1/log")
    assert refusal(first) == (401, "UNAUTHENTICATED")

    assert "REVOKED" in printed(data, "auditor", "revoke", made["auditorId"])
    second = Client(http, turned["apiKey"]).try_get("/v1/log")
    assert refusal(second) == (401, "UNAUTHENTICATED")
    listed = json.loads(printed(data, "auditor", "list", "--json"))
    (ann,) = [one for one in listed if one["auditorId"] == made["auditorId"]]
    assert (ann["name"], ann["status"], ann["partnerId"]) == ("Ann", "REVOKED", None)
    assert made["apiKey"] not in json.dumps(listed)


def test_a_partner_s_auditor_reads_its_log(
    data: Path, http: httpx.Client, a_partner: MakePartner
) -> None:
    partner = a_partner()
    partner_id = partner.get("/v1/partners/me")["partnerId"]

    made = json.loads(
        printed(data, "auditor", "create", "--name", "Bob", "--partner", partner_id, "--json")
    )

    assert Client(http, made["apiKey"]).get("/v1/log") == partner.get("/v1/log")
    listed = printed(data, "auditor", "list")
    assert f"{made['auditorId']}  ACTIVE  sandbox/{partner_id}  Bob" in listed


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "--name", "X", "--environment", "sandbox"), 2, "--partner"),
        (("create", "--name", ""), 1, "Invalid name"),
        (("create", "--name", "X", "--partner", "nobody"), 1, "no such thing"),
        (("create",), 2, "--name"),
        (("revoke", "nobody"), 1, "no such thing"),
        (("rotate-key", "nobody"), 1, "no such thing"),
    ],
)
def test_a_wrong_auditor_is_refused_in_a_sentence(
    data: Path, server: Served, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = tenure(data, "auditor", *arguments)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


# Showing the log


def test_the_log_is_shown_in_words(data: Path, a_partner: MakePartner) -> None:
    partner = a_partner()
    person, before = a_person(), partner.head()
    event = partner.submit(userExternalId=person)
    decided = partner.evaluate(person, "payout.request")

    shown = printed(data, "log", "show", "--after", str(before)).splitlines()

    who = f"partner:{partner.get('/v1/partners/me')['partnerId'][:8]}"
    at = event["recordedAt"].replace("T", " ").removesuffix("Z")
    first, second = shown
    assert first == (
        f"{at}  {event['position']:>8}  {who}  "
        f"entity participated  entity-{event['entityId'][:8]}  "
        f"kind=transaction.completed occurred_at={event['occurredAt']}"
    )
    assert "policy decided" in second
    assert f"decision={decided['decision']}" in second


def test_keyed_hashes_are_not_shown_in_words(data: Path, partner: Client) -> None:
    assert not re.search("[0-9a-f]{64}", printed(data, "log", "show", "--limit", "50"))


def test_the_log_is_shown_by_type_by_stream_and_as_json(
    data: Path, a_partner: MakePartner, log_url: str
) -> None:
    partner = a_partner()
    person, before = a_person(), str(partner.head())
    event = partner.submit(userExternalId=person)
    partner.submit(userExternalId=person)
    partner.submit()
    partner.evaluate(person)
    stream = f"entity-{event['entityId']}"

    of_stream = printed(data, "log", "show", "--stream", stream, "--json").splitlines()
    of_type = printed(data, "log", "show", "--after", before, "--types", "policy.*", "--json")
    few = printed(data, "log", "show", "--after", before, "--limit", "3", "--json").splitlines()

    ids = [entry["id"] for entry in logged(log_url, stream=stream)]
    assert [json.loads(line)["id"] for line in of_stream] == ids
    assert json.loads(of_type)["type"] == "policy.decided.v1"
    page = partner.get("/v1/log", after=before, limit=3)["data"]
    assert [json.loads(line) for line in few] == page


def test_one_entry_is_shown_whole(data: Path, a_partner: MakePartner) -> None:
    partner = a_partner()
    event = partner.submit()

    whole = printed(data, "log", "show", str(event["position"]))
    exact = printed(data, "log", "show", str(event["position"]), "--json")

    assert f"stream    entity-{event['entityId']}, version 1" in whole
    assert '"kind": "transaction.completed"' in whole
    assert exact == partner.try_get(f"/v1/log/entries/{event['position']}").text + "\n"


def test_the_log_is_followed(data: Path, a_partner: MakePartner) -> None:
    partner = a_partner()

    with following(data, str(partner.head())) as output:
        first, second = partner.submit(), partner.submit()
        lines = [output.readline() for _ in range(2)]

    assert [json.loads(line)["id"] for line in lines] == [first["id"], second["id"]]


@contextmanager
def following(data: Path, after: str) -> Iterator[IO[str]]:
    process = subprocess.Popen(
        [TENURE, "log", "show", "--follow", "--json", "--after", after],
        env=os.environ | {"TENURE_DATA": str(data)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            yield process.stdout
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "999999999"), 1, "no such thing"),
        (("show", "first"), 1, "no such thing"),
        (("show", "--types", "entty.*"), 2, "entity."),
        (("show", "--limit", "0"), 2, "--limit"),
        (("export",), 2, "--to"),
        (("export", "--to", "x", "--format", "csv"), 2, "--format"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    data: Path, server: Served, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = tenure(data, "log", *arguments)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


# Exporting it


def test_the_log_is_exported_and_gone_on_with(
    data: Path, tmp_path: Path, partner: Client, log_url: str
) -> None:
    to = ("--to", str(tmp_path / "export"))
    begun = tenure(data, "log", "export", *to, "--until", "1")
    assert begun.returncode == 0
    assert "1 entries as ndjson in 1 file under" in begun.stdout
    assert re.search(r"Exporting: 1 of 1, [\d,]+/s, 0 s left", begun.stderr)

    whole = tenure(data, "log", "export", *to, "--json")

    manifest = json.loads(whole.stdout)
    assert manifest["format"] == "ndjson"
    assert manifest == json.loads((tmp_path / "export" / "manifest.json").read_text())
    (file,) = manifest["files"]
    lines = (tmp_path / "export" / file["name"]).read_text().splitlines()
    assert [json.loads(line) for line in lines] == logged(log_url)[: file["entries"]]
