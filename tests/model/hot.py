"""What all threads touch at once: one partner's person, keys, claims and codes.

Nobody knows who comes first, so there is no model: what must hold whoever does is noted while it
happens, and looked at when all are done.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from random import Random
from threading import Lock

import httpx

from tests.model.operations import GUESSES_AT_MOST
from tests.model.rules import MOVES
from tests.model.side_by_side import Both, walk, without_secrets
from tests.stories.client import Client, an_event, is_replay, refusal
from tests.stories.document import told

PERSON = "everybody"
ACTION = "custom.hot"
OPEN_AT_ONCE = 5
"""Keys, claims and codes that are in use at a time: few, so that threads meet."""


class Hot:
    """What one partner shares with everybody, and what came of it."""

    def __init__(self, both: Both, chance: Random) -> None:
        self.both, self.partner, self.chance = both, both.world.partners[0], chance
        self.lock = Lock()
        self.acknowledged: dict[str, int] = {}
        self.replies: dict[str, list[httpx.Response]] = defaultdict(list)
        self.moves: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.redeemed: dict[str, list[bool]] = defaultdict(list)
        self.decisions: list[str] = []
        self.versions: list[int] = []
        self.walks = 0
        self.claims = [self._claim() for _ in range(OPEN_AT_ONCE)]
        self.codes = [self._code() for _ in range(OPEN_AT_ONCE)]
        self.events = [self._event() for _ in range(OPEN_AT_ONCE)]

    # What happens, in any thread, over the connections of its own story

    def report(self, both: Both, chance: Random) -> None:
        """An event of its own about the one person."""
        reply = self._post(both, "/v1/events", self._event()[1], key=both.a_key())
        assert reply.status_code == 201, told(reply)
        with self.lock:
            self.acknowledged[reply.json()["id"]] = reply.json()["position"]

    def report_the_same(self, both: Both, chance: Random) -> None:
        """An event that others report at the same time, under the same key or without one."""
        place = chance.randrange(OPEN_AT_ONCE)
        key, event = self.events[place]
        reply = self._post(both, "/v1/events", event, key=key or None)
        if reply.status_code == 409:
            assert refusal(reply)[1] == "IDEMPOTENCY_IN_PROGRESS", told(reply)
        else:
            assert reply.status_code == 201, told(reply)
        with self.lock:
            self.replies[str((key, event))].append(reply)
            if reply.is_success:
                self.acknowledged[reply.json()["id"]] = reply.json()["position"]
            if chance.random() < 0.2:
                self.events[place] = self._event()

    def move(self, both: Both, chance: Random) -> None:
        """Any move of a claim that others move too."""
        place = chance.randrange(OPEN_AT_ONCE)
        claim_id, move = self.claims[place], chance.choice(list(MOVES))
        body = {"reasonCode": "OTHER"} if move == "contest" else None
        reply = self._post(both, f"/v1/claims/{claim_id}/{move}", body)
        if reply.status_code == 409:
            assert refusal(reply)[1] == "INVALID_CLAIM_STATE", told(reply)
            return
        assert reply.status_code == 200, told(reply)
        with self.lock:
            self.moves[claim_id].append((int(reply.headers["x-log-position"]), move))
            if move in {"withdraw", "dismiss"}:
                self.claims[place] = self._claim()

    def redeem(self, both: Both, chance: Random) -> None:
        """A code that others bring too, for somebody new of one's own."""
        place = chance.randrange(OPEN_AT_ONCE)
        code, partner = self.codes[place], both.world.partners[1]
        if both.guesses[partner] >= GUESSES_AT_MOST:
            return
        body = {"linkCode": code, "userExternalId": f"guest {both.a_key()}"}
        reply = both.client(partner).post("/v1/links/redeem", body)
        if not reply.is_success:
            assert refusal(reply) == (404, "LINK_CODE_INVALID"), told(reply)
        both.guesses[partner] += not reply.is_success
        with self.lock:
            self.redeemed[code].append(reply.is_success)
            if chance.random() < 0.3:
                self.codes[place] = self._code()

    def set_action(self, both: Both, chance: Random) -> None:
        """The action becomes another, again and again."""
        if "/v1/decisions" not in both.routes:
            return
        limits = {"most": chance.randrange(10**9)}
        wanted = {"requiredTier": chance.randint(0, 3), "risk": "HIGH", "limits": limits}
        client = self._client(both)
        reply = client.http.put(
            f"/v1/policy/actions/{ACTION}", json=wanted, headers=client.headers()
        )
        assert reply.status_code == 200, told(reply)
        with self.lock:
            self.versions.append(reply.json()["policyVersion"])

    def evaluate(self, both: Both, chance: Random) -> None:
        """A recommendation about the one person, on what is then the policy."""
        action = ACTION if self.versions else "data.export_pii"
        decision = self._client(both).evaluate(PERSON, action)
        with self.lock:
            self.decisions.append(decision["decision_correlation_id"])

    def walk(self, both: Both, chance: Random) -> None:
        """A list, page by page, while the others write: nothing is missed, nothing comes twice."""
        with self.lock:
            before = set(self.acknowledged)
        query = {} if chance.random() < 0.5 else {"userExternalId": PERSON}
        walked = walk(partial(self._client, both), "/v1/events", chance.randint(5, 50), **query)
        found = [(event["position"], event["id"]) for event in walked]
        assert found == sorted(set(found), reverse=True), "out of order, or twice"
        missed = before - {event_id for _, event_id in found}
        assert not missed, f"missed {missed}"
        with self.lock:
            self.walks += 1

    # What must have held

    def check(self) -> None:
        """Hold what all threads saw together against what each may have seen."""
        client = self.both.client(self.partner)
        for replies in self.replies.values():
            done = [reply for reply in replies if reply.is_success]
            assert [is_replay(reply) for reply in done].count(False) <= 1, "it happened twice"
            assert len({without_secrets(reply) for reply in done}) <= 1, "two replies"
        listed = list(walk(lambda: client, "/v1/events", 200, userExternalId=PERSON))
        assert {event["id"]: event["position"] for event in listed} == self.acknowledged
        assert client.standing(PERSON)["signals"]["eventCount"] == len(self.acknowledged)
        for claim_id, moves in self.moves.items():
            status = "OPEN"
            for _, move in sorted(moves):
                to, origins = MOVES[move]
                assert status in origins, f"{claim_id}: {sorted(moves)}"
                status = to
            assert client.get(f"/v1/claims/{claim_id}")["status"] == status, sorted(moves)
        assert all(tries.count(True) <= 1 for tries in self.redeemed.values()), "used twice"
        assert len(set(self.versions)) == len(self.versions), "two changes, one version"
        for decision_id in self.decisions if "/v1/decisions" in self.both.routes else ():
            reply = client.post(f"/v1/decisions/{decision_id}/replay")
            assert reply.json()["agrees"] is True, told(reply)

    def _client(self, both: Both) -> Client:
        return Client(both.client(both.world.partners[0]).http, self.both.keys[self.partner])

    def _post(
        self, both: Both, path: str, body: object, *, key: str | None = None
    ) -> httpx.Response:
        return self._client(both).post(path, body, key=key)

    def _event(self) -> tuple[str, dict[str, object]]:
        key = self.both.a_key() if self.chance.random() < 0.5 else ""
        return key, an_event(userExternalId=PERSON, weight=self.chance.randrange(10))

    def _claim(self) -> str:
        body = {"userExternalId": PERSON, "claimType": "fraud"}
        reply = self.both.client(self.partner).post("/v1/claims", body, key=self.both.a_key())
        return str(reply.json()["id"])

    def _code(self) -> str:
        body = {"userExternalId": f"host {self.both.a_key()}"}
        reply = self.both.client(self.partner).post("/v1/links", body)
        return str(reply.json()["linkCode"])

    @property
    def operations(self) -> tuple[Callable[[Both, Random], None], ...]:
        """What may happen to it."""
        return (
            self.report,
            self.report_the_same,
            self.move,
            self.redeem,
            self.set_action,
            self.evaluate,
            self.walk,
        )
