"""The route class: how every request is decoded, authenticated, called and answered, once.

FastAPI stays the application and the source of the OpenAPI document: routes are declared with its
decorators. Serving them is ours, because FastAPI's own way takes five times as long.
The order of checks is the contract's: key, size, media type, JSON, permission, fields.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from inspect import signature
from time import perf_counter
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from fastapi import Request, Response, Security
from fastapi.datastructures import DefaultPlaceholder
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from application.rate_limits import RateLimits, counted_as
from domain.principal import ActingAgent
from domain.refusals import (
    InternalError,
    Invalid,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Refusal,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from domain.rights import Permission
from interfaces.api import strict_json
from interfaces.api.answering import Delivery, deliver, finished, refused
from interfaces.api.call import Answered, Call
from interfaces.api.credentials import API_KEY, Credential
from interfaces.api.decoding import (
    NDJSON,
    check_repeated,
    media_type_of,
    path_text,
    query_of,
    read_body,
    refuse_body,
    request_id_of,
)
from interfaces.api.errors import MIR
from interfaces.api.openapi import (
    ANY_ROUTE,
    IDEMPOTENT,
    LIMITED,
    OWN_REFUSALS,
    WITH_BODY,
    WITH_KEY,
    WITH_PATH,
    WITH_REPEATS,
    WITHOUT_BODY,
    Refusals,
    responses,
)
from interfaces.api.wire import Query, Wire, checked

logger = logging.getLogger("tenure.http")

NEEDS_NO_LOG = (Invalid, Unprocessable, NotFound, PayloadTooLarge, UnsupportedMediaType)
"""What a request may be refused with before anybody has looked into the log."""

Endpoint = Callable[..., Awaitable[Answered]]
E = TypeVar("E", bound=Endpoint)

BY_LINES: dict[Endpoint, Endpoint] = {}
"""What endpoints declared that they leave to another when the body is NDJSON."""


def or_lines(by_lines: Endpoint) -> Callable[[E], E]:
    """Declare the endpoint that takes a body of lines, read as it comes, in a model's place."""

    def declare(endpoint: E) -> E:
        BY_LINES[endpoint] = by_lines
        return endpoint

    return declare


AgentRule = Callable[[Call, ActingAgent], None]

AGENT_RULES: dict[Endpoint, AgentRule] = {}
"""What endpoints declared that agents are held to before anything is looked at that they sent."""


def holds_agents_to(rule: AgentRule) -> Callable[[E], E]:
    """Declare a rule for the agents that call an endpoint, which may refuse."""

    def declare(endpoint: E) -> E:
        AGENT_RULES[endpoint] = rule
        return endpoint

    return declare


def needs(permission: Permission) -> Any:
    """Declare that a route wants a partner's or an agent's key, and a permission of its holder."""
    return Security(API_KEY, scopes=[permission])


class LeanRoute(APIRoute):
    """A route whose endpoint takes a ``Call`` and, as it likes, a body model, a query model and
    the path's parameters, and returns an ``Answered``.
    """

    limited = True
    """Whether rate limits hold for it, when there are any."""

    family = MIR
    """In whose words it refuses."""

    served_under: tuple[str, ...] = ("/v1", "")
    """What its path may begin with; the first is the one that the document names."""

    spelled: Callable[[str, object], str] | None = None
    """How a request spelled a field, where there are several ways."""

    prefix = ""
    """What the route's own name begins with, to tell it from another family's of the same path."""

    def __init__(self, path: str, endpoint: Endpoint, **settings: Any) -> None:
        self.lean_endpoint, self.by_lines = endpoint, BY_LINES.get(endpoint)
        self.agent_rule = AGENT_RULES.get(endpoint)
        self.credentials: dict[Credential, Permission] = {
            wanted.dependency: wanted.scopes[0]
            for wanted in settings.get("dependencies") or ()
            if isinstance(wanted.dependency, Credential)
        }
        self.body_model: tuple[str, type[Wire]] | None = None
        self.query_model: tuple[str, type[Query]] | None = None
        self.call_name = ""
        self.path_names: list[str] = []
        hints = get_type_hints(endpoint, include_extras=True)
        for name in signature(endpoint).parameters:
            self._bind(name, hints[name])
        self.posts_nothing = "POST" in settings["methods"] and self.body_model is None
        if isinstance(settings.get("response_model"), DefaultPlaceholder):
            settings["response_model"] = None
        settings["responses"] = responses(*self._refuses(settings), family=self.family)
        super().__init__(path, endpoint, **settings)
        self.route_name = self.prefix + path

    def _refuses(self, settings: dict[str, Any]) -> Refusals:
        """What a route refuses with because of what it takes."""
        extra = settings.get("openapi_extra")
        return (
            *(one.unknown for one in self.credentials),
            *(WITH_KEY if self.credentials else ()),
            *(LIMITED if self.limited else ()),
            *(WITH_BODY if self.body_model else ()),
            *(WITHOUT_BODY if self.posts_nothing else ()),
            *(WITH_PATH if self.path_names else ()),
            *(WITH_REPEATS if extra is IDEMPOTENT else ()),
            *OWN_REFUSALS.get(self.lean_endpoint, ()),
            *ANY_ROUTE,
        )

    def _bind(self, name: str, hint: Any) -> None:
        if hint is Call:
            self.call_name = name
        elif get_origin(hint) is Annotated and isinstance(get_args(hint)[1], QueryParameter):
            self.query_model = name, get_args(hint)[0]
        elif isinstance(hint, type) and issubclass(hint, Wire):
            self.body_model = name, hint
        else:
            self.path_names.append(name)

    async def _admit(self, call: Call) -> None:
        """Hold the caller against what the route needs. Raises Forbidden and what its rule does.

        Who may not, as they are remembered, is held against the newest state first: at another
        worker they may have been given more since, or been stopped.
        """
        try:
            self._hold(call)
        except Refusal:
            if call.principal.agent is None:
                raise
            await call.confirm()
            self._hold(call)

    def _hold(self, call: Call) -> None:
        call.principal.must(call.permission)
        if self.agent_rule is not None and call.principal.agent is not None:
            self.agent_rule(call, call.principal.agent)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What the router calls for a path with parameters."""

        async def handle(request: Request) -> Response:
            return Delivery(await self.answer(request.scope, request.receive))

        return handle

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that was found without the router."""
        await deliver(await self.answer(scope, receive), send)

    async def answer(self, scope: Scope, receive: Receive) -> Answered:
        """The whole way of a request, to an answer whatever happens."""
        started = perf_counter()
        call = Call(scope, receive)
        call.route_name, call.family, call.spelled = self.route_name, self.family, self.spelled
        if self.credentials:
            call.unknown = next(iter(self.credentials)).unknown
        call.request_id = request_id_of(call.sent)
        tracing = call.services.tracing
        span = None
        if tracing is not None:
            span = tracing.request(scope["method"], self.route_name, call.request_id, call.sent)
        try:
            answered = await self._call(call)
        except Refusal as refusal:
            answered = refused(call, await first_of(call, refusal))
        except Exception:
            logger.exception("a defect", extra={"request_id": call.request_id})
            answered = refused(call, InternalError())
        answered = finished(call, scope["method"], self.route_name, answered, started)
        if span is not None:
            span.answered(answered)
        return answered

    async def _call(self, call: Call) -> Answered:
        try:
            if len(call.sent) < len(call.scope["headers"]):
                check_repeated(call.scope["headers"])
            if self.credentials:
                shown = self._shown(call)
                call.permission = self.credentials[shown]
                call.principal = await shown.identify(call)
        finally:
            # Whoever shows a key that opens nothing is counted too.
            if self.limited:
                take_from_budgets(call)
        if self.by_lines is not None and media_type_of(call) == NDJSON:
            await self._admit(call)
            checked(Query, query_of(call.scope["query_string"]))
            # The status goes out before the first line is looked at.
            await call.confirm()
            return await self.by_lines(call)
        if self.body_model is not None:
            bytes_at_most = self.body_model[1].bytes_at_most
            call.document = strict_json.parse(await read_body(call, bytes_at_most))
        elif self.posts_nothing:
            await refuse_body(call)
        await self._admit(call)
        return await self.lean_endpoint(**self._arguments(call))

    def _shown(self, call: Call) -> Credential:
        """Which of the credentials that it takes the caller shows, or ought to."""
        first, *others = self.credentials
        return next((one for one in others if one.is_shown(call)), first)

    def _arguments(self, call: Call) -> dict[str, Any]:
        arguments: dict[str, Any] = {self.call_name: call}
        if self.body_model is not None:
            name, model = self.body_model
            arguments[name] = checked(model, call.document)
        if self.query_model is not None:
            name, query = self.query_model
            arguments[name] = checked(query, query_of(call.scope["query_string"]))
        elif call.scope["query_string"]:
            checked(Query, query_of(call.scope["query_string"]))
        for name in self.path_names:
            arguments[name] = path_text(call.scope["path_params"][name])
        return arguments


def take_from_budgets(call: Call) -> None:
    """Count a request under its tenant, or its client's address; an agent's, under the agent and
    all that it comes from. Raises RateLimited.
    """
    services, agent = call.services, call.principal.agent
    if services.rate_limits is not None:
        who = call.principal.tenant or counted_as(call.client)
        take(call, services.rate_limits, (who, services.rate_quota))
    if agent is not None and agent.rates:
        take(call, services.agent_rates, *agent.rates)


def take(call: Call, limits: RateLimits, *quotas: tuple[str, int]) -> None:
    """Count a request. Raises RateLimited when there is no room for it."""
    budget = limits.take(*quotas)
    call.budgets.append((limits, budget))
    if budget.remaining < 0:
        raise RateLimited(seconds=budget.resets_in_seconds)


async def first_of(call: Call, refusal: Refusal) -> Refusal:
    """The refusal, or the one that goes before it: of a credential that died at another worker
    after it was identified here. Whatever is answered from the log notices that by itself.
    """
    if call.principal.lookup and isinstance(refusal, NEEDS_NO_LOG):
        try:
            await call.confirm()
        except Unavailable:
            return refusal
        except Refusal as first:
            return first
    return refusal
