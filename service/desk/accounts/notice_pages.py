"""Where and when somebody is told, and the private addresses of their feeds."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response

from service.desk.accounts.account_forms import NO_STORE
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render, render_page
from service.domain import access
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Invalid
from service.domain.notice_times import MailMode
from service.domain.notices import MOST_FEEDS, NoticeKind
from service.notices import feed_addresses, notice_settings
from service.notices.notice_views import NoticeSettingsView
from service.record.idempotency import Answer
from service.store.paging import MAX_LIMIT, Window
from service.stories import story_queries
from service.web.bodies.notice_inputs import FeedIn
from service.web.bodies.notice_settings_inputs import NoticeSettingsIn
from service.web.calls import Allow, Call
from service.web.fields import FeedId
from service.web.notice_requests import require_reachable

router = APIRouter(include_in_schema=False)

Asking = Annotated[Call, Depends(Allow(None, page=True), scope="function")]
Own = Annotated[Form, accept_form(None)]
KINDS = {
    NoticeKind.APPROVAL: "A proposal waits for you",
    NoticeKind.DECISION: "Your proposal was decided on",
    NoticeKind.MENTION: "Somebody mentions you",
    NoticeKind.ASSIGNMENT: "A claim is assigned to you",
    NoticeKind.DUE: "A claim of yours is overdue",
    NoticeKind.USE: "What you printed is outdated",
    NoticeKind.CHANGE: "What you follow changed",
    NoticeKind.WEBHOOK: "A webhook or the desk itself fails or recovers",
}
"""What people are told of, as the form asks it."""
MAIL = {MailMode.OFF: "no", MailMode.AT_ONCE: "at once", MailMode.DIGEST: "once a day"}
FORMATS = {
    "slack": "Slack",
    "mattermost": "Mattermost",
    "teams": "Teams",
    "telegram": "Telegram",
}
FIELDS = ("digest_hour", "time_zone", "quiet_from", "quiet_until", "chat_format", "chat_url")
NAMES = {"chat.format": "chat_format", "chat.url": "chat_url", "chat": "chat_url"}


def _fill(settings: NoticeSettingsView) -> dict[str, str]:
    """Fill the form with what was chosen; the address of a chat is shown to nobody again."""
    chat = settings["chat"]
    typed = {
        "digest_hour": str(settings["digest_hour"]),
        "time_zone": settings["time_zone"],
        "quiet_from": settings["quiet_from"] or "",
        "quiet_until": settings["quiet_until"] or "",
        "chat_format": str(chat["format"]) if chat else "slack",
        "chat_url": "",
        "chat_ends": "",
    }
    for kind, choice in settings["kinds"].items():
        typed[f"mail-{kind}"] = choice["mail"]
        typed[f"chat-{kind}"] = "on" if choice["chat"] else ""
    return typed


async def _render(
    call: Call, *, typed: dict[str, str] | None = None, error: ClaimdeskError | None = None
) -> Response:
    settings = await call.services.database.read(notice_settings.read_settings, caller=call.actor)
    window = Window(MOST_FEEDS, None)
    feeds = await call.services.database.read(
        feed_addresses.list_feeds, caller=call.actor, window=window
    )
    may_share = access.is_allowed(call.actor, Action.SHARE_FEEDS)
    stories = []
    if may_share:
        stories = await call.read(story_queries.list_stories, window=Window(MAX_LIMIT, None))
    return render_page(
        call,
        "notices.html",
        error=error,
        settings=settings,
        feeds=feeds,
        stories=stories,
        may_share=may_share,
        sends_mail=call.services.settings.smtp_url is not None,
        kinds=KINDS,
        mail=MAIL,
        formats=FORMATS,
        typed=typed or _fill(settings),
        faults=forms.describe_faults(error, NAMES),
    )


@router.get("/profile/notices")
async def show_notice_settings(call: Asking) -> Response:
    return await _render(call)


@router.post("/profile/notices")
async def change_notice_settings(form: Own) -> Response:
    """Choose for each kind of notice where it goes besides the inbox."""
    try:
        body = _read_settings(form)
        await require_reachable(form.call.services, body)
        return await form.carry_out(
            notice_settings.change_settings,
            body.to_command(),
            redirect_to="/profile/notices?done=saved",
        )
    except Invalid as error:
        return await _render(form.call, typed=_keep(form), error=error)


def _keep(form: Form) -> dict[str, str]:
    names = [f"{way}-{kind}" for kind in NoticeKind for way in ("mail", "chat")]
    return form.keep([*FIELDS, "chat_ends", *names])


def _read_settings(form: Form) -> NoticeSettingsIn:
    """Read what was chosen; the chat stays as it is unless another address is given, or it ends.
    Raises Invalid."""
    hour = form.get_text("digest_hour") or ""
    values: dict[str, object] = {
        "kinds": {
            kind: {
                "mail": form.get_text(f"mail-{kind}") or MailMode.OFF,
                "chat": form.is_ticked(f"chat-{kind}"),
            }
            for kind in NoticeKind
        },
        "digest_hour": int(hour) if hour.isascii() and hour.isdigit() and len(hour) < 3 else hour,
        "time_zone": form.get_text("time_zone"),
        "quiet_from": form.get_text("quiet_from"),
        "quiet_until": form.get_text("quiet_until"),
    }
    url = form.get_text("chat_url")
    if form.is_ticked("chat_ends"):
        values["chat"] = None
    elif url is not None:
        values["chat"] = {"format": form.get_text("chat_format") or "", "url": url}
    return forms.parse_body(NoticeSettingsIn, values)


@router.post("/profile/feeds")
async def make_feed(form: Own) -> Response:
    """Make a private address of a feed and show it once."""

    def answer(_: Any, feed: Any) -> Answer:
        return Answer(200, orjson.dumps({"id": feed["id"], "url": feed["url"]}), {})

    try:
        story = form.get_text("story")
        body = forms.parse_body(FeedIn, {"story": story} if story else {"follows": True})
        feed_answer = await form.call.write(
            feed_addresses.make_feed,
            story=body.story,
            answer=answer,
            key=form.key,
            shown_once="url",
        )
    except Invalid as error:
        return await _render(form.call, error=error)
    return render(
        form.call.request,
        "feed_made.html",
        caller=form.call.caller,
        now=form.call.now,
        headers=NO_STORE,
        story=story,
        url=orjson.loads(feed_answer.body).get("url"),
    )


@router.post("/profile/feeds/{feed_id}/end")
async def end_feed(feed_id: FeedId, form: Own) -> Response:
    """Delete a private address: it leads nowhere from now on."""
    return await form.carry_out(
        feed_addresses.delete_feed, feed_id, redirect_to="/profile/notices?done=feed-ended#feeds"
    )
