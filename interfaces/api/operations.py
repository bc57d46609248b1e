"""Operations: is it alive, is it ready, how is it doing; and the API's own page."""

import os
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
    multiprocess,
)
from starlette.responses import FileResponse, JSONResponse, Response

from domain.refusals import NotFound, Refusal
from interfaces.api.errors import mir_body, status_of

router = APIRouter(tags=["Operations"])

PAGE_FILES = {"swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"}
_STATIC = files("fastapi_offline") / "static"


@router.get("/healthz", summary="Is it alive")
async def healthz() -> JSONResponse:
    """Whether this worker runs at all."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="Is it ready")
async def readyz(request: Request) -> Response:
    """Whether this worker can read the log and write to it now; 503 when it cannot."""
    try:
        position = await request.app.services.probe()
    except Refusal as refusal:
        return Response(mir_body(refusal), status_of(type(refusal)), media_type="application/json")
    return JSONResponse({"status": "ready", "position": position})


@router.get("/metrics", summary="Metrics")
async def metrics() -> Response:
    """Metrics of all workers, in the Prometheus text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def page() -> Response:
    """The API's page, which asks nobody else for its files."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Tenure API",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
    )


@router.get("/docs/{name}", include_in_schema=False)
async def page_file(name: str) -> Response:
    """A file of the API's page."""
    if name not in PAGE_FILES:
        raise NotFound
    return FileResponse(str(_STATIC / name))
