"""Webhooks, changed: registered, edited, paused, tried, sent to again, deleted."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.desk.webhooks import webhook_pages
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid, RateLimited
from service.domain.webhooks import (
    IN_FLIGHT,
    MOST_IN_FLIGHT,
    OVERLAP_HOURS,
    TIMEOUT_S,
    EndpointState,
    EventType,
    Ordering,
)
from service.store.paging import Window
from service.stories import story_queries
from service.web.bodies import webhook_inputs
from service.web.calls import Call
from service.web.fields import RecordId
from service.web.problems import required_headers
from service.webhooks import webhook_commands
from service.webhooks.address_guard import Refused

router = APIRouter(include_in_schema=False)
new_router = APIRouter(include_in_schema=False)
"""Ahead of the pages of endpoints: `new` is no endpoint's id."""

Managing = Annotated[Form, posted(Action.MANAGE_WEBHOOKS)]
STORIES = 200
BLANK: dict[str, Any] = {
    "url": "",
    "description": "",
    "event_types": [EventType.CLAIM_STATUS_CHANGED.value],
    "story": "",
    "claim": "",
    "parties": "",
    "ordering": Ordering.CLAIM.value,
    "max_in_flight": str(IN_FLIGHT),
    "timeout_s": str(TIMEOUT_S),
    "headers": "",
}
"""Most want to know of changes of status, and of nothing else."""


LOC_HEADERS = ("body", "headers")
DONE = {EndpointState.PAUSED: "paused", EndpointState.ACTIVE: "activated"}


# Registering and editing.


@new_router.get("/admin/webhooks/new")
async def show_new(call: webhook_pages.Reading) -> Response:
    return await _form(call, BLANK)


@router.post("/admin/webhooks")
async def register(form: Managing) -> Response:
    """The secret stands on a page of its own: nothing on the way back keeps it."""
    try:
        body = await _body(form)
        await _vet(form.call, body.url)
        return await form.carry_out(
            webhook_commands.create,
            body.model_dump(),
            then=lambda made: f"{webhook_pages.place(made[0])}/secret?done=registered",
        )
    except (Invalid, Conflict) as error:
        return await _form(form.call, _typed(form), error=error)


@router.get("/admin/webhooks/{webhook_id}/edit")
async def show_edit(webhook_id: RecordId, call: webhook_pages.Reading) -> Response:
    found = await webhook_pages.endpoint(call, webhook_id)
    return await _form(call, _as_typed(found), webhook=found)


@router.post("/admin/webhooks/{webhook_id}")
async def edit(webhook_id: RecordId, form: Managing) -> Response:
    """An address is vetted where it changes: the rest can be mended while names do not resolve."""
    found = await webhook_pages.endpoint(form.call, webhook_id)
    try:
        body = await _body(form)
        if body.url != found["url"]:
            await _vet(form.call, body.url)
        return await form.carry_out(
            webhook_commands.change,
            webhook_id,
            body.model_dump(),
            then=f"{webhook_pages.place(webhook_id)}?done=saved",
        )
    except (Invalid, Conflict) as error:
        return await _form(form.call, _typed(form), webhook=found, error=error)


async def _form(
    call: Call,
    typed: dict[str, Any],
    *,
    webhook: dict[str, Any] | None = None,
    error: ClaimdeskError | None = None,
) -> Response:
    faults: dict[str, str] = {}
    if isinstance(error, Invalid):
        faults = forms.faults(error, {name: name for name in BLANK})
    elif error is not None:
        faults = {forms.TOP: error.detail}
    known = await call.read(story_queries.page, window=Window(STORIES, None))
    choices = [(one["slug"], one["title"]) for one in known]
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
            one: word
            for one, word in webhook_pages.EVENTS.items()
            if one is not EventType.PING or one in typed["event_types"]
        },
        most_in_flight=MOST_IN_FLIGHT,
        most_timeout=TIMEOUT_S,
    )


async def _vet(call: Call, url: str) -> None:
    """Raises Invalid where the guard would refuse each attempt."""
    try:
        await call.services.guard.check(url)
    except Refused as refused:
        raise Invalid(str(refused), loc=("body", "url")) from None


async def _body(form: Form) -> webhook_inputs.WebhookIn:
    """What was filled in, checked as the API checks it.  Raises Invalid."""
    values: dict[str, Any] = {
        "url": form.text("url") or "",
        "description": form.text("description"),
        "event_types": form.texts("event_types"),
        "story": form.text("story"),
        "claim": webhook_pages.claim_of(form.text("claim")),
        "parties": [
            "-".join(one.lower().split())
            for one in (form.text("parties") or "").split(",")
            if one.strip()
        ],
        "ordering": Ordering.CLAIM if form.ticked("ordering") else Ordering.NONE,
        "headers": _headers(form.text("headers") or ""),
    }
    in_flight, timeout = form.number("max_in_flight"), form.number("timeout_s")
    if in_flight is not None:
        values["max_in_flight"] = int(in_flight) if in_flight.is_integer() else in_flight
    if timeout is not None:
        values["timeout_s"] = timeout
    return forms.body(webhook_inputs.WebhookIn, values)


def _headers(text: str) -> dict[str, str]:
    """Headers from lines of `Name: value`.  Raises Invalid."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not name:
            raise Invalid(f"'{line[:60]}' is no line of the form Name: value", loc=LOC_HEADERS)
        if name in found:
            raise Invalid(f"the header {name} is there twice", loc=LOC_HEADERS)
        found[name] = value
    return found


def _typed(form: Form) -> dict[str, Any]:
    """What was typed, to be shown again."""
    kept: dict[str, Any] = {name: form.text(name) or "" for name in BLANK}
    return kept | {
        "event_types": form.texts("event_types"),
        "ordering": Ordering.CLAIM.value if form.ticked("ordering") else Ordering.NONE.value,
    }


def _as_typed(endpoint: dict[str, Any]) -> dict[str, Any]:
    """An endpoint as its form shows it."""
    shown = {name: endpoint[name] if endpoint[name] is not None else "" for name in BLANK}
    return shown | {
        "parties": ", ".join(endpoint["parties"]),
        "max_in_flight": str(endpoint["max_in_flight"]),
        "timeout_s": f"{endpoint['timeout_s']:g}",
        "headers": "\n".join(f"{name}: {value}" for name, value in endpoint["headers"].items()),
    }


# What one does with an endpoint.


async def _refused(
    form: Form, webhook: str, name: str, error: ClaimdeskError, **typed: str
) -> Response:
    """The endpoint's page again, with what is wrong said at the form called `name`."""
    faults = {forms.TOP: error.detail}
    if isinstance(error, Invalid):
        faults = forms.faults(error, {})
    return await webhook_pages.page(
        form.call,
        webhook,
        status=error.status,
        headers=required_headers(error),
        form=name,
        faults=faults,
        typed=typed,
    )


@router.post("/admin/webhooks/{webhook_id}/state")
async def set_state(webhook_id: RecordId, form: Managing) -> Response:
    reason = form.text("reason")
    try:
        body = forms.body(
            webhook_inputs.StateIn, {"state": form.text("state") or "", "reason": reason}
        )
        return await form.carry_out(
            webhook_commands.set_state,
            webhook_id,
            state=EndpointState(body.state),
            reason=body.reason,
            then=f"{webhook_pages.place(webhook_id)}?done={DONE[EndpointState(body.state)]}",
        )
    except Invalid as error:
        return await _refused(form, webhook_id, "state", error, reason=reason or "")


@router.post("/admin/webhooks/{webhook_id}/ping")
async def ping(webhook_id: RecordId, form: Managing) -> Response:
    """Six a minute; a double click costs one."""

    def then(_: str) -> str:
        # Not before: what is answered again costs nothing.
        form.call.services.pings.spend(webhook_id)
        return f"{webhook_pages.place(webhook_id)}?done=ping"

    found = await webhook_pages.endpoint(form.call, webhook_id)
    try:
        if found["state"] != EndpointState.ACTIVE:
            raise Conflict(f"It is {found['state']}: activate it first.")
        return await form.carry_out(webhook_commands.ping, webhook_id, then=then)
    except RateLimited as error:
        wait = required_headers(error).get("Retry-After", "60")
        told = RateLimited(
            f"Six pings a minute are enough. Wait {wait} seconds, then try again.", **error.extras
        )
        return await _refused(form, webhook_id, "ping", told)
    except Conflict as error:
        return await _refused(form, webhook_id, "ping", error)


@router.post("/admin/webhooks/{webhook_id}/recovery")
async def recover(webhook_id: RecordId, form: Managing) -> Response:
    since = form.text("since")
    try:
        body = forms.body(webhook_inputs.RecoveryIn, {"since": forms.spelled(since) or ""})
        return await form.carry_out(
            webhook_commands.recover,
            webhook_id,
            since=body.since,
            then=lambda count: (
                f"{webhook_pages.place(webhook_id)}?done={'recovering' if count else 'nothing-due'}"
            ),
        )
    except Invalid as error:
        return await _refused(form, webhook_id, "recovery", error, since=since or "")


@router.post("/admin/webhooks/{webhook_id}/secret/rotation")
async def rotate(webhook_id: RecordId, form: Managing) -> Response:
    """The new secret stands on the page that shows secrets, and nowhere on the way there."""
    overlap = form.text("overlap_hours")
    try:
        hours = form.number("overlap_hours")
        body = forms.body(
            webhook_inputs.RotationIn, {"overlap_hours": OVERLAP_HOURS if hours is None else hours}
        )
        return await form.carry_out(
            webhook_commands.rotate_secret,
            webhook_id,
            overlap_hours=body.overlap_hours,
            then=f"{webhook_pages.place(webhook_id)}/secret?done=rotated",
        )
    except Invalid as error:
        faults = forms.faults(error, {"overlap_hours": "overlap_hours"})
        return await webhook_pages.secret_page(
            form.call, webhook_id, status=422, faults=faults, overlap=overlap or ""
        )


@router.post("/admin/webhooks/{webhook_id}/deliveries/{delivery_id}/redelivery")
async def send_again(webhook_id: RecordId, delivery_id: RecordId, form: Managing) -> Response:
    return await form.carry_out(
        webhook_commands.redeliver,
        webhook_id,
        delivery_id,
        then=f"{webhook_pages.place(webhook_id)}/deliveries/{delivery_id}?done=redelivered",
    )


@router.get("/admin/webhooks/{webhook_id}/delete")
async def show_deletion(webhook_id: RecordId, call: webhook_pages.Reading) -> Response:
    found = await webhook_pages.endpoint(call, webhook_id)
    return render(
        call.request,
        "webhook_delete.html",
        caller=call.caller,
        now=call.now,
        webhook=webhook_pages.seen(call, found),
    )


@router.post("/admin/webhooks/{webhook_id}/deletion")
async def delete(webhook_id: RecordId, form: Managing) -> Response:
    return await form.carry_out(
        webhook_commands.remove, webhook_id, then="/admin/webhooks?done=deleted"
    )
