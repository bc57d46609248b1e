"""Operations: is it alive, is it ready, how is it doing; and the API's own page."""

import os
import re
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
    multiprocess,
)
from typing_extensions import TypedDict

from domain.refusals import NotFound, Refusal, Unavailable
from interfaces.api.call import Answered, Call
from interfaces.api.errors import MAP, every_refusal, status_of, type_of
from interfaces.api.openapi import refuses
from interfaces.api.route import LeanRoute
from interfaces.projections import wrong_with_projections
from interfaces.supervisor_metrics import supervisor_metrics


class OperationsRoute(LeanRoute):
    """A route that an operator's tools ask, as often as they like."""

    limited = False
    served_under = ("",)


router = APIRouter(route_class=OperationsRoute, tags=["Operations"])

PAGE_FILES = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "favicon.png": b"image/png",
}


PLACE = re.compile(r"\{(\w+)\}")
"""Where a refusal's sentence says a fact."""


class Alive(TypedDict):
    """It runs."""

    status: Literal["alive"]


class Ready(TypedDict):
    """It reads and writes; ``position`` is the log's head, ``wrong`` what is amiss all the same:
    projections on which no reply depends, and that stopped.
    """

    status: Literal["ready"]
    position: int
    wrong: list[str]


@router.get("/healthz", response_model=Alive, summary="Is it alive")
async def healthz(call: Call) -> Answered:
    """Whether this worker runs at all."""
    return call.show(Alive(status="alive"))


@router.get("/readyz", response_model=Ready, summary="Is it ready")
@refuses(Unavailable)
async def readyz(call: Call) -> Answered:
    """Whether this worker reaches the log now, and has the code of all that is live."""
    position = await call.services.probe()
    wrong = await wrong_with_projections(call.services.url)
    return call.show(Ready(status="ready", position=position, wrong=wrong))


@router.get(
    "/metrics",
    summary="Metrics",
    openapi_extra={
        "responses": {"200": {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    },
)
async def metrics(call: Call) -> Answered:
    """Metrics of all workers and of their supervisor, in the Prometheus text format."""
    registry, left = REGISTRY, b""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        left = supervisor_metrics(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    body = generate_latest(registry) + left
    return Answered(200, body, media_type=CONTENT_TYPE_LATEST.encode())


@router.get("/openapi.json", include_in_schema=False)
async def document(call: Call) -> Answered:
    """The OpenAPI document."""
    return call.show(call.scope["app"].openapi())


@router.get("/docs", include_in_schema=False)
async def page(call: Call) -> Answered:
    """The API's page, which asks nobody else for its files."""
    html = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Tenure API",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
    )
    return Answered(200, bytes(html.body), media_type=b"text/html; charset=utf-8")


@router.get("/docs/errors", include_in_schema=False)
async def errors_page(call: Call) -> Answered:
    """Every error code with its status and what to do: where each refusal's Link leads."""
    return Answered(200, _errors_page(), media_type=b"text/html; charset=utf-8")


@router.get("/docs/{name}", include_in_schema=False)
async def page_file(call: Call, name: str) -> Answered:
    """A file of the API's page."""
    if name not in PAGE_FILES:
        raise NotFound
    return Answered(200, _page_file(name), media_type=PAGE_FILES[name])


@cache
def _errors_page() -> bytes:
    parts = ["<!doctype html><title>Tenure: errors</title><h1>Errors</h1>"]
    by_type: dict[str, list[str]] = {}
    for refusal in every_refusal():
        anchor, statuses = refusal.code.lower(), _statuses(refusal)
        parts.append(f'<h2 id="{anchor}">{statuses} {refusal.code}</h2>')
        said = filter(None, (refusal.sentence, refusal.hint_text))
        parts += [f"<p>{PLACE.sub(_in_words, escape(text))}</p>" for text in said]
        by_type.setdefault(type_of(refusal), []).append(f'<a href="#{anchor}">{refusal.code}</a>')
    parts.append("<h1>Types of the M.A.P. family</h1>")
    for kind, codes in by_type.items():
        # Some types are called as a code of theirs is, which has the anchor.
        anchor = "" if f'"#{kind}"' in " ".join(codes) else f' id="{kind}"'
        parts += [f"<h2{anchor}>{kind}</h2>", f"<p>{' · '.join(codes)}</p>"]
    return "\n".join(parts).encode()


def _statuses(refusal: type[Refusal]) -> str:
    mir, in_map = status_of(refusal), status_of(refusal, MAP)
    return str(mir) if mir == in_map else f"{mir} (M.A.P.: {in_map})"


def _in_words(place: re.Match[str]) -> str:
    return f"<i>{place[1].replace('_', ' ')}</i>"


@cache
def _page_file(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()
