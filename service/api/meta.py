"""Health, readiness, metrics, what problems mean, and the reference."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from service.api import reference
from service.dispatch import figures
from service.domain.claims import rfc3339
from service.domain.errors import Unavailable
from service.web import problems
from service.web import services as services_module
from service.web.calls import json
from service.web.metrics import CONTENT_TYPE

LATE = timedelta(minutes=5)

router = APIRouter(tags=["operation"])
pages = APIRouter(include_in_schema=False)


@router.get(
    "/healthz",
    summary="Whether the process answers",
    responses={200: {"description": "It does", "content": {"application/json": {}}}},
)
async def check_health() -> Response:
    return json({"status": "ok"})


@router.get(
    "/readyz",
    summary="Whether requests can be served",
    responses={
        200: {"description": "The database takes changes", "content": {"application/json": {}}}
    },
)
async def check_readiness(request: Request) -> Response:
    """Tries a change, every five seconds at most. Not ready where it is refused (the answer says
    why), or where webhooks have been due for over five minutes that nothing of the receiver's
    holds up: no dispatcher is at work."""
    services = services_module.of(request)
    await services.readiness.require()
    now = services.clock()
    oldest = await services.database.read(figures.oldest_due, now=now)
    if oldest is not None and now - oldest > LATE:
        raise Unavailable(
            f"Webhooks are due since {rfc3339(oldest)}: is a dispatcher at work "
            "(claimdesk dispatch, or claimdesk serve without --no-dispatch)?"
        )
    return json({"status": "ready"})


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses={200: {"description": "Text format 0.0.4", "content": {"text/plain": {}}}},
)
async def read_metrics(request: Request) -> Response:
    services = services_module.of(request)
    services.meters.show(await services.database.read(figures.figures, now=services.clock()))
    text = services.metrics.text()
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


@pages.get("/problems/{slug}")
async def explain(slug: str) -> Response:
    return problems.explained(slug)


@pages.get("/docs")
async def docs(request: Request) -> Response:
    return Response(reference.page(request.app.openapi()), media_type="text/html")


@pages.get("/docs/style.css")
async def style() -> Response:
    return Response(reference.STYLE, media_type="text/css")


@pages.get("/openapi.json")
async def document(request: Request) -> Response:
    return json(request.app.openapi())
