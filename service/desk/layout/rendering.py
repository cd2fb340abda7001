"""Rendering of pages: what every template can use, and the headers a page is sent with."""

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

from service.desk.layout import assets, explanations, field_labels, marks
from service.domain import access, directions, labels
from service.domain.access import Action, Actor
from service.domain.claims import Precision, parse_instant
from service.domain.errors import ClaimdeskError
from service.domain.history import EVENT_TYPES
from service.domain.print_phrases import format_date
from service.web import sessions
from service.web.calls import PRIVATE, Call
from service.web.request_context import context_of
from service.web.service_container import get_services

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""No page holds a script or style itself, so none that somebody writes into one runs."""

UNSEEN_SPACE = re.compile(
    # Line ends after blocks, and indentation; of that after a tag whose line end jinja takes away,
    # one space stays.
    r"(?:(?<=</p>)|(?<=</li>)|(?<=</ul>)|(?<=</ol>)|(?<=</h2>)|(?<=</h3>)"
    r"|(?<=</div>)|(?<=</form>)|(?<=</section>)|(?<=</fieldset>)|(?<=</details>))\n *"
    r"|(?<=[^}]\n) +|(?<=[^%]}\n) +|(?<=%}\n ) +"
)


class _Compacting(Extension):
    """Take white space that nobody sees out of templates when they are compiled."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return UNSEEN_SPACE.sub("", source)


LABELLED = (
    *("STATUSES", "STANCES", "BASES", "RENDERINGS", "KINDS", "FINDINGS", "CAUSES"),
    *("INQUIRY_OUTCOMES", "REQUEST_OUTCOMES", "USE_CLASSES", "USE_STATES"),
)
"""The words of `labels` that templates have."""


@lru_cache
def get_environment() -> Environment:
    """Return the templates' environment: what every template may use is listed here."""
    environment = Environment(
        extensions=[_Compacting],
        loader=ChoiceLoader([PackageLoader("service.desk", room) for room in assets.ROOMS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in LABELLED:
        environment.globals[name] = {str(key): word for key, word in getattr(labels, name).items()}
    environment.globals |= {
        "EXPLAINED": {
            name: {str(key): words for key, words in getattr(explanations, name).items()}
            for name in ("STATUSES", "STANCES", "BASES", "SEVERAL", "EMPTY_GROUPS")
        },
        "LABELS": field_labels.LABELS,
        "Action": Action,
        "asset": assets.build_address,
        "sprite": Markup(marks.SPRITE),  # noqa: S704 - our own drawing
        "can": may_do,
        "event_types": " ".join(EVENT_TYPES),
        "new_form_number": lambda: secrets.token_urlsafe(12),
    }
    environment.filters |= {
        "day": format_day,
        "moment": format_moment,
        "spoken_date": format_spoken_date,
        "age": format_age,
        "direction": build_direction_attribute,
        "isolate": isolate,
        "isolate_plain": directions.isolate_text,
        "isolate_words": isolate_words,
        "json_ld": encode_json_ld,
        "outside_url": check_outside_link,
        "pairs": read_pairs,
        "voice_name": name_voice,
        "without_underscores": lambda text: text.replace("_", " "),
    }
    return environment


def render_page(
    call: Call,
    template: str,
    *,
    error: ClaimdeskError | None = None,
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a page for whoever asks; with the status of `error`, where a form was refused."""
    if error is not None:
        status = error.status
    return render(
        call.request, template, caller=call.caller, now=call.now, status=status, **context
    )


def render_part(template: str, **context: Any) -> Markup:
    """Render a part of a page, which asks for nothing that pages have."""
    return Markup(get_environment().get_template(template).render(context))  # noqa: S704 - ours


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
    """Render `template` with `context` and what every page shows, for `caller`."""
    settings = get_services(request).settings
    known = context_of(request.scope)
    everywhere = {
        "me": caller,
        "menu": request.app.state.menu,
        "now": now,
        "csrf": sessions.make_form_token(request),
        "path": request.url.path,
        "query": request.url.query,
        "publisher": settings.publisher,
        "base_url": settings.base_url,
        "public_read": settings.public_read,
        "link_notice": known.credential.notice if known.credential else None,
        "done": CONFIRMATIONS.get(request.query_params.get("done", "")),
        "live": None,
        "as_of": None,
    }
    html = get_environment().get_template(template).render(everywhere | context)
    response = HTMLResponse(
        html, status, headers=PRIVATE | {"Content-Security-Policy": POLICY} | dict(headers or {})
    )
    if known.has_ended_session:
        # What the page asks for next, its stream of events, would be refused for the old cookie.
        sessions.delete_session_cookie(response, request)
    return response


CONFIRMATIONS = {
    "recorded": "Recorded.",
    "linked": "Linked.",
    "retracted": "The link is retracted. It stays in the record.",
    "affirmed": "Affirmed: it counts for the present wording.",
    "four-eyes-on": "A second person approves what is printed, from now on.",
    "four-eyes-off": "One person alone decides, from now on.",
    "statement-withdrawn": "Withdrawn. Every claim that it is linked to was weighed anew.",
    "request-sent": "Thank you. Somebody at the desk reads it, and decides.",
    "request-answered": "The request is answered.",
    "asked": "The request for comment is recorded.",
    "inquiry-changed": "What came of the request is recorded.",
    "claim-withdrawn": "Withdrawn by its claimant; the last status is kept.",
    "held": "On hold: its print line says not to use it.",
    "hold-ended": "No longer on hold.",
    "moved": "The status is changed.",
    "found": "The finding is changed.",
    "proposed": "Proposed. Somebody else approves it now.",
    "approved": "Approved.",
    "rejected": "Rejected. The proposer can read why in the record.",
    "proposal-withdrawn": "Your proposal is taken back.",
    "amended": "Amended.",
    "corrected": "Corrected. What stood there before stays readable.",
    "merged": "Merged: its links are here now.",
    "led-here": "The claim that you asked for was merged into this one.",
    "use-recorded": "Recorded. Once what may be printed is another, it must be told of that.",
    "use-acknowledged": "Seen to: it is off the list, until the claim changes again.",
    "use-retired": "Retired: nothing outdates it any more.",
    "voided": "Void: nobody may use it. It stays in the record.",
    "restored": "Restored.",
    "reinstated": "Reinstated: it is in force again.",
    "separated": "Separated: it is a claim of its own again.",
    "link-voided": "The link is void. It stays in the record.",
    "link-restored": "The link counts again.",
    "statement-voided": "Void. Every claim that it is linked to was weighed anew.",
    "statement-restored": "It counts again. Every claim that it is linked to was weighed anew.",
    "parties-merged": "Merged: both count as one voice.",
    "people-merged": "Merged: both are shown as one.",
    "sources-merged": "Merged: both are shown as one source.",
    "parted": "Separated: they are two again.",
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
"""What the page after a form says; its address names it: `?done=recorded`."""


@pass_context
def may_do(context: Context, action: Action) -> bool:
    """Tell whether whoever sees the page may do `action`: nothing else is offered."""
    return access.is_allowed(context["me"], action, public_read=context["public_read"])


def format_day(value: str | datetime) -> str:
    """Format an instant as `2 Oct 2023`, in UTC."""
    when = _parse(value)
    return f"{when.day} {when:%b %Y}"


def format_moment(value: str | datetime) -> str:
    """Format an instant as `2 Oct 2023, 18:05 UTC`."""
    when = _parse(value)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def format_spoken_date(value: str | datetime, precision: str) -> str:
    """Format an instant as precisely as it is known."""
    return format_date(_parse(value), Precision(precision))


def format_age(value: str | datetime, now: datetime) -> str:
    """Format the time since an instant, in one unit: `now`, `5 min`, `3 h`, `12 d`, `7 mo`."""
    minutes = int((now - _parse(value)).total_seconds() // 60)
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


def encode_json_ld(value: Any) -> Markup:
    """Encode a value as JSON that can stand in a script element: nothing in it ends that."""
    text = orjson.dumps(value).decode()
    for character, harmless in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, harmless)
    return Markup(text)  # noqa: S704 - escaped just above


def check_outside_link(url: str | None) -> str | None:
    """Return an address that may be linked to: http(s) only, whatever was imported."""
    return url if url is not None and url.lower().startswith(("http://", "https://")) else None


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def read_pairs(
    items: Iterable[Mapping[str, Any]], value: str, word: str, most: int | None = None
) -> list[tuple[str, str]]:
    """Return two fields of each item, as options need them; of the word `most` characters."""
    return [(item[value], shorten(item[word], most) if most else item[word]) for item in items]


def name_voice(statement: Mapping[str, Any]) -> str | None:
    """Name who speaks: the speaker if one is named, else the party; a source that is not named, as
    it is described."""
    if statement["description"]:
        return f"{statement['description']}, not named"
    speaker = statement["speaker"]
    name: str | None = speaker["name"] if speaker else statement["party_name"]
    return name


def _parse(value: str | datetime) -> datetime:
    return (parse_instant(value) if isinstance(value, str) else value).astimezone(UTC)


def build_direction_attribute(text: str) -> Markup:
    """Build the attribute for an option whose text holds letters from right to left."""
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
