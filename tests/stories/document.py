"""The server's own OpenAPI document, against which every reply is held."""

import json
import re
from typing import Any

import httpx
from jsonschema import Draft202012Validator

ERROR: dict[str, Any] = {"$ref": "#/components/schemas/ErrorOut"}

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
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), operations)
            for path, operations in document["paths"].items()
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
            self._validate(reply, reply.json(), ERROR)
            return
        documented = operation["responses"].get(str(reply.status_code))
        if documented is None:
            raise Undocumented(f"{told(reply)}: the operation names no such status")
        media_type = reply.headers["content-type"].partition(";")[0]
        content = documented["content"].get(media_type)
        if content is None:
            raise Undocumented(f"{told(reply)}: the operation names no {media_type}")
        if media_type == "application/json":
            self._validate(reply, reply.json(), content["schema"])
        if reply.is_success and "requestBody" in operation and not _refused_items(reply):
            taken = operation["requestBody"]["content"]["application/json"]["schema"]
            self._validate(reply, json.loads(request.content), taken)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for known, operations in self._paths:
            if known.fullmatch(path) or known.fullmatch(f"/v1{path}"):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None

    def _validate(self, reply: httpx.Response, instance: object, schema: dict[str, Any]) -> None:
        validator = Draft202012Validator({**schema, "components": self._components})
        for fault in validator.iter_errors(instance):
            raise Undocumented(f"{told(reply)}: {fault.json_path} {fault.message}")


def _refused_items(reply: httpx.Response) -> bool:
    """Whether some items of the request were wrong: each is checked alone, and refused alone."""
    return bool(reply.json().get("summary", {}).get("errors"))


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
