"""Routes of operation and documentation: health, readiness, metrics, problems, the reference."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.api import reference
from service.domain.access import Action
from service.domain.claims import format_instant
from service.domain.errors import Unavailable
from service.metrics import CONTENT_TYPE
from service.web import problems, replica_figures, service_container
from service.web.calls import Allow, Call, answer_json
from service.webhooks import figures

OVERDUE = timedelta(minutes=5)

RELAY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
"""What a proxy adds: then the connection's address is the proxy's, not the client's."""


class AllowScraping(Allow):
    """`Allow`, and any request that comes straight from a network that the operator has named."""

    async def __call__(self, request: Request) -> Call:
        services = service_container.get_services(request)
        is_relayed = any(name in request.headers for name in RELAY_HEADERS)
        if not is_relayed and request.client is not None:
            address = _parse_address(request.client.host)
            networks = services.settings.metrics_allow_cidrs
            if address and any(address in network for network in networks):
                return Call(request, services, None, services.clock(), services.database)
        return await super().__call__(request)


def _parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address of a peer, a mapped IPv4 address as IPv4; None where it has none."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


router = APIRouter(tags=["operation"])
pages = APIRouter(include_in_schema=False)


@router.get(
    "/healthz",
    operation_id="check_health",
    summary="Whether the process answers",
    responses={200: {"description": "It does", "content": {"application/json": {}}}},
)
async def check_health() -> Response:
    return answer_json({"status": "ok"})


@router.get(
    "/readyz",
    operation_id="check_readiness",
    summary="Whether requests can be served",
    responses={
        200: {"description": "The database takes changes", "content": {"application/json": {}}}
    },
)
async def check_readiness(request: Request) -> Response:
    """Tries a change of the database, every five seconds at most. Not ready where that is refused
    (the answer says why), or where webhooks have been due for over five minutes without a reason
    on the receiver's side: then no dispatcher is at work. Where reads may go to a replica,
    `replica` says how far it is behind; without it the primary answers, so it is no condition."""
    services = service_container.get_services(request)
    await services.readiness.require()
    now = services.clock()
    oldest = await services.database.read(figures.find_oldest_due, now=now)
    if oldest is not None and now - oldest > OVERDUE:
        raise Unavailable(
            f"Webhooks are due since {format_instant(oldest)}: is a dispatcher at work "
            "(claimdesk dispatch, or claimdesk serve without --no-dispatch)?"
        )
    return answer_json({"status": "ready"} | replica_figures.describe_replica(services.database))


@router.get(
    "/metrics",
    operation_id="read_metrics",
    summary="Figures for Prometheus",
    responses={200: {"description": "Text format 0.0.4", "content": {"text/plain": {}}}},
)
async def read_metrics(
    call: Annotated[Call, Depends(AllowScraping(Action.READ_METRICS))],
) -> Response:
    """For an administrator's key, which Prometheus sends as `authorization: {credentials: cd_…}`,
    and for the networks in CLAIMDESK_METRICS_ALLOW_CIDRS."""
    services = call.services
    services.meters.set_gauges(
        await services.database.read(figures.read_figures, now=services.clock())
    )
    text = services.metrics.text()
    return Response(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


@pages.get("/problems/{slug}")
async def explain_problem(slug: str) -> Response:
    return problems.explain_problem(slug)


@pages.get("/docs")
async def show_reference(request: Request) -> Response:
    return Response(reference.render_reference(request.app.openapi()), media_type="text/html")


@pages.get("/docs/style.css")
async def show_stylesheet() -> Response:
    return Response(reference.STYLE, media_type="text/css")


@pages.get("/openapi.json")
async def show_document(request: Request) -> Response:
    return answer_json(request.app.openapi())
