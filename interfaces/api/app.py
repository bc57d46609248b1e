"""The application: FastAPI, with a look at the path before the router is asked."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from re import Pattern
from time import perf_counter
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from domain.refusals import InternalError, MethodNotAllowed, NotFound, Refusal
from interfaces.api import openapi
from interfaces.api.answering import finished, refused
from interfaces.api.call import Call
from interfaces.api.decoding import request_id_of
from interfaces.api.errors import MAP, MIR, status_of
from interfaces.api.map import MAP_ROUTERS
from interfaces.api.map.route import MAP_PREFIXES
from interfaces.api.mir import (
    actions,
    admission,
    agents,
    bulk_evaluation,
    claims,
    decisions,
    entities,
    event_batches,
    events,
    genealogy,
    links,
    log,
    partner_keys,
    partners,
    policy,
    standing,
    suspension,
)
from interfaces.api.operations import router as operations_router
from interfaces.api.route import LeanRoute
from interfaces.settings import Settings
from interfaces.wiring import Services, open_services

ROUTERS: Sequence[APIRouter] = (
    events.router,
    event_batches.router,
    policy.router,
    bulk_evaluation.router,
    actions.router,
    decisions.router,
    standing.router,
    claims.router,
    links.router,
    entities.router,
    genealogy.router,
    agents.router,
    admission.router,
    partners.router,
    partner_keys.router,
    suspension.router,
    log.router,
    *MAP_ROUTERS,
    operations_router,
)


OF_MAP = tuple(f"{prefix}/" for prefix in MAP_PREFIXES)
"""How paths begin that are refused in the words of the M.A.P. family."""


class Tenure(FastAPI):
    """The HTTP application. ``services`` are there once it has started; ``draining`` is set when it
    is to end, so that streams end too.
    """

    services: Services

    def include(self, router: APIRouter) -> None:
        """Serve a router's paths under each of its prefixes; the first is the one to be known."""
        routes = [route for route in router.routes if isinstance(route, LeanRoute)]
        prefixes = dict.fromkeys(prefix for route in routes for prefix in route.served_under)
        for number, prefix in enumerate(prefixes):
            self.include_router(router, prefix=prefix, include_in_schema=number == 0)
        for route in routes:
            for prefix in route.served_under:
                self._know(route, prefix + route.path)

    def _know(self, route: LeanRoute, path: str) -> None:
        pattern, *_ = compile_path(path)
        for method in route.methods or ():
            if route.path_names:
                self._patterns[method, path.count("/")].append((pattern, route))
            else:
                self._exact[method, path] = route

    def __init__(self, settings: Settings, url: str) -> None:
        self.draining = asyncio.Event()

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            async with open_services(settings, url, self.draining) as self.services:
                yield

        super().__init__(
            **openapi.DOCUMENT,
            lifespan=lifespan,
            openapi_url=None,
            redirect_slashes=False,
            # FastAPI's own would show whole URLs, and with them partners' identifiers of people.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        self._exact: dict[tuple[str, str], LeanRoute] = {}
        self._patterns = defaultdict[tuple[str, int], list[tuple[Pattern[str], LeanRoute]]](list)
        self.lean_routes = [
            route for router in ROUTERS for route in router.routes if isinstance(route, LeanRoute)
        ]
        for router in ROUTERS:
            self.include(router)
        self.add_exception_handler(HTTPException, not_routed)
        self.add_exception_handler(Refusal, not_routed)
        self.add_exception_handler(Exception, not_routed)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, whole."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi.finish(super().openapi())
        return self.openapi_schema

    def methods_of(self, path: str) -> str:
        """The methods that a path takes, as the Allow header shows them."""
        found = [
            route
            for route in self.lean_routes
            for prefix in route.served_under
            if path.startswith(prefix) and route.path_regex.match(path.removeprefix(prefix))
        ]
        # A path that is written out is itself, whatever pattern it fits.
        exact = [route for route in found if not route.path_names]
        taken = {method for route in exact or found for method in route.methods or ()}
        if "GET" in taken:
            taken.add("HEAD")
        return ", ".join(sorted(taken))

    def route_of(self, scope: Scope) -> LeanRoute | None:
        """The route of a path as it is written out, or by the first pattern of as many parts that
        it fits: the router would try them all, and take longer than most answers.
        """
        method, path = scope["method"], scope["path"]
        route = self._exact.get((method, path))
        if route is not None:
            return route
        for pattern, patterned in self._patterns.get((method, path.count("/")), ()):
            fits = pattern.match(path)
            if fits is not None:
                scope["path_params"] = fits.groupdict()
                return patterned
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a known path at once, anything else through the router."""
        if scope["type"] == "http":
            route = self.route_of(scope)
            if route is not None:
                scope["app"] = self
                await route.serve(scope, receive, send)
                return
            if scope["method"] == "HEAD":
                # A GET of which the server sends no body.
                await self({**scope, "method": "GET", "without_body": True}, receive, send)
                return
        await super().__call__(scope, receive, send)


async def not_routed(request: Request, error: Exception) -> Response:
    """Answer what no route answered: an unknown path, or a method that a path does not take."""
    started = perf_counter()
    call = Call(request.scope, request.receive)
    call.request_id = request_id_of(call.sent)
    if isinstance(error, Refusal):
        error = HTTPException(status_of(type(error)))
    path = call.scope["path"]
    call.family = MAP if f"{path}/".startswith(OF_MAP) else MIR
    match getattr(error, "status_code", 500):
        case 404:
            answered = refused(call, NotFound())
        case 405:
            answered = refused(call, MethodNotAllowed())
            answered.headers.append((b"allow", request.app.methods_of(path).encode()))
        case _:
            answered = refused(call, InternalError())
    finished(call, request.method, "-", answered, started)
    response = Response(answered.body, answered.status)
    response.raw_headers = answered.headers
    return response


def create_app(settings: Settings, url: str) -> Tenure:
    """The application over the database at a URL."""
    return Tenure(settings, url)
