"""The forms that register, edit, pause, try and delete webhooks, and that send again."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render
from service.desk.webhooks import typed_webhooks, webhook_pages
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid, RateLimited
from service.domain.labels import KINDS, STATUSES
from service.domain.uses import UseClass
from service.domain.webhooks import (
    MOST_IN_FLIGHT,
    OVERLAP_HOURS,
    TIMEOUT_S,
    EndpointState,
    EventType,
    Format,
    Ordering,
)
from service.store.paging import Window
from service.stories import story_queries
from service.web.bodies import webhook_inputs
from service.web.calls import Call
from service.web.fields import RecordId
from service.web.problems import list_required_headers
from service.webhooks import webhook_commands
from service.webhooks.address_guard import AddressRefused
from service.webhooks.webhook_views import WebhookView

router = APIRouter(include_in_schema=False)
new_router = APIRouter(include_in_schema=False)
"""Ahead of the pages of endpoints: `new` is no endpoint's id."""

Managing = Annotated[Form, accept_form(Action.MANAGE_WEBHOOKS)]
STORIES = 200


CHOSEN = ("status_from", "status_to", "kinds", "severity")
"""Filters of which the form lists all values."""
SEVERITIES = {
    UseClass.KILL: "take it back",
    UseClass.CORRECTION: "it was wrong in part",
    UseClass.UPDATE: "more is known",
}
LOC_HEADERS = ("body", "headers")
DONE = {EndpointState.PAUSED: "paused", EndpointState.ACTIVE: "activated"}


# Registering and editing.


@new_router.get("/admin/webhooks/new")
async def show_new(call: webhook_pages.Reading) -> Response:
    return await _render_form(call, typed_webhooks.BLANK)


@router.post("/admin/webhooks")
async def register(form: Managing) -> Response:
    """Register an endpoint.  Its secret is on a page of its own: nothing on the way there keeps
    it."""
    try:
        body = await _validate(form)
        await _check_url(form.call, body.url)
        return await form.carry_out(
            webhook_commands.create_webhook,
            body.model_dump(),
            redirect_to=lambda outcome: (
                f"{webhook_pages.build_webhook_path(outcome[0])}/secret?done=registered"
            ),
        )
    except (Invalid, Conflict) as error:
        return await _render_form(form.call, typed_webhooks.read_typed(form), error=error)


@router.get("/admin/webhooks/{webhook_id}/edit")
async def show_edit(webhook_id: RecordId, call: webhook_pages.Reading) -> Response:
    webhook = await webhook_pages.load_webhook(call, webhook_id)
    return await _render_form(call, typed_webhooks.show_as_typed(webhook), webhook=webhook)


@router.post("/admin/webhooks/{webhook_id}")
async def edit(webhook_id: RecordId, form: Managing) -> Response:
    """Change an endpoint.  Its address is checked only if it changes: the rest can be corrected
    while names do not resolve."""
    webhook = await webhook_pages.load_webhook(form.call, webhook_id)
    try:
        body = await _validate(form)
        if body.url != webhook["url"]:
            await _check_url(form.call, body.url)
        return await form.carry_out(
            webhook_commands.change_webhook,
            webhook_id,
            body.model_dump(),
            redirect_to=f"{webhook_pages.build_webhook_path(webhook_id)}?done=saved",
        )
    except (Invalid, Conflict) as error:
        return await _render_form(
            form.call, typed_webhooks.read_typed(form), webhook=webhook, error=error
        )


async def _render_form(
    call: Call,
    typed: typed_webhooks.TypedWebhook,
    *,
    webhook: WebhookView | None = None,
    error: ClaimdeskError | None = None,
) -> Response:
    faults: dict[str, str] = {}
    if isinstance(error, Invalid):
        faults = forms.describe_faults(error, {name: name for name in typed_webhooks.BLANK})
    elif error is not None:
        faults = {forms.TOP: error.detail}
    stories = await call.read(story_queries.list_stories, window=Window(STORIES, None))
    choices = [(story["slug"], story["title"]) for story in stories]
    if typed["story"] and typed["story"] not in dict(choices):
        choices.append((typed["story"], typed["story"]))
    return render(
        call.request,
        "webhook_form.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        webhook=webhook,
        typed=typed,
        faults=faults,
        stories=choices,
        events={
            kind: words
            for kind, words in webhook_pages.EVENTS.items()
            if kind is not EventType.PING or kind in typed["event_types"]
        },
        formats=webhook_pages.FORMATS.items(),
        choices=[
            ("status_from", "From the status", STATUSES),
            ("status_to", "To the status", STATUSES),
            ("kinds", "Kind of claim", KINDS),
            ("severity", "What was printed", SEVERITIES),
        ],
        most_in_flight=MOST_IN_FLIGHT,
        most_timeout=TIMEOUT_S,
    )


async def _check_url(call: Call, url: str) -> None:
    """Raise Invalid where the guard would refuse each attempt."""
    try:
        await call.services.guard.check_address(url)
    except AddressRefused as refused:
        raise Invalid(str(refused), loc=("body", "url")) from None


async def _validate(form: Form) -> webhook_inputs.WebhookIn:
    """What was filled in, checked as the API checks it.  Raises Invalid."""
    values: dict[str, object] = {
        "url": form.get_text("url") or "",
        "format": form.get_text("format") or Format.STANDARD,
        "description": form.get_text("description"),
        "event_types": form.get_texts("event_types"),
        "story": form.get_text("story"),
        "claim": webhook_pages.parse_claim_id(form.get_text("claim")),
        "parties": [
            "-".join(name.lower().split())
            for name in typed_webhooks.split_list(form.get_text("parties"))
        ],
        **{name: form.get_texts(name) for name in CHOSEN},
        "tags": typed_webhooks.split_list(form.get_text("tags")),
        "languages": typed_webhooks.split_list(form.get_text("languages")),
        "payload": {"quotes": not form.is_ticked("without_quotes")},
        "ordering": Ordering.CLAIM if form.is_ticked("ordering") else Ordering.NONE,
        "headers": _parse_headers(form.get_text("headers") or ""),
    }
    in_flight, timeout = form.get_number("max_in_flight"), form.get_number("timeout_s")
    if in_flight is not None:
        values["max_in_flight"] = int(in_flight) if in_flight.is_integer() else in_flight
    if timeout is not None:
        values["timeout_s"] = timeout
    return forms.parse_body(webhook_inputs.WebhookIn, values)


def _parse_headers(text: str) -> dict[str, str]:
    """Read headers from lines of `Name: value`.  Raises Invalid."""
    headers: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not name:
            raise Invalid(f"'{line[:60]}' is no line of the form Name: value", loc=LOC_HEADERS)
        if name in headers:
            raise Invalid(f"the header {name} is there twice", loc=LOC_HEADERS)
        headers[name] = value
    return headers


# Acting on an endpoint.


async def _render_refusal(
    form: Form, webhook: str, name: str, error: ClaimdeskError, **typed: str
) -> Response:
    """Render the endpoint's page again, with the fault at the form called `name`."""
    faults = {forms.TOP: error.detail}
    if isinstance(error, Invalid):
        faults = forms.describe_faults(error, {})
    return await webhook_pages.render_webhook(
        form.call,
        webhook,
        status=error.status,
        headers=list_required_headers(error),
        form=name,
        faults=faults,
        typed=typed,
    )


@router.post("/admin/webhooks/{webhook_id}/state")
async def set_state(webhook_id: RecordId, form: Managing) -> Response:
    path = webhook_pages.build_webhook_path(webhook_id)
    reason = form.get_text("reason")
    try:
        body = forms.parse_body(
            webhook_inputs.StateIn, {"state": form.get_text("state") or "", "reason": reason}
        )
        return await form.carry_out(
            webhook_commands.set_state,
            webhook_id,
            state=EndpointState(body.state),
            reason=body.reason,
            redirect_to=f"{path}?done={DONE[EndpointState(body.state)]}",
        )
    except Invalid as error:
        return await _render_refusal(form, webhook_id, "state", error, reason=reason or "")


@router.post("/admin/webhooks/{webhook_id}/ping")
async def ping(webhook_id: RecordId, form: Managing) -> Response:
    """Send a ping: six a minute; a double click counts as one."""

    def spend_ping(_: str) -> str:
        # Not before: what is answered again costs nothing.
        form.call.services.pings.spend(webhook_id)
        return f"{webhook_pages.build_webhook_path(webhook_id)}?done=ping"

    webhook = await webhook_pages.load_webhook(form.call, webhook_id)
    try:
        if webhook["state"] != EndpointState.ACTIVE:
            raise Conflict(f"It is {webhook['state']}: activate it first.")
        return await form.carry_out(
            webhook_commands.ping_webhook, webhook_id, redirect_to=spend_ping
        )
    except RateLimited as error:
        wait = list_required_headers(error).get("Retry-After", "60")
        refusal = RateLimited(
            f"Six pings a minute are enough. Wait {wait} seconds, then try again.", **error.extras
        )
        return await _render_refusal(form, webhook_id, "ping", refusal)
    except Conflict as error:
        return await _render_refusal(form, webhook_id, "ping", error)


@router.post("/admin/webhooks/{webhook_id}/recovery")
async def recover(webhook_id: RecordId, form: Managing) -> Response:
    since = form.get_text("since")
    path = webhook_pages.build_webhook_path(webhook_id)
    try:
        body = forms.parse_body(
            webhook_inputs.RecoveryIn, {"since": forms.complete_instant(since) or ""}
        )
        return await form.carry_out(
            webhook_commands.recover_deliveries,
            webhook_id,
            since=body.since,
            redirect_to=lambda count: f"{path}?done={'recovering' if count else 'nothing-due'}",
        )
    except Invalid as error:
        return await _render_refusal(form, webhook_id, "recovery", error, since=since or "")


@router.post("/admin/webhooks/{webhook_id}/secret/rotation")
async def rotate(webhook_id: RecordId, form: Managing) -> Response:
    """Rotate the secret.  The new one is on the page that shows secrets, and nowhere on the way
    there."""
    overlap = form.get_text("overlap_hours")
    try:
        hours = form.get_number("overlap_hours")
        body = forms.parse_body(
            webhook_inputs.RotationIn, {"overlap_hours": OVERLAP_HOURS if hours is None else hours}
        )
        return await form.carry_out(
            webhook_commands.rotate_secret,
            webhook_id,
            overlap_hours=body.overlap_hours,
            redirect_to=f"{webhook_pages.build_webhook_path(webhook_id)}/secret?done=rotated",
        )
    except Invalid as error:
        faults = forms.describe_faults(error, {"overlap_hours": "overlap_hours"})
        return await webhook_pages.render_secret(
            form.call, webhook_id, status=422, faults=faults, overlap=overlap or ""
        )


@router.post("/admin/webhooks/{webhook_id}/deliveries/{delivery_id}/redelivery")
async def send_again(webhook_id: RecordId, delivery_id: RecordId, form: Managing) -> Response:
    path = webhook_pages.build_webhook_path(webhook_id)
    return await form.carry_out(
        webhook_commands.redeliver_message,
        webhook_id,
        delivery_id,
        redirect_to=f"{path}/deliveries/{delivery_id}?done=redelivered",
    )


@router.get("/admin/webhooks/{webhook_id}/delete")
async def show_deletion(webhook_id: RecordId, call: webhook_pages.Reading) -> Response:
    webhook = await webhook_pages.load_webhook(call, webhook_id)
    return render(
        call.request,
        "webhook_delete.html",
        caller=call.caller,
        now=call.now,
        webhook=webhook_pages.prepare_webhook(call, webhook),
    )


@router.post("/admin/webhooks/{webhook_id}/deletion")
async def delete(webhook_id: RecordId, form: Managing) -> Response:
    return await form.carry_out(
        webhook_commands.remove_webhook, webhook_id, redirect_to="/admin/webhooks?done=deleted"
    )
