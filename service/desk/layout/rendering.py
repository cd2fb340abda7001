"""Pages from templates: what every page carries, and the headers it is sent with."""

import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.desk.layout import assets, field_labels, marks
from service.domain import access, directions
from service.domain import labels as words
from service.domain.access import Action, Actor
from service.domain.claims import Precision, parse_instant
from service.domain.history import EVENT_TYPES
from service.domain.print_line import format_date
from service.web import sessions
from service.web.calls import PRIVATE
from service.web.request_context import context_of
from service.web.service_container import get_services

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""No script or style stands in a page itself, so none that somebody else wrote into one runs."""

UNSEEN_SPACE = re.compile(
    # Line ends after blocks, and indentation; of that after a tag whose line end jinja takes away,
    # one space stays.
    r"(?:(?<=</p>)|(?<=</li>)|(?<=</div>)|(?<=</section>))\n *"
    r"|(?<=[^}]\n) +|(?<=[^%]}\n) +|(?<=%}\n ) +"
)


class _Compacting(Extension):
    """Take white space that nobody sees out of templates when they are compiled."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return UNSEEN_SPACE.sub("", source)


@lru_cache
def environment() -> Environment:
    found = Environment(
        extensions=[_Compacting],
        loader=ChoiceLoader([PackageLoader("service.desk", room) for room in assets.ROOMS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "STATUSES": {str(one): word for one, word in words.STATUSES.items()},
        "STANCES": {str(one): word for one, word in words.STANCES.items()},
        "BASES": {str(one): word for one, word in words.BASES.items()},
        "RENDERINGS": {str(one): word for one, word in words.RENDERINGS.items()},
        "KINDS": {str(one): word for one, word in words.KINDS.items()},
        "FINDINGS": {str(one): word for one, word in words.FINDINGS.items()},
        "CAUSES": {str(one): word for one, word in words.CAUSES.items()},
        "LABELS": field_labels.LABELS,
        "Action": Action,
        "asset": assets.build_address,
        "sprite": Markup(marks.SPRITE),  # noqa: S704 - our own drawing
        "can": can,
        "event_types": " ".join(EVENT_TYPES),
        "once": lambda: secrets.token_urlsafe(12),
    }
    found.filters |= {
        "day": day,
        "moment": moment,
        "said": said,
        "ago": ago,
        "direction": direction,
        "isolate": isolate,
        "isolate_plain": directions.isolate_text,
        "isolate_words": isolate_words,
        "json_ld": json_ld,
        "outside": outside,
        "plainly": lambda text: text.replace("_", " "),
        "pairs": read_pairs,
        "voice_name": name_voice,
    }
    return found


def render(
    request: Request,
    template: str,
    *,
    caller: Actor | None,
    now: datetime,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """The page `template`; `caller` is who sees it."""
    settings = get_services(request).settings
    known = context_of(request.scope)
    html = (
        environment()
        .get_template(template)
        .render(
            {
                "me": caller,
                "now": now,
                "csrf": sessions.form_token(request),
                "path": request.url.path,
                "query": request.url.query,
                "publisher": settings.publisher,
                "base_url": settings.base_url,
                "public_read": settings.public_read,
                "link_notice": known.credential.notice if known.credential else None,
                "done": DONE.get(request.query_params.get("done", "")),
                "live": None,
                "as_of": None,
            }
            | context
        )
    )
    response = HTMLResponse(
        html, status, headers=PRIVATE | {"Content-Security-Policy": POLICY} | dict(headers or {})
    )
    if known.has_ended_session:
        # What the page asks for next, its stream of events, would be refused for the old cookie.
        sessions.take(response, request)
    return response


DONE = {
    "recorded": "Recorded.",
    "linked": "Linked.",
    "retracted": "The link is retracted. It stays in the record.",
    "affirmed": "Affirmed: it counts for the present wording.",
    "four-eyes-on": "A second person approves what is printed, from now on.",
    "four-eyes-off": "One person alone decides, from now on.",
    "statement-withdrawn": "Withdrawn. Every claim that it is linked to was weighed anew.",
    "claim-withdrawn": "Withdrawn by its claimant; the last status is kept.",
    "moved": "The status is changed.",
    "found": "The finding is changed.",
    "proposed": "Proposed. Somebody else approves it now.",
    "approved": "Approved.",
    "rejected": "Rejected. The proposer can read why in the record.",
    "proposal-withdrawn": "Your proposal is taken back.",
    "amended": "Amended.",
    "merged": "Merged: its links are here now.",
    "led-here": "The claim that you asked for was merged into this one.",
    "noted": "Noted, for the desk only.",
    "assigned": "Assigned.",
    "saved": "Saved.",
    "signed-out": "You are signed out.",
    "ended": "The session is ended.",
    "link-seen": "Seen. It stays listed below.",
    "others-ended": "You are signed out everywhere else.",
    "password": "Your password is set, and you are signed out everywhere else.",
    "revoked": "The key is revoked and opens nothing any more.",
    "registered": "Registered. This secret signs what it is sent.",
    "paused": "Paused. What is due for it is kept, and goes out once it is active.",
    "activated": "Active again. What was waiting goes out now.",
    "disabled": "Disabled: signed out everywhere, and no key or link of theirs opens anything.",
    "enabled": "Enabled. Make them a sign-in link, or let them use their password.",
    "ping": "The ping is on its way.",
    "redelivered": "It is sent again: the same id, the same bytes.",
    "recovering": "What was not delivered is due again.",
    "nothing-due": "Nothing since then is undelivered: there is nothing to send again.",
    "rotated": "There is a new secret. The one before signs too until the overlap ends.",
    "deleted": "Deleted. Nothing more is sent to it.",
}
"""What the page after a form says was done; the address names it by its word."""


@pass_context
def can(context: Context, action: Action) -> bool:
    """Whether who sees the page may do `action`: what they may not do is not offered."""
    return access.is_allowed(context["me"], action, public_read=context["public_read"])


def day(value: str | datetime) -> str:
    """`2 Oct 2023`, in UTC."""
    when = _read(value)
    return f"{when.day} {when:%b %Y}"


def moment(value: str | datetime) -> str:
    """`2 Oct 2023, 18:05 UTC`."""
    when = _read(value)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def said(value: str | datetime, precision: str) -> str:
    """An instant as precisely as it is known."""
    return format_date(_read(value), Precision(precision))


def ago(value: str | datetime, now: datetime) -> str:
    """How long since, in one unit: `now`, `5 min`, `3 h`, `12 d`, `7 mo`, `2 y`."""
    minutes = int((now - _read(value)).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h"
    days = minutes // (24 * 60)
    if days < 60:
        return f"{days} d"
    return f"{days // 30} mo" if days < 730 else f"{days // 365} y"


def json_ld(value: Any) -> Markup:
    """JSON that can stand in a script element: nothing in it ends the element."""
    text = orjson.dumps(value).decode()
    for one, harmless in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(one, harmless)
    return Markup(text)  # noqa: S704 - escaped just above


def outside(url: str | None) -> str | None:
    """An address to link to: http(s) only, whatever was imported."""
    return url if url is not None and url.lower().startswith(("http://", "https://")) else None


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def read_pairs(
    items: Iterable[Mapping[str, Any]], value: str, word: str, most: int | None = None
) -> list[tuple[str, str]]:
    """The fields `value` and `word` of each, as options need them; `most` characters of words."""
    return [(item[value], shorten(item[word], most) if most else item[word]) for item in items]


def name_voice(statement: Mapping[str, Any]) -> str | None:
    """Who speaks: the speaker if one is named, else the party."""
    speaker = statement["speaker"]
    name: str | None = speaker["name"] if speaker else statement["party_name"]
    return name


def _read(value: str | datetime) -> datetime:
    return (parse_instant(value) if isinstance(value, str) else value).astimezone(UTC)


def direction(text: str) -> Markup:
    """Give the attribute that turns an option round which holds letters from right to left."""
    return Markup(' dir="auto"' if directions.RUN.search(text) else "")  # noqa: S704 - our own


def isolate(text: str) -> Markup:
    """Wrap a stored text that holds letters from right to left, so that it moves nothing else.

    Others are left bare: nothing in them turns the line round, and pages stay light.
    """
    return Markup("<bdi>{}</bdi>").format(text) if directions.RUN.search(text) else escape(text)


def isolate_words(text: str) -> Markup:
    """Wrap the words from right to left within a sentence of ours.

    The text itself stays as it is: what is copied from the page holds no direction marks.
    """
    parts = directions.RUN.split(text)
    wrap = Markup("<bdi>{}</bdi>").format
    return Markup("").join(wrap(part) if n % 2 else escape(part) for n, part in enumerate(parts))
