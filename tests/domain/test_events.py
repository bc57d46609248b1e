"""Events and entries: what was written is readable for ever.

``golden/`` holds a file for every stored name of every version, one entry a line, as the log holds
it. A line is never changed: a change of meaning is a new version, with a file of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import NODEFAULT

from domain import (
    action,
    agent,
    auditor,
    claim,
    entity,
    events,
    job,
    ledger,
    link,
    listing,
    member,
    partner,
    policy,
    spawning,
    webhook,
)
from domain.events import (
    EVENTS,
    Entry,
    Event,
    UnknownEventType,
    decode,
    encode,
    stored,
    stored_names,
    upcaster,
)
from tests.builders import NOW, an_entry

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
LINES = [
    pytest.param(file.stem, line, id=f"{file.stem}:{number}")
    for file in FILES
    for number, line in enumerate(file.read_bytes().splitlines(), start=1)
]
AGGREGATES = (
    action,
    agent,
    auditor,
    claim,
    entity,
    job,
    ledger,
    link,
    listing,
    member,
    partner,
    policy,
    spawning,
    webhook,
)


@pytest.fixture
def registry() -> Iterator[None]:
    """Lets a test register events and upcasters that are gone after it."""
    kept, kept_upcasters = dict(events.EVENTS), dict(events.UPCASTERS)
    yield
    for table, before in ((events.EVENTS, kept), (events.UPCASTERS, kept_upcasters)):
        table.clear()
        table.update(before)  # type: ignore[arg-type]


# Every version, for ever


def test_every_stored_name_of_every_version_has_a_golden_file() -> None:
    """Add ``golden/<stored name>.json``: lines of ``encode(entry)``, with and without defaults."""
    assert {file.stem for file in FILES} == EVENTS.keys() | events.UPCASTERS.keys()


@pytest.mark.parametrize(("name", "line"), LINES)
def test_an_entry_of_any_version_is_read(name: str, line: bytes) -> None:
    entry = decode(line)

    assert msgspec.json.decode(line)["type"] == name
    assert type(entry.data) is EVENTS[entry.type]


@pytest.mark.parametrize(("name", "line"), [line for line in LINES if line.values[0] in EVENTS])
def test_an_entry_of_the_newest_version_is_written_as_it_was_read(name: str, line: bytes) -> None:
    assert encode(decode(line)) == line


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_the_golden_lines_of_an_event_show_each_of_its_fields_present_and_left_out(
    name: str,
) -> None:
    shown = [
        msgspec.json.decode(line)["data"].keys()
        for line in (GOLDEN / f"{name}.json").read_bytes().splitlines()
    ]
    fields = msgspec.structs.fields(EVENTS[name])

    assert set().union(*shown) == {field.encode_name for field in fields}
    optional = {field.encode_name for field in fields if not field.required}
    assert [name for name in optional if all(name in members for members in shown)] == []


LEFT_OUT: dict[str, dict[str, object]] = {
    "agent.key_rotated.v1": {"path": ()},
    "agent.registered.v1": {"authorized_by": None},
    "agent.revoked.v1": {"path": (), "ended_with_it": 0},
    "agent.spawned.v1": {"authorized_by": None, "pending": False},
    "claim.filed.v1": {"reference": None},
    "entity.participated.v1": {"weight": 1, "actor_type": "UNKNOWN", "backfill": False},
    "job.accepted.v1": {"eta_seconds": None, "offer_id": None},
    "job.delivered.v1": {"whole": False, "given_up": 0},
    "job.ended.v1": {"agent_id": None, "done_by": ()},
    "job.evaluation_reversed.v1": {"charged_minor": 0, "earned_minor": 0},
    "job.item_judged.v1": {"charged_minor": 0, "earned_minor": 0},
    "job.judged.v1": {"comments": None, "charged_minor": 0, "earned_minor": 0},
    "job.money_moved.v1": {"item_ref": None},
    "job.offer_countered.v1": {"eta_seconds": None, "replaces": None},
    "job.posted.v1": {"deadline": None},
    "listing.published.v1": {
        "input_schema": None,
        "output_schema": None,
        "sla_max_seconds": None,
        "auto_accept": False,
    },
    "partner.approved.v1": {"public": False},
    "policy.action_set.v1": {"limits": None},
    "policy.decided.v1": {"agent_id": None, "resource": None, "limits": None},
    "webhook.added.v1": {"agent_id": None},
}
"""What a field that is left out of an entry means. An entry is added here, and never changed: a new
default would change what was said years ago."""


def test_a_field_that_is_left_out_means_for_ever_what_it_meant() -> None:
    defaults = {
        name: {field.encode_name: field.default for field in msgspec.structs.fields(event)}
        for name, event in EVENTS.items()
    }

    assert {
        name: left_out
        for name, fields in defaults.items()
        if (left_out := {field: value for field, value in fields.items() if value != NODEFAULT})
    } == LEFT_OUT


def test_every_event_is_named_by_us_with_its_version() -> None:
    for name, event in EVENTS.items():
        assert event.stored_name == name
        category, what, version = name.split(".")
        assert category.isidentifier()
        assert what.isidentifier()
        assert version.startswith("v")
        assert version[1:].isdigit()


def test_every_event_is_of_an_aggregate() -> None:
    of_aggregates = {
        thing.stored_name
        for module in AGGREGATES
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Event) and thing.stored_name
    }

    assert set(EVENTS) == of_aggregates


# Versions


@pytest.mark.usefixtures("registry")
def test_an_old_version_is_read_as_the_newest() -> None:
    @stored("thing.happened.v3")
    class Happened(Event, frozen=True, kw_only=True):
        minutes: int
        where: str

    @upcaster("thing.happened.v1", "thing.happened.v2")
    def to_v2(data: dict[str, int]) -> dict[str, int]:
        return {"minutes": data["hours"] * 60}

    @upcaster("thing.happened.v2", "thing.happened.v3")
    def to_v3(data: dict[str, int]) -> dict[str, object]:
        return {**data, "where": "unknown"}

    as_v1 = decode(a_document("thing.happened.v1", b'{"hours":2}'))
    as_v2 = decode(a_document("thing.happened.v2", b'{"minutes":120}'))

    assert as_v1 == as_v2
    assert as_v1.type == "thing.happened.v3"
    assert as_v1.data == Happened(minutes=120, where="unknown")


@pytest.mark.usefixtures("registry")
def test_an_upcast_leaves_the_envelope_and_the_document_alone() -> None:
    @stored("thing.happened.v2")
    class Happened(Event, frozen=True, kw_only=True):
        minutes: int

    @upcaster("thing.happened.v1", "thing.happened.v2")
    def to_v2(data: dict[str, int]) -> dict[str, int]:
        data["minutes"] = data.pop("hours") * 60
        return data

    document = a_document("thing.happened.v1", b'{"hours":2}')

    entry = decode(document)

    assert (entry.id, entry.version, entry.recorded_at) == ("an-id", 7, NOW)
    assert entry.data == Happened(minutes=120)
    assert b'{"hours":2}' in document


@pytest.mark.usefixtures("registry")
def test_an_event_is_looked_for_under_every_name_it_ever_had() -> None:
    @stored("thing.happened.v3")
    class Happened(Event, frozen=True, kw_only=True):
        pass

    upcaster("thing.happened.v1", "thing.happened.v2")(dict)
    upcaster("thing.happened.v2", "thing.happened.v3")(dict)

    assert stored_names([entity.Erased, Happened]) == [
        "entity.erased.v1",
        "thing.happened.v3",
        "thing.happened.v2",
        "thing.happened.v1",
    ]


@pytest.mark.usefixtures("registry")
def test_a_stored_name_is_given_once() -> None:
    stored("thing.happened.v1")(type("Happened", (Event,), {}))

    with pytest.raises(AssertionError, match=r"thing\.happened\.v1"):
        stored("thing.happened.v1")(type("HappenedAgain", (Event,), {}))


def test_a_type_of_a_newer_release_is_not_guessed_at() -> None:
    with pytest.raises(UnknownEventType, match=r"entity\.participated\.v99"):
        decode(a_document("entity.participated.v99", b"{}"))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no envelope"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"id": NaN}', id="no JSON"),
    ],
)
def test_a_document_that_is_no_entry_is_refused(document: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(document)


def test_an_event_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(a_document("entity.participated.v1", b'{"kind":7}'))


# Entries


def test_an_entry_is_written_in_one_order_with_its_defaults_left_out() -> None:
    event = entity.Participated(kind="gig.completed", occurred_at=NOW)
    entry = msgspec.structs.replace(an_entry(event, stream="entity-alice"), id="an-id")

    assert encode(entry) == (
        b'{"id":"an-id","tenant":"sandbox/acme","stream":"entity-alice","version":1,'
        b'"type":"entity.participated.v1","recorded_at":"2026-11-22T08:00:00.000Z",'
        b'"principal":"partner:acme","request_id":"a-request",'
        b'"data":{"kind":"gig.completed","occurred_at":"2026-11-22T08:00:00.000Z"}}'
    )


@pytest.mark.parametrize(
    ("stream", "category", "aggregate_id"),
    [
        ("entity-alice", "entity", "alice"),
        (
            "entity-00000000-0000-4000-8000-000000000001",
            "entity",
            "00000000-0000-4000-8000-000000000001",
        ),
        ("decision-", "decision", ""),
    ],
)
def test_a_stream_names_its_category_and_its_aggregate(
    stream: str, category: str, aggregate_id: str
) -> None:
    entry: Entry = an_entry(entity.Erased(), stream=stream)

    assert (entry.category, entry.aggregate_id) == (category, aggregate_id)


def a_document(name: str, data: bytes) -> bytes:
    return (
        b'{"id":"an-id","tenant":null,"stream":"thing-1","version":7,"type":"%s",'
        b'"recorded_at":"%s","principal":"operator","request_id":"","data":%s}'
        % (name.encode(), NOW.encode(), data)
    )
