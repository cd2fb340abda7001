"""Webhooks, looked at: endpoints and how they do, what was sent, each attempt.  For
administrators."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from service.desk.layout import forms
from service.desk.layout.page_links import following, window_of
from service.desk.layout.rendering import render
from service.domain import ids
from service.domain.access import Action
from service.domain.claims import instant
from service.domain.errors import Invalid, NotFound
from service.domain.webhooks import DeliveryState, EndpointState, EventType
from service.store.paging import cut
from service.web.bodies.webhook_inputs import RecoveryIn
from service.web.calls import Call, reading
from service.web.fields import RecordId
from service.webhooks import webhook_queries

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, reading(Action.MANAGE_WEBHOOKS, strict=False)]
NO_STORE = {"Cache-Control": "no-store"}
ENDPOINTS, DELIVERIES = 50, 30
ATTEMPTS = 25
"""How many attempts a delivery's page shows, the last ones: each has up to 4 KiB of answer."""
EVENTS = {
    EventType.CLAIM_CREATED: "a claim was recorded",
    EventType.CLAIM_STATUS_CHANGED: "a claim has another status",
    EventType.CLAIM_AMENDED: "a claim was amended",
    EventType.CLAIM_MERGED: "a claim was merged into another",
    EventType.CLAIM_WITHDRAWN: "a claimant took a claim back",
    EventType.LINK_CREATED: "a statement was linked to a claim",
    EventType.LINK_RETRACTED: "a link was retracted",
    EventType.STATEMENT_WITHDRAWN: "a statement was taken back",
    EventType.FINDING_CHANGED: "the desk found more than the status says, or took that back",
    EventType.DECISION_PROPOSED: "a decision waits for a second person (internal)",
    EventType.DECISION_REJECTED: "a decision was rejected (internal)",
    EventType.PING: "a ping; sent on request, whatever is ticked",
}
STATES = {
    DeliveryState.PENDING: "waiting",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.DEAD: "given up",
}


def place(webhook: str) -> str:
    """The address of an endpoint's page."""
    return f"/admin/webhooks/{webhook}"


def standing(endpoint: dict[str, Any]) -> tuple[str, str]:
    """How an endpoint does: `well`, `failing`, `stopped` or `new`, and in a few words."""
    of = endpoint["health"]
    if endpoint["state"] != EndpointState.ACTIVE:
        return "stopped", str(endpoint["state"])
    if of["failures_in_a_row"]:
        count = of["failures_in_a_row"]
        return "failing", f"failed {count:,} times in a row" if count > 1 else "failed once"
    if of["last_success_at"] is None:
        return "new", "nothing delivered yet"
    return "well", "well"


def told_of(endpoint: dict[str, Any]) -> str:
    """What an endpoint's filters let through, in words."""
    parts = [", ".join(endpoint["event_types"]) or "every event"]
    if endpoint["story"]:
        parts.append(f"of the story {endpoint['story']}")
    if endpoint["claim"]:
        parts.append("of one claim")
    if endpoint["parties"]:
        parts.append(f"where {' or '.join(endpoint['parties'])} speaks")
    return " ".join(parts)


def seen(call: Call, endpoint: dict[str, Any]) -> dict[str, Any]:
    """An endpoint as templates show it."""
    until = endpoint["health"]["blocked_until"]
    rests = until is not None and instant(until) > call.now
    kind, words = standing(endpoint)
    return endpoint | {
        "kind": kind,
        "words": words,
        "told_of": told_of(endpoint),
        "rests_until": until if rests else None,
    }


async def endpoint(call: Call, webhook: str) -> dict[str, Any]:
    """Raises NotFound."""
    found = await call.read(webhook_queries.one, webhook)
    if found is None:
        raise NotFound("There is no webhook with this id; it may have been deleted.")
    return found


@router.get("/admin/webhooks")
async def show_webhooks(request: Request, call: Reading) -> Response:
    window = window_of(call, "webhooks", ENDPOINTS)
    rows = await call.read(webhook_queries.page, window)
    kept, last = cut(rows, window, lambda row: [row["created_at"], row["id"]])
    return render(
        request,
        "webhooks.html",
        caller=call.caller,
        now=call.now,
        endpoints=[seen(call, one) for one in kept],
        next=following(call, "webhooks", last, {}),
        first=window.after is None,
    )


@router.get("/admin/webhooks/{webhook_id}")
async def show_webhook(webhook_id: RecordId, call: Reading) -> Response:
    return await page(call, webhook_id)


async def page(
    call: Call,
    webhook_id: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **said: Any,
) -> Response:
    """An endpoint with its deliveries; `said` is what was typed into its forms and is wrong."""
    query = call.request.query_params if call.request.method == "GET" else {}
    found = await endpoint(call, webhook_id)
    fields = {name: query.get(name, "").strip() for name in ("state", "type", "since")}
    asked = {name: text for name, text in fields.items() if text}
    faults: dict[str, str] = {}
    filters = _filters(asked, faults)
    scope = f"deliveries {webhook_id} {sorted(asked.items())}"
    window = window_of(call, scope, DELIVERIES)
    rows = await call.read(webhook_queries.delivery_page, webhook_id, window, **filters)
    kept, last = cut(
        rows or [], window, lambda row: [row["created_at"], row["position"], row["id"]]
    )
    return render(
        call.request,
        "webhook.html",
        caller=call.caller,
        now=call.now,
        status=422 if faults else status,
        headers=headers,
        webhook=seen(call, found),
        deliveries=[one | {"next": _next(call, one)} for one in kept],
        next=following(call, scope, last, asked),
        fields=fields,
        filtered=bool(asked),
        filter_faults=faults,
        states=STATES,
        events=EVENTS,
        form=said.get("form"),
        faults=said.get("faults", {}),
        typed={"reason": "", "since": ""} | said.get("typed", {}),
    )


def _filters(asked: dict[str, str], faults: dict[str, str]) -> dict[str, Any]:
    """What the deliveries are filtered by; what cannot be is said in `faults`, and left out."""
    found: dict[str, Any] = {}
    if "state" in asked:
        try:
            found["state"] = DeliveryState(asked["state"])
        except ValueError:
            faults["state"] = f"deliveries are {', '.join(DeliveryState)}"
    if "type" in asked:
        try:
            found["kind"] = EventType(asked["type"])
        except ValueError:
            faults["type"] = "there is no such type of event"
    if "since" in asked:
        try:
            body = forms.body(RecoveryIn, {"since": forms.spelled(asked["since"])})
            found["since"] = body.since
        except Invalid as error:
            faults |= forms.faults(error, {})
    return found


@router.get("/admin/webhooks/{webhook_id}/deliveries/{delivery_id}")
async def show_delivery(webhook_id: RecordId, delivery_id: RecordId, call: Reading) -> Response:
    found = await endpoint(call, webhook_id)
    delivery = await call.read(webhook_queries.delivery, webhook_id, delivery_id)
    if delivery is None:
        raise NotFound("This webhook has no delivery with this id; it may be too old.")
    attempts = delivery["attempt_log"][::-1]
    return render(
        call.request,
        "delivery.html",
        caller=call.caller,
        now=call.now,
        webhook=seen(call, found),
        delivery=delivery | {"next": _next(call, delivery)},
        body=_readable(delivery["body"]),
        attempts=attempts[:ATTEMPTS],
        earlier=max(0, len(attempts) - ATTEMPTS),
        states=STATES,
        events=EVENTS,
    )


def _next(call: Call, delivery: dict[str, Any]) -> str | None:
    """When a delivery is tried next; None where that was due before now: what holds it back is its
    endpoint's, or another delivery's."""
    moment = delivery["next_attempt_at"]
    return None if moment is None or instant(moment) <= call.now else str(moment)


def _readable(body: str) -> str:
    """JSON over several lines; the bytes that are sent are on one."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@router.get("/admin/webhooks/{webhook_id}/secret")
async def show_secret(webhook_id: RecordId, call: Reading) -> Response:
    """The secret, how to verify with it, and another one in its place."""
    return await secret_page(call, webhook_id)


async def secret_page(
    call: Call,
    webhook_id: str,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    overlap: str = "24",
) -> Response:
    found = await endpoint(call, webhook_id)
    kept = await call.read(webhook_queries.secret, webhook_id, now=call.now)
    if kept is None:
        raise NotFound("There is no webhook with this id.")
    return render(
        call.request,
        "webhook_secret.html",
        caller=call.caller,
        now=call.now,
        status=status,
        headers=NO_STORE,
        webhook=found,
        secret=kept["secret"],
        until=kept["previous_until"],
        faults=faults or {},
        overlap=overlap,
    )


def claim_of(text: str | None) -> str | None:
    """A claim's id, from itself or from the address of the claim's page."""
    if text is None:
        return None
    return ids.parse(text.partition("?")[0].rstrip("/").rpartition("/")[2]) or text
