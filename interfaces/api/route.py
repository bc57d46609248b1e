"""The route class: how every request is decoded, authenticated, called and answered, once.

FastAPI stays the application and the source of the OpenAPI document: routes are declared with its
decorators. Serving them is ours, because FastAPI's own way takes five times as long.
The order of checks is the contract's: key, size, media type, JSON, permission, fields.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from inspect import signature
from time import perf_counter, time
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from fastapi import Request, Response, Security
from fastapi.datastructures import DefaultPlaceholder
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from application.ids import new_id
from domain.refusals import (
    InternalError,
    InvalidField,
    PayloadTooLarge,
    Refusal,
    Unauthenticated,
    UnsupportedMediaType,
)
from interfaces.api import strict_json
from interfaces.api.call import Answered, Call, is_visible_ascii
from interfaces.api.errors import headers_of, mir_body, status_of
from interfaces.api.openapi import (
    ANY_ROUTE,
    IDEMPOTENT,
    OWN_REFUSALS,
    READ,
    WITH_BODY,
    WITH_KEY,
    WITH_QUERY,
    WITH_READ,
    WITH_REPEATS,
    Refusals,
    responses,
)
from interfaces.api.wire import refusal_of
from interfaces.telemetry import Answer

BODY_BYTES_AT_MOST = 64 * 1024
API_KEY = APIKeyHeader(
    name="x-api-key",
    scheme_name="ApiKey",
    description="Handed out once when the partner is approved, or with POST /v1/partners/keys.",
    auto_error=False,
)
logger = logging.getLogger("tenure.http")

Endpoint = Callable[..., Awaitable[Answered]]


def needs(permission: str) -> Any:
    """Declare that a route wants a key, and a permission that its holder has."""
    return Security(API_KEY, scopes=[permission])


class LeanRoute(APIRoute):
    """A route whose endpoint takes a ``Call`` and, as it likes, a body model, a query model and
    the path's parameters, and returns an ``Answered``.
    """

    def __init__(self, path: str, endpoint: Endpoint, **settings: Any) -> None:
        self.lean_endpoint = endpoint
        self.permission, self.has_key = None, False
        for dependency in settings.get("dependencies") or ():
            if getattr(dependency, "dependency", None) is API_KEY:
                self.permission, self.has_key = dependency.scopes[0], True
        self.body_model: tuple[str, type[BaseModel]] | None = None
        self.query_model: tuple[str, type[BaseModel]] | None = None
        self.call_name = ""
        self.path_names: list[str] = []
        hints = get_type_hints(endpoint, include_extras=True)
        for name in signature(endpoint).parameters:
            self._bind(name, hints[name])
        if isinstance(settings.get("response_model"), DefaultPlaceholder):
            settings["response_model"] = None
        settings["responses"] = responses(*self._refuses(settings))
        super().__init__(path, endpoint, **settings)
        self.route_name = path

    def _refuses(self, settings: dict[str, Any]) -> Refusals:
        """What a route refuses with because of what it takes."""
        extra = settings.get("openapi_extra")
        return (
            *(WITH_KEY if self.has_key else ()),
            *(WITH_BODY if self.body_model else ()),
            *(WITH_QUERY if self.query_model else ()),
            *(WITH_REPEATS if extra is IDEMPOTENT else ()),
            *(WITH_READ if extra is READ else ()),
            *OWN_REFUSALS.get(self.lean_endpoint, ()),
            *ANY_ROUTE,
        )

    def _bind(self, name: str, hint: Any) -> None:
        if hint is Call:
            self.call_name = name
        elif get_origin(hint) is Annotated and isinstance(get_args(hint)[1], QueryParameter):
            self.query_model = name, get_args(hint)[0]
        elif isinstance(hint, type) and issubclass(hint, BaseModel):
            self.body_model = name, hint
        else:
            self.path_names.append(name)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What the router calls for a path with parameters."""

        async def handle(request: Request) -> Response:
            answered = await self.answer(request.scope, request.receive)
            response = Response(answered.body, answered.status)
            response.raw_headers = answered.headers
            return response

        return handle

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that was found without the router."""
        answered = await self.answer(scope, receive)
        await send(
            {
                "type": "http.response.start",
                "status": answered.status,
                "headers": answered.headers,
            }
        )
        await send({"type": "http.response.body", "body": answered.body})

    async def answer(self, scope: Scope, receive: Receive) -> Answered:
        """The whole way of a request, to an answer whatever happens."""
        started = perf_counter()
        call = Call(scope, receive)
        call.route_name = self.route_name
        call.request_id = request_id_of(call.sent)
        try:
            answered = await self._call(call)
        except Refusal as refusal:
            answered = refused(refusal)
        except Exception:
            logger.exception("a defect", extra={"request_id": call.request_id})
            answered = refused(InternalError())
        return finished(call, scope["method"], self.route_name, answered, started)

    async def _call(self, call: Call) -> Answered:
        if self.has_key:
            key = call.sent.get(b"x-api-key")
            if key is None:
                raise Unauthenticated
            call.principal = await call.services.access.authenticate(key.decode("latin-1"))
        arguments: dict[str, Any] = {self.call_name: call}
        if self.body_model is not None:
            call.document = strict_json.parse(await read_body(call))
        call.permission = self.permission
        call.principal.must(self.permission)
        try:
            if self.body_model is not None:
                name, model = self.body_model
                arguments[name] = model.model_validate(call.document)
            if self.query_model is not None:
                name, model = self.query_model
                arguments[name] = model.model_validate(query_of(call.scope["query_string"]))
        except ValidationError as error:
            raise refusal_of(error) from None
        for name in self.path_names:
            arguments[name] = call.scope["path_params"][name]
        return await self.lean_endpoint(**arguments)


def request_id_of(sent: dict[bytes, bytes]) -> str:
    """The caller's X-Request-Id when it is 1 to 128 visible ASCII characters, else a new one."""
    given = sent.get(b"x-request-id")
    if given is not None and 1 <= len(given) <= 128 and is_visible_ascii(given):
        return given.decode()
    return new_id()


async def read_body(call: Call) -> bytes:
    """The whole body. Raises PayloadTooLarge, before reading when the length is declared, and
    UnsupportedMediaType.
    """
    declared = call.sent.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared[:19]) > BODY_BYTES_AT_MOST:
        raise PayloadTooLarge(limit_bytes=BODY_BYTES_AT_MOST)
    message = await call.receive_message()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await call.receive_message()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_AT_MOST:
            raise PayloadTooLarge(limit_bytes=BODY_BYTES_AT_MOST)
    media_type = call.sent.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise UnsupportedMediaType
    return body


def query_of(query_string: bytes) -> dict[str, str]:
    """The members of a query string. Raises InvalidField for one given twice, or not in UTF-8."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", separator="&"
        )
    except ValueError as error:
        raise InvalidField(field="query", reason="not a query string in UTF-8") from error
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidField(field="query", reason="a parameter is given twice")
    if "%00" in query_string.decode("ascii"):
        raise InvalidField(field="query", reason="a parameter holds NUL")
    return members


def refused(refusal: Refusal) -> Answered:
    """A refusal as an answer."""
    return Answered(status_of(type(refusal)), mir_body(refusal), headers_of(refusal))


def finished(
    call: Call, method: str, route_name: str, answered: Answered, started: float
) -> Answered:
    """Add what every reply carries, count it and log it."""
    headers = answered.headers
    headers.append((b"content-type", answered.media_type))
    headers.append((b"content-length", b"%d" % len(answered.body)))
    headers.append((b"x-request-id", call.request_id.encode()))
    if answered.position is not None:
        headers.append((b"x-log-position", b"%d" % answered.position))
    call.services.telemetry.answered(
        Answer(
            time(),
            call.request_id,
            method,
            route_name,
            answered.status,
            round((perf_counter() - started) * 1000, 3),
            answered.position,
        )
    )
    return answered
