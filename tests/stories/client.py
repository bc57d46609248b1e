"""A partner's client: plain HTTP, with what holds for every reply checked on every reply."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from tests.stories.document import Document, told

# The writes: their replies say where in the log they stand.
WRITES = {
    ("POST", "/events"),
    ("POST", "/policy/evaluate"),
    ("POST", "/policy/evaluate/bulk"),
    ("POST", "/entities/erase"),
    ("POST", "/partners/keys"),
    ("POST", "/partners/register"),
    ("POST", "/partners/promote"),
    ("POST", "/agents"),
    ("PUT", "/spawn-policy"),
}

numbers = count(1)


Headers = dict[str, str] | None


class Client:
    """Speaks with one API key, or with none."""

    def __init__(self, http: httpx.Client, key: str | None) -> None:
        self.http, self.key = http, key

    def headers(self, more: Headers = None) -> dict[str, str]:
        """What each of its requests carries, and more."""
        return ({} if self.key is None else {"x-api-key": self.key}) | (more or {})

    def try_get(self, path: str, *, headers: Headers = None, **query: Any) -> httpx.Response:
        """The reply to a GET, whatever it is."""
        return self.http.get(path, params=_texts(query), headers=self.headers(headers))

    def get(self, path: str, *, headers: Headers = None, **query: Any) -> Any:
        """The JSON of a page that must be there."""
        reply = self.try_get(path, headers=headers, **query)
        assert reply.status_code == 200, told(reply)
        return reply.json()

    def delete(self, path: str) -> httpx.Response:
        """The reply to a DELETE."""
        return self.http.delete(path, headers=self.headers())

    def post(
        self,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Headers = None,
        **query: Any,
    ) -> httpx.Response:
        """The reply to a POST of a JSON body, with an Idempotency-Key or without."""
        sent = self.headers(headers)
        if key is not None:
            sent["idempotency-key"] = key
        return self.http.post(path, json=body, headers=sent, params=_texts(query))

    def put(self, path: str, body: object, **query: Any) -> httpx.Response:
        """The reply to a PUT of a JSON body."""
        return self.http.put(path, json=body, headers=self.headers(), params=_texts(query))

    def patch(self, path: str, body: object) -> httpx.Response:
        """The reply to a PATCH of a JSON body."""
        return self.http.patch(path, json=body, headers=self.headers())

    def post_bytes(
        self,
        path: str,
        body: bytes | Iterator[bytes],
        *,
        media_type: str | None = "application/json",
        key: str | None = None,
    ) -> httpx.Response:
        """The reply to a POST of bytes as they are, in chunks when they are given as such."""
        sent = {} if media_type is None else {"content-type": media_type}
        if key is not None:
            sent["idempotency-key"] = key
        return self.http.post(path, content=body, headers=self.headers(sent))

    def submit(self, **fields: Any) -> dict[str, Any]:
        """An event that must be taken."""
        reply = self.post("/v1/events", an_event(**fields))
        assert reply.status_code == 201, told(reply)
        event: dict[str, Any] = reply.json()
        return event

    def has_history(self, person: str, events: int, *, days: int = 0) -> None:
        """Report so many events of somebody, the first so many whole days ago."""
        first = timedelta(days=days, minutes=1)
        ages = [first, *(timedelta(minutes=1, seconds=number) for number in range(1, events))]
        history = [
            an_event(
                userExternalId=person,
                occurredAt=ago(age),
                batchType="BACKFILL" if age.days > 29 else None,
            )
            for age in ages
        ]
        reply = self.post("/v1/events/batch", {"events": history})
        assert reply.status_code == 207, told(reply)
        assert reply.json()["summary"]["created"] == events, told(reply)

    def standing(self, person: str, **query: Any) -> dict[str, Any]:
        """Somebody's standing."""
        reply = self.post("/v1/policy/standing", {"actor": an_actor(person)}, **query)
        assert reply.status_code == 200, told(reply)
        found: dict[str, Any] = reply.json()
        return found

    def evaluate(
        self, person: str, action: str = "data.export_pii", **query: Any
    ) -> dict[str, Any]:
        """A recommendation for somebody's action."""
        body = {"actor": an_actor(person), "action": action}
        reply = self.post("/v1/policy/evaluate", body, **query)
        assert reply.status_code == 200, told(reply)
        found: dict[str, Any] = reply.json()
        return found

    def events(self, *, headers: Headers = None, **query: Any) -> list[dict[str, Any]]:
        """The events that a query finds on its first page, newest first."""
        found: list[dict[str, Any]] = self.get("/v1/events", headers=headers, **query)["data"]
        return found

    def head(self) -> int:
        """The newest position of the log."""
        return int(self.get("/readyz")["position"])

    @contextmanager
    def storing_nothing(self) -> Iterator[None]:
        """Fail if anything is written to the log within the block."""
        before = self.head()
        yield
        assert self.head() == before, "something was written"


def connected(url: str, document: Document) -> httpx.Client:
    """Connections to a server; each reply is checked as it comes."""

    def look_at(reply: httpx.Response) -> None:
        reply.read()
        check_reply(reply, document)

    return httpx.Client(base_url=url, timeout=30, event_hooks={"response": [look_at]})


def check_reply(reply: httpx.Response, document: Document) -> None:
    """What holds for every reply: it says whose it is, it is documented, nothing leaks."""
    assert reply.status_code != 500, told(reply)
    assert reply.headers["x-request-id"], told(reply)
    assert '"detail"' not in reply.text or "openapi" in reply.text, told(reply)
    assert "Traceback" not in reply.text, told(reply)
    if reply.status_code in {409, 503}:
        taken = code_of(reply) not in {"IDEMPOTENCY_IN_PROGRESS", "UNAVAILABLE"}
        assert taken or reply.headers["retry-after"] == "1", told(reply)
    request = reply.request
    if (request.method, request.url.path.removeprefix("/v1")) in WRITES and reply.is_success:
        recorded = "asOf" not in str(request.url)
        assert ("x-log-position" in reply.headers) == recorded, told(reply)
    document.check(reply)


def code_of(reply: httpx.Response) -> str:
    """The code of a refusal, from the page that it leads to."""
    return reply.links["help"]["url"].rpartition("#")[2].upper()


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a reply that must be a refusal, in the one shape of errors."""
    body = reply.json()
    assert set(body) - {"hint"} == {"error", "code"}, told(reply)
    assert body["error"], told(reply)
    assert reply.headers["content-type"] == "application/json"
    return reply.status_code, body["code"]


def is_replay(reply: httpx.Response) -> bool:
    """Whether a reply says that it is a repeat of an earlier one."""
    said = reply.headers.get("x-idempotency-replay")
    assert said in {None, "true"}, told(reply)
    return said is not None


# Builders


def a_person() -> str:
    """An external id that no other story has."""
    return f"emp-{next(numbers)}"


def a_key() -> str:
    """An Idempotency-Key that no other story has."""
    return f"key-{secrets.token_hex(8)}"


def ago(time: timedelta) -> str:
    """The moment so long before now, as RFC 3339."""
    return (datetime.now(UTC) - time).isoformat(timespec="milliseconds")


def an_event(**fields: Any) -> dict[str, object]:
    """The body of an event, ordinary unless a story says otherwise; a field of None is absent."""
    event: dict[str, object] = {
        "userExternalId": a_person(),
        "eventType": "transaction.completed",
        "occurredAt": ago(timedelta(minutes=next(numbers) % 1000)),
        **fields,
    }
    return {name: value for name, value in event.items() if value is not None}


def an_actor(person: str, kind: str = "human") -> dict[str, str]:
    """An actor as policy and standing take it."""
    return {"type": kind, "id": person}


def an_evaluation(person: str | None = None, **fields: Any) -> dict[str, object]:
    """The body of an evaluation."""
    actor = an_actor(person or a_person())
    return {"actor": actor, "action": "data.export_pii", **fields}


def _texts(query: dict[str, object]) -> dict[str, str] | None:
    # None leaves a query that the path already has; an empty one would take it away.
    return {name: str(value) for name, value in query.items()} or None
