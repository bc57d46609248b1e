"""The server's own OpenAPI document, against which every reply is held."""

import json
import re
from typing import Any

import httpx
from jsonschema import Draft202012Validator

ERROR: dict[str, Any] = {"$ref": "#/components/schemas/ErrorOut"}
MAP_ERROR: dict[str, Any] = {"$ref": "#/components/schemas/MapErrorOut"}
MAP = re.compile(r"(/api)?/ailancer(/.*)?")

# The document itself, and the files of its page.
THE_PAGE = re.compile(r"/openapi\.json|/docs(/.*)?")

# What any path may answer with, and no operation names: nothing was routed, or it was no HTTP.
BEFORE_ANY_OPERATION = {400, 404, 405, 408}


class Undocumented(AssertionError):
    """A reply that the document does not allow; the message says why."""


class Document:
    """What the server says of itself. Objects have no members but those that it names."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.content = document
        self._components = _closed(document["components"])
        # A path that is written out goes before one that would take any word in its place.
        paths = sorted(document["paths"], key=lambda path: "{" in path)
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), document["paths"][path])
            for path in paths
        ]

    def check(self, reply: httpx.Response) -> None:
        """Hold a reply, already read, against what the document says. Raises Undocumented."""
        request = reply.request
        operation = self._operation(request.method, request.url.path)
        if operation is None and reply.is_success and THE_PAGE.fullmatch(request.url.path):
            return
        if operation is None:
            if reply.status_code not in BEFORE_ANY_OPERATION:
                raise Undocumented(f"{told(reply)}: there is no such operation")
            of_map = MAP.fullmatch(request.url.path)
            self._validate(reply, reply.json(), MAP_ERROR if of_map else ERROR)
            return
        documented = operation["responses"].get(str(reply.status_code))
        if documented is None:
            raise Undocumented(f"{told(reply)}: the operation names no such status")
        content = documented["content"].get(_media_type(reply))
        if content is None:
            raise Undocumented(f"{told(reply)}: the operation names no {_media_type(reply)}")
        match _media_type(reply):
            case "application/json" | "application/cloudevents-batch+json":
                self._validate(reply, reply.json(), content["schema"])
            case "application/x-ndjson":
                lines = [json.loads(line) for line in reply.content.splitlines()]
                self._validate(reply, lines, content["schema"])
        takes_body = "requestBody" in operation
        if reply.is_success and takes_body and _media_type(request) == "application/json":
            taken = _taken(json.loads(request.content), reply.json())
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            if taken:
                self._validate(reply, taken, schema)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for known, operations in self._paths:
            if any(known.fullmatch(prefix + path) for prefix in ("", "/v1", "/api")):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None

    def _validate(self, reply: httpx.Response, instance: object, schema: dict[str, Any]) -> None:
        validator = Draft202012Validator(
            {**schema, "components": self._components},
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        for fault in validator.iter_errors(instance):
            raise Undocumented(f"{told(reply)}: {fault.json_path} {fault.message}")


def _media_type(message: httpx.Request | httpx.Response) -> str:
    return str(message.headers.get("content-type", "")).partition(";")[0]


def _taken(body: Any, said: dict[str, Any]) -> Any:
    """What was taken of a body, if anything: items of a batch are refused alone."""
    if "results" not in said:
        return body
    ((name, items),) = body.items()
    results = zip(items, said["results"], strict=True)
    taken = [item for item, result in results if result["status"] != "error"]
    return {name: taken} if taken else None


def told(reply: httpx.Response) -> str:
    """A reply in one line, for messages."""
    request = reply.request
    return f"{request.method} {request.url.path} -> {reply.status_code} {reply.text[:300]}"


def _closed(schema: Any) -> Any:
    """A schema whose objects have no members but those that it names."""
    match schema:
        case dict():
            closed = {name: _closed(value) for name, value in schema.items()}
            if schema.get("type") == "object" and "properties" in schema:
                closed.setdefault("additionalProperties", False)
            return closed
        case list():
            return [_closed(item) for item in schema]
    return schema
