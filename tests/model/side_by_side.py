"""The server and the model, side by side: each request goes to both, and the answers are held
against each other.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, cycle
from typing import Any

import httpx

from tests.model.rules import Body, moment
from tests.model.specification import Kept, Person, Refused, World
from tests.stories.client import Client, an_actor, is_replay, refusal
from tests.stories.document import Document, told

STATUSES = {
    "BACKFILL_REQUIRED": 400,
    "INVALID_OCCURRED_AT": 400,
    "UNKNOWN_ACTION": 400,
    "NOT_FOUND": 404,
    "LINK_CODE_INVALID": 404,
    "INVALID_CLAIM_STATE": 409,
    "LINK_EXISTS": 409,
    "IDEMPOTENCY_KEY_REUSED": 422,
}
"""The status of every refusal that the model gives."""

NAMES = ("ann", "bob", "cyd")
"""Whom each partner may know. Partners may know different people under one name."""

UNKNOWN = "nob"
"""Whom nobody ever reports."""

Predict = Callable[[Body], Body]
Address = tuple[str, ...]

numbers = count(1)


class Both:
    """Some partners at a running server, and the model of all that they did.

    ``connections`` are used in turn, so that requests reach different workers. ``note`` is told
    each request: with it a failure shows the whole story.
    """

    def __init__(
        self,
        connections: Sequence[httpx.Client],
        keys: dict[str, str],
        productive: str,
        document: Document,
        note: Callable[[str], None],
    ) -> None:
        self.world = World(keys, productive)
        self.keys, self.note = keys, note
        paths: dict[str, Body] = document.content["paths"]
        self.routes = frozenset(paths)
        self.methods = frozenset(method for path in paths.values() for method in path)
        self.codes: list[str] = []
        self.sentences: dict[str, str] = {}
        self.guesses = Counter[str]()
        self.remembered: list[tuple[str, str, Person | None, Body]] = []
        self.sent: list[tuple[Person | None, Callable[[], object]]] = []
        self._connections = cycle(connections)

    def client(self, partner: str) -> Client:
        """A partner's client, on another connection each time."""
        return Client(next(self._connections), self.keys[partner])

    def a_key(self) -> str:
        """An Idempotency-Key that was not used yet."""
        return f"key-{next(numbers)}"

    # Sending

    def write(
        self,
        partner: str,
        path: str,
        body: Body | None,
        predict: Predict,
        *,
        key: str | None = None,
        automatic: Address | None = None,
        about: str | Person | None = None,
        route: str | None = None,
    ) -> Body | None:
        """A POST, compared, and what it made; None when it was refused or a repeat.

        ``automatic`` is how a repeat is known without a key; ``about`` names the person whose
        erasure destroys the kept reply, ``route`` is the path without what varies.
        """
        self.note(f"{partner}: POST {path} {body} {key or ''}")
        reply = self.client(partner).post(path, body, key=key)
        address = automatic if key is None else (partner, route or path, key)
        kept = self.world.kept.get(address) if address else None
        said = None if key is None else (path, body)
        if kept is not None:
            if kept.said != said:
                assert refusal(reply) == (422, "IDEMPOTENCY_KEY_REUSED"), told(reply)
                return None
            assert is_replay(reply), told(reply)
            assert ("x-idempotency-auto" in reply.headers) == (key is None), told(reply)
            assert reply.content == kept.reply, f"{told(reply)} is not {kept.reply!r}"
            return None
        assert not is_replay(reply), told(reply)
        made = self.expect(reply, predict)
        if made is not None and address is not None:
            person = self.world.known(partner, about) if isinstance(about, str) else about
            self.world.kept[address] = Kept(said, without_secrets(reply), person)
        return made

    def report_together(
        self,
        partner: str,
        batch: list[Body],
        key: str | None,
        automatic: Callable[[str, Body], Address],
        *,
        lines: bool,
    ) -> None:
        """A batch of events, as one document or as lines; each item compared."""
        path = "/v1/events/batch"
        self.note(f"{partner}: POST {path} {batch} {key or ''}")
        client = self.client(partner)
        more = {} if key is None else {"idempotency-key": key}
        if lines:
            more["content-type"] = "application/x-ndjson"
            text = "\n".join(json.dumps(event) for event in batch)
            reply = client.http.post(path, content=text, headers=client.headers(more))
            results = [json.loads(line) for line in reply.text.splitlines()]
        else:
            reply = client.post(path, {"events": batch}, key=key)
            results = reply.json()["results"]
        assert reply.status_code == 207, told(reply)
        for index, (event, shown) in enumerate(zip(batch, results, strict=True)):
            assert shown.pop("index") == index, told(reply)
            address = automatic(partner, event) if key is None else (partner, path, key, str(index))
            self._item(partner, event, None if key is None else event, address, shown)
        if not lines:
            found = Counter(shown["status"] for shown in results)
            names = {"created": "created", "replayed": "replayed", "errors": "error"}
            counts = {name: found[status] for name, status in names.items()}
            assert reply.json()["summary"] == {"total": len(batch), **counts}, told(reply)

    def _item(
        self, partner: str, event: Body, said: Body | None, address: Address, shown: Body
    ) -> None:
        kept = self.world.kept.get(address)
        if kept is not None and kept.said != said:
            expected = shown | {"status": "error", "code": "IDEMPOTENCY_KEY_REUSED"}
        elif kept is not None:
            expected = {"status": "replayed", "event": json.loads(kept.reply)}
        else:
            try:
                event = self.world.report(partner, event, shown.get("event", {}))
            except Refused as refused:
                expected = shown | {"status": "error", "code": str(refused)}
            else:
                expected = {"status": "created", "event": event}
                reply = json.dumps(shown["event"], separators=(",", ":")).encode()
                person = self.world.known(partner, event["userExternalId"])
                self.world.kept[address] = Kept(said, reply, person)
        assert shown == expected, f"{shown}, not {expected}"

    def put(self, partner: str, path: str, body: Body) -> httpx.Response:
        """The reply to a PUT."""
        self.note(f"{partner}: PUT {path} {body}")
        client = self.client(partner)
        return client.http.put(path, json=body, headers=client.headers())

    def decided(self, partner: str, name: str, action: str, given: Body) -> Body:
        """What a recommendation must say, with what the server alone chooses; it is kept."""
        foretold = self.world.decide(partner, name, action)
        chosen = ("evaluatedAt", "position", "decision_correlation_id", "whyRec")
        shown = foretold | {member: given[member] for member in chosen}
        sentence = self.sentences.setdefault(shown["reasons"][0], shown["whyRec"])
        assert shown["whyRec"] == sentence, "a rule has one sentence"
        self.world.record(partner, name, shown)
        return shown | {"actor": an_actor(name)}

    def expect(self, reply: httpx.Response, predict: Predict) -> Body | None:
        """What the reply made, which must be what the model makes; None for a refusal of both."""
        given = reply.json() if reply.is_success else {}
        try:
            foretold = predict(given)
        except Refused as refused:
            code = str(refused)
            assert refusal(reply) == (STATUSES[code], code), f"{told(reply)}, not {code}"
            return None
        except KeyError as missing:
            raise AssertionError(f"{told(reply)}, without {missing}") from missing
        assert reply.is_success, f"{told(reply)}, not {foretold}"
        assert given == foretold, f"{told(reply)}, not {foretold}"
        self.note(f"  -> {reply.text}")
        return foretold

    # Looking

    def same_list(
        self, partner: str, path: str, foretold: list[Body], limit: int, **query: str
    ) -> None:
        """Hold a whole list against the model's."""
        self.note(f"{partner}: GET {path} {query} by {limit}")
        shown = list(walk(partial(self.client, partner), path, limit, **query))
        assert shown == foretold, f"{path} {query}: {shown} is not {foretold}"

    def standing(self, partner: str, name: str) -> Body:
        """Somebody's standing, held against the model's, with its position."""
        shown = self.client(partner).standing(name)
        foretold = self.world.standing(partner, name)
        seen = {member: shown[member] for member in foretold}
        assert seen == foretold, f"{partner}'s {name}: {seen} is not {foretold}"
        position = {"position": shown["position"]}
        self.remembered.append((partner, name, self.world.known(partner, name), seen | position))
        return shown

    def person(self, partner: str, name: str, limit: int = 50) -> None:
        """Hold all that is shown of somebody against the model."""
        world, client = self.world, self.client(partner)
        self.standing(partner, name)
        reply = client.try_get("/v1/resolve", userExternalId=name)
        self.expect(reply, lambda given: {**world.resolve(partner, name), **position_of(given)})
        reply = client.try_get("/v1/entities/timeline", userExternalId=name)
        self.expect(reply, lambda given: with_dates(world.timeline(partner, name), given))
        reply = client.try_get("/v1/links/status", userExternalId=name)
        self.expect(reply, lambda given: world.linked(partner, name))
        query = {"userExternalId": name}
        self.same_list(partner, "/v1/events", world.events(partner, name), limit, **query)
        claims = world.claims_against(partner, name, None)
        self.same_list(partner, "/v1/claims", claims, limit, **query)

    def decisions(self, partner: str, limit: int = 50, **query: str) -> None:
        """Hold a list of decisions against the model's."""
        name, action = query.get("userExternalId"), query.get("action")
        about = self.world.known(partner, name) if name else None
        foretold = [
            decision.shown
            for decision in reversed(self.world.decisions.values())
            if decision.partner == partner
            and (name is None or (about is not None and decision.about is about))
            and (action is None or decision.shown["action"] == action)
        ]
        self.note(f"{partner}: GET /v1/decisions {query} by {limit}")
        shown = list(walk(partial(self.client, partner), "/v1/decisions", limit, **query))
        places = [one.pop("position") for one in shown]
        assert places == sorted(places, reverse=True), places
        seen = [one | {"position": one["seenPosition"]} for one in shown]
        assert [
            {member: one.get(member) for member in expected}
            for one, expected in zip(seen, foretold, strict=True)
        ] == foretold, f"{shown} is not {foretold}"

    def replay(self, partner: str, decision_id: str) -> None:
        """Have a decision computed again from the log: it must be what was said."""
        self.note(f"{partner}: POST /v1/decisions/{decision_id}/replay")
        reply = self.client(partner).post(f"/v1/decisions/{decision_id}/replay")
        assert reply.status_code == 200, told(reply)
        shown, said = reply.json(), self.world.decisions[decision_id].shown
        assert shown["agrees"] is True, told(reply)
        assert all(one["agrees"] for one in shown["fields"]), told(reply)
        again = {one["name"]: one["recomputed"] for one in shown["fields"]}
        assert again == {name: said.get(name, value) for name, value in again.items()}, told(reply)

    def everything(self) -> None:
        """Hold all that every partner sees against the model."""
        for partner in self.world.partners:
            for name in (*NAMES, UNKNOWN):
                if self.world.known(partner, name) is not None:
                    self.person(partner, name)
            self.same_list(partner, "/v1/events", self.world.events(partner, None), 50)
            self.same_list(partner, "/v1/claims", self.world.claims_of(partner), 50)
            if "/v1/decisions" in self.routes:
                self.decisions(partner)
        if "/v1/decisions" in self.routes:
            for decision_id, decision in self.world.decisions.items():
                self.replay(decision.partner, decision_id)


def walk(client: Callable[[], Client], path: str, limit: int, **query: str) -> Iterator[Body]:
    """Every item of a list, a page from each client; no page is longer than asked for."""
    wanted: dict[str, Any] = {"limit": limit, **query}
    while True:
        page = client().get(path, **wanted)
        yield from page["data"]
        assert len(page["data"]) <= limit, path
        shown = page["pagination"]
        assert shown["hasMore"] == (shown["cursor"] is not None), shown
        if not shown["hasMore"]:
            return
        assert page["data"], "an empty page says that there is more"
        wanted["cursor"] = shown["cursor"]


def position_of(given: Body) -> Body:
    """What the server alone knows: where in the log it answers from."""
    return {"position": given["position"]}


def with_dates(timeline: Body, given: Body) -> Body:
    """The model's timeline with the server's dates of each tier, when they are in order."""
    steps: list[dict[str, Any]] = given["tiers"]
    times = [moment(step["reachedAt"]) for step in steps]
    assert times == sorted(times), steps
    assert [step["tier"] for step in steps] == timeline["tiers"], steps
    return timeline | {"tiers": steps}


def without_secrets(reply: httpx.Response) -> bytes:
    """The bytes that a repeat gets: a code is shown only once."""
    code = reply.json().get("linkCode")
    return reply.content if code is None else reply.content.replace(f'"{code}"'.encode(), b"null")
