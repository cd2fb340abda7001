"""The record of accounts, keys, webhooks and policy, and the form that changes the policy."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Response

from service.accounts import account_queries, policy
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.page_links import build_next_link, read_window
from service.desk.layout.rendering import render
from service.domain.access import Action
from service.domain.claims import parse_instant
from service.domain.errors import Invalid
from service.record import audit_queries
from service.record.audit_views import AuditEventView
from service.store.paging import cut_page
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.MANAGE_USERS, page=True)]
Changing = Annotated[Form, accept_form(Action.MANAGE_POLICY)]
LISTED = 50
MEANS = {"session": "signed in", "key": "by a key", "console": "at the console", "import": "import"}


@router.get("/admin/record")
async def show_record(call: Reading) -> Response:
    window = read_window(call, "audit", LISTED)
    rows = await call.read(audit_queries.list_events, window)
    page_rows, last = cut_page(rows, window, lambda row: [row["seq"]])
    call.services.four_eyes = await call.read(policy.needs_second_person)
    return render(
        call.request,
        "record.html",
        caller=call.caller,
        now=call.now,
        events=await describe_events(call, page_rows),
        next=build_next_link(call, "audit", last, {}),
        four_eyes=call.services.four_eyes,
    )


@router.post("/admin/policy")
async def change_policy(form: Changing) -> Response:
    choice = form.get_text("four_eyes")
    if choice not in (policy.ON, policy.OFF):
        raise Invalid("Nothing was changed: the form does not say which", loc=("body", "four_eyes"))
    return await form.carry_out(
        policy.change_four_eyes,
        on=choice == policy.ON,
        redirect_to=f"/admin/record?done=four-eyes-{choice}",
    )


class DescribedEvent(AuditEventView):
    """An audit event in words: who did what to whom, and by what means."""

    who: str
    means: str
    what: str


async def describe_events(call: Call, events: Sequence[AuditEventView]) -> list[DescribedEvent]:
    """Return events in words: who did what to whom, and by what means."""
    people = {event["subject"] for event in events if event["kind"] in ("person", "key")}
    names = await call.read(account_queries.read_names, people)
    return [
        {
            **event,
            "who": str(event["actor"].get("name") or "Claimdesk"),
            "means": _describe_means(event["actor"]),
            "what": describe_event(event, names.get(event["subject"], event["subject"])),
        }
        for event in events
    ]


def _describe_means(actor: Mapping[str, Any]) -> str:
    if "rule" in actor:
        return str(actor["rule"])
    key = actor.get("key")
    if key is not None:
        return f"by the key {key['name']}"
    return MEANS.get(actor.get("means", ""), "")


def describe_event(event: AuditEventView, name: str) -> str:
    """What was done, as a sentence's end: "made a sign-in link for Ana"."""
    data = event["data"]
    type = event["type"]
    if "recorded_as_found" in data or "recorded_as_told" in data:
        return f"recorded the {event['kind']} {name.replace('_', ' ')} as it was found"
    if type == "person.created":
        return f"made the account of {data['name']} ({data['email']}), {data['role']}"
    if type == "person.link_made":
        expires_at = parse_instant(data["expires_at"])
        return f"made a sign-in link for {name}, good until {expires_at:%-d %B %H:%M}"
    if type == "person.link_seen":
        return f"said that {name} has seen the sign-in links made for them"
    if type == "person.changed":
        return f"changed the account of {name}: {', '.join(_describe_changes(data))}"
    if type == "key.created":
        return f"made the key {data['name']}, {data['role']}"
    if type == "key.revoked":
        return f"revoked the key {name}"
    if type == "webhook.created":
        return f"registered a webhook to {data['url']}"
    if type == "webhook.switched":
        return f"set a webhook to {data['state']}"
    if type == "webhook.removed":
        return "deleted a webhook"
    if type == "webhook.changed":
        return f"changed a webhook: {', '.join(sorted(data)).replace('_', ' ')}"
    if event["subject"] == "four_eyes":
        is_on = data["value"] == policy.ON
        return "asked for a second person" if is_on else "did without a second person"
    return f"set {event['subject'].replace('_', ' ')}"


def _describe_changes(data: Mapping[str, Any]) -> list[str]:
    sentences = []
    for field in ("name", "email", "role"):
        if field in data:
            sentences.append(f"{field} is {data[field]}")
    if "password_digest" in data:
        sentences.append("password set" if data["password_digest"] else "password taken away")
    if "disabled_at" in data:
        sentences.append("disabled" if data["disabled_at"] else "enabled")
    return sentences or ["who set the password"]
