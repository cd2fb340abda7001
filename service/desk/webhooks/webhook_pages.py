"""The administrators' pages of webhooks: endpoints and how they do, deliveries, attempts."""

import json
from datetime import datetime
from typing import Annotated, TypedDict

from fastapi import APIRouter, Request, Response

from service.claims import webhook_examples
from service.desk.layout import forms
from service.desk.layout.page_links import build_next_link, read_window
from service.desk.layout.rendering import render
from service.domain import disclosure, ids
from service.domain.access import Action
from service.domain.claims import parse_instant
from service.domain.errors import Invalid, NotFound
from service.domain.webhooks import OPERATORS, DeliveryState, EndpointState, EventType, Format
from service.store.paging import cut_page
from service.web.bodies.webhook_inputs import RecoveryIn
from service.web.calls import Call, allow
from service.web.fields import RecordId
from service.webhooks import webhook_queries
from service.webhooks.webhook_views import (
    DeliveryView,
    WebhookView,
    describe_filters,
    list_narrowings,
)

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.MANAGE_WEBHOOKS, page=True)]


NO_STORE = {"Cache-Control": "no-store"}
ENDPOINTS, DELIVERIES = 50, 30
ATTEMPTS = 25
"""How many attempts a delivery's page shows, the last ones: each has up to 4 KiB of answer."""


def _describe_event_type(kind: EventType) -> str:
    """Say when an endpoint is told, as its form lists it."""
    if kind is EventType.PING:
        return "a ping; sent on request, whatever is ticked"
    words = webhook_examples.summarize(kind)
    if kind in OPERATORS:
        return f"{words[0].lower()}{words[1:]}; when ticked only"
    mark = "" if kind in disclosure.EVENT_FIELDS else " (internal)"
    return words[0].lower() + words[1:] + mark


EVENTS = {kind: _describe_event_type(kind) for kind in EventType}
FORMATS = {
    Format.STANDARD: "posted over HTTP (Standard Webhooks)",
    Format.SLACK: "a message in Slack, by the address of an incoming webhook",
    Format.MATTERMOST: "a message in Mattermost, by the address of an incoming webhook",
    Format.TEAMS: "a card in Microsoft Teams, by the address of a workflow",
    Format.TELEGRAM: "a message of a Telegram bot, by https://api.telegram.org/bot<token>/"
    "sendMessage?chat_id=<chat>",
    Format.EMAIL: "a mail, by mailto: and one address",
    Format.NATS: "appended to a stream of NATS JetStream",
    Format.REDIS: "appended to a Redis stream",
}
"""How an endpoint gets what it is told, as its form and page say it."""
STATES = {
    DeliveryState.PENDING: "waiting",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.DEAD: "given up",
}


class WebhookRow(WebhookView):
    """An endpoint as templates show it."""

    kind: str
    words: str
    filters: str
    left_alone_until: str | None


class DeliveryFilters(TypedDict, total=False):
    """What the deliveries on an endpoint's page are filtered by."""

    state: DeliveryState
    kind: EventType
    since: datetime


def build_webhook_path(webhook: str) -> str:
    """Return the path of an endpoint's page."""
    return f"/admin/webhooks/{webhook}"


def describe_health(webhook: WebhookView) -> tuple[str, str]:
    """Say how an endpoint does: `well`, `failing`, `stopped` or `new`, and in a few words."""
    if webhook["state"] != EndpointState.ACTIVE:
        return "stopped", str(webhook["state"])
    failures = webhook["health"]["failures_in_a_row"]
    if failures:
        return "failing", f"failed {failures:,} times in a row" if failures > 1 else "failed once"
    if webhook["health"]["last_success_at"] is None:
        return "new", "nothing delivered yet"
    return "well", "OK"


def prepare_webhook(call: Call, webhook: WebhookView) -> WebhookRow:
    """Add to an endpoint what templates show beside it."""
    until = webhook["health"]["blocked_until"]
    kind, words = describe_health(webhook)
    return {
        **webhook,
        "kind": kind,
        "words": words,
        "filters": describe_filters(webhook, name_claim=False),
        "left_alone_until": until
        if until is not None and parse_instant(until) > call.now
        else None,
    }


async def load_webhook(call: Call, webhook: str) -> WebhookView:
    """Return the endpoint.  Raises NotFound."""
    webhook_view = await call.read(webhook_queries.find_webhook, webhook)
    if webhook_view is None:
        raise NotFound("There is no webhook with this id; it may have been deleted.")
    return webhook_view


@router.get("/admin/webhooks")
async def show_webhooks(request: Request, call: Reading) -> Response:
    window = read_window(call, "webhooks", ENDPOINTS)
    rows = await call.read(webhook_queries.list_webhooks, window)
    page, last = cut_page(rows, window, lambda webhook: [webhook["created_at"], webhook["id"]])
    return render(
        request,
        "webhooks.html",
        caller=call.caller,
        now=call.now,
        endpoints=[prepare_webhook(call, webhook) for webhook in page],
        next=build_next_link(call, "webhooks", last, {}),
        first=window.after is None,
    )


@router.get("/admin/webhooks/{webhook_id}")
async def show_webhook(webhook_id: RecordId, call: Reading) -> Response:
    return await render_webhook(call, webhook_id)


async def render_webhook(
    call: Call,
    webhook_id: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    form: str | None = None,
    faults: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """Render an endpoint with its deliveries; `typed` and `faults` are of the form called `form`,
    which was filled in wrongly."""
    query = call.request.query_params if call.request.method == "GET" else {}
    webhook = await load_webhook(call, webhook_id)
    fields = {name: query.get(name, "").strip() for name in ("state", "type", "since")}
    filled_in = {name: text for name, text in fields.items() if text}
    filter_faults: dict[str, str] = {}
    filters = _parse_filters(filled_in, filter_faults)
    scope = f"deliveries {webhook_id} {sorted(filled_in.items())}"
    window = read_window(call, scope, DELIVERIES)
    rows = await call.read(webhook_queries.list_deliveries, webhook_id, window, **filters)
    page, last = cut_page(
        rows,
        window,
        lambda delivery: [delivery["created_at"], delivery["position"], delivery["id"]],
    )
    return render(
        call.request,
        "webhook.html",
        caller=call.caller,
        now=call.now,
        status=422 if filter_faults else status,
        headers=headers,
        webhook=prepare_webhook(call, webhook),
        deliveries=[delivery | {"next": _find_next_attempt(call, delivery)} for delivery in page],
        next=build_next_link(call, scope, last, filled_in),
        fields=fields,
        filtered=bool(filled_in),
        filter_faults=filter_faults,
        states=STATES,
        events=EVENTS,
        formats=FORMATS,
        narrowings=list_narrowings(webhook),
        form=form,
        faults=faults or {},
        typed={"reason": "", "since": ""} | (typed or {}),
    )


def _parse_filters(texts: dict[str, str], faults: dict[str, str]) -> DeliveryFilters:
    """Read what the deliveries are filtered by; add to `faults` what cannot be read."""
    filters: DeliveryFilters = {}
    if "state" in texts:
        try:
            filters["state"] = DeliveryState(texts["state"])
        except ValueError:
            faults["state"] = f"deliveries are {', '.join(DeliveryState)}"
    if "type" in texts:
        try:
            filters["kind"] = EventType(texts["type"])
        except ValueError:
            faults["type"] = "there is no such type of event"
    if "since" in texts:
        try:
            body = forms.parse_body(RecoveryIn, {"since": forms.complete_instant(texts["since"])})
            filters["since"] = body.since
        except Invalid as error:
            faults |= forms.describe_faults(error, {})
    return filters


@router.get("/admin/webhooks/{webhook_id}/deliveries/{delivery_id}")
async def show_delivery(webhook_id: RecordId, delivery_id: RecordId, call: Reading) -> Response:
    webhook = await load_webhook(call, webhook_id)
    try:
        delivery = await call.read(
            webhook_queries.read_delivery_with_attempts, webhook_id, delivery_id
        )
    except NotFound as error:
        raise NotFound("This webhook has no delivery with this id; it may be too old.") from error
    attempts = delivery["attempt_log"][::-1]
    return render(
        call.request,
        "delivery.html",
        caller=call.caller,
        now=call.now,
        webhook=prepare_webhook(call, webhook),
        delivery=delivery | {"next": _find_next_attempt(call, delivery)},
        body=_indent_json(delivery["body"]),
        attempts=attempts[:ATTEMPTS],
        earlier=max(0, len(attempts) - ATTEMPTS),
        states=STATES,
        events=EVENTS,
    )


def _find_next_attempt(call: Call, delivery: DeliveryView) -> str | None:
    """Return when a delivery is tried next; None where that was due before now: then its endpoint
    or another delivery holds it back."""
    moment = delivery["next_attempt_at"]
    return None if moment is None or parse_instant(moment) <= call.now else moment


def _indent_json(body: str) -> str:
    """Set JSON over several lines; what is sent is on one."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@router.get("/admin/webhooks/{webhook_id}/secret")
async def show_secret(webhook_id: RecordId, call: Reading) -> Response:
    """Show the secret, how to verify with it, and a form for another one."""
    return await render_secret(call, webhook_id)


async def render_secret(
    call: Call,
    webhook_id: str,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    overlap: str = "24",
) -> Response:
    webhook = await load_webhook(call, webhook_id)
    secret = await call.read(webhook_queries.read_secret, webhook_id, now=call.now)
    return render(
        call.request,
        "webhook_secret.html",
        caller=call.caller,
        now=call.now,
        status=status,
        headers=NO_STORE,
        webhook=webhook,
        secret=secret["secret"],
        until=secret["previous_until"],
        faults=faults or {},
        overlap=overlap,
    )


def parse_claim_id(text: str | None) -> str | None:
    """Return a claim's id, from itself or from the address of the claim's page."""
    if text is None:
        return None
    return ids.parse_id(text.partition("?")[0].rstrip("/").rpartition("/")[2]) or text
