"""The application: FastAPI, with a look at the exact path before the router is asked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.refusals import InternalError, MethodNotAllowed, NotFound, Refusal
from interfaces.api import openapi
from interfaces.api.answering import finished, refused
from interfaces.api.call import Call
from interfaces.api.decoding import request_id_of
from interfaces.api.errors import status_of
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

MIR_ROUTERS: Sequence[APIRouter] = (
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
)


class Tenure(FastAPI):
    """The HTTP application. ``services`` are there once it has started; ``draining`` is set when it
    is to end, so that streams end too.
    """

    services: Services

    def include_mir(self, router: APIRouter) -> None:
        """Serve a router's paths under /v1, and without it, as the seed's clients do."""
        self.include_router(router, prefix="/v1")
        self.include_router(router, include_in_schema=False)
        for route in router.routes:
            if isinstance(route, LeanRoute) and not route.path_names:
                for method in route.methods or ():
                    self._exact[method, "/v1" + route.path] = route
                    self._exact[method, route.path] = route

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
        self._lean = [
            route
            for router in (*MIR_ROUTERS, operations_router)
            for route in router.routes
            if isinstance(route, LeanRoute)
        ]
        for router in MIR_ROUTERS:
            self.include_mir(router)
        self.include_router(operations_router)
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
            for route in self._lean
            if route.path_regex.match(path) or route.path_regex.match(path.removeprefix("/v1"))
        ]
        # A path that is written out is itself, whatever pattern it fits.
        exact = [route for route in found if not route.path_names]
        taken = {method for route in exact or found for method in route.methods or ()}
        if "GET" in taken:
            taken.add("HEAD")
        return ", ".join(sorted(taken))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a known path at once, anything else through the router."""
        if scope["type"] == "http":
            route = self._exact.get((scope["method"], scope["path"]))
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
    match getattr(error, "status_code", 500):
        case 404:
            answered = refused(NotFound())
        case 405:
            answered = refused(MethodNotAllowed())
            answered.headers.append((b"allow", request.app.methods_of(call.scope["path"]).encode()))
        case _:
            answered = refused(InternalError())
    finished(call, request.method, "-", answered, started)
    response = Response(answered.body, answered.status)
    response.raw_headers = answered.headers
    return response


def create_app(settings: Settings, url: str) -> Tenure:
    """The application over the database at a URL."""
    return Tenure(settings, url)
