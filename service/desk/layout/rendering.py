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

from service.desk.layout import assets, confirmations, explanations, field_labels, marks
from service.domain import access, directions, labels
from service.domain.access import Action, Actor
from service.domain.claims import Precision, parse_instant
from service.domain.errors import ClaimdeskError
from service.domain.history import EVENT_TYPES
from service.domain.print_phrases import format_date
from service.web import sessions, time_zones
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


PARTING_POINT = re.compile(r"\s+·(?=\s)")


class _Compacting(Extension):
    """Take white space that nobody sees out of templates when they are compiled, and let no line
    begin with a point that parts what stands in a row."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return UNSEEN_SPACE.sub("", PARTING_POINT.sub("\N{NO-BREAK SPACE}·", source))


LABELLED = (
    *("STATUSES", "STANCES", "BASES", "RENDERINGS", "KINDS", "FINDINGS", "CAUSES"),
    *("INQUIRY_OUTCOMES", "REQUEST_OUTCOMES", "USE_CLASSES", "USE_STATES"),
    "CONTACT_STATES",
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
        "time": build_time,
        "local_print_line": localize_print_line,
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
    request_context = context_of(request.scope)
    everywhere = {
        "me": caller,
        "menu": request.app.state.menu,
        "now": now,
        "zone": time_zones.read_shown_zone(),
        "csrf": sessions.make_form_token(request),
        "path": request.url.path,
        "query": request.url.query,
        "publisher": settings.publisher,
        "base_url": settings.base_url,
        "public_read": settings.public_read,
        "link_notice": request_context.credential.notice if request_context.credential else None,
        "done": confirmations.CONFIRMATIONS.get(request.query_params.get("done", "")),
        "way_back": confirmations.find_way_back(request, caller),
        "head": request_context.page_head,
        "live": None,
        "as_of": None,
    }
    html = get_environment().get_template(template).render(everywhere | context)
    response = HTMLResponse(
        html, status, headers=PRIVATE | {"Content-Security-Policy": POLICY} | dict(headers or {})
    )
    if request_context.has_ended_session:
        # What the page asks for next, its stream of events, would be refused for the old cookie.
        sessions.delete_session_cookie(response, request)
    return response


@pass_context
def may_do(context: Context, action: Action) -> bool:
    """Tell whether whoever sees the page may do `action`: nothing else is offered."""
    return access.is_allowed(context["me"], action, public_read=context["public_read"])


def format_day(value: str | datetime, precision: str = "") -> str:
    """Format a day as `2 Oct 2023`; of an instant whose `precision` is given, by the clock that is
    shown, or as `Oct 2023` or `2023` where no day is known."""
    when = _parse(value)
    if precision == Precision.YEAR:
        return f"{when:%Y}"
    if precision == Precision.MONTH:
        return f"{when:%b %Y}"
    if precision and Precision(precision) in time_zones.HOURLY:
        when = time_zones.localize(when)
    return f"{when.day} {when:%b %Y}"


def format_moment(value: str | datetime) -> str:
    """Format an instant as `2 Oct 2023, 18:05 UTC`, by the clock that is shown."""
    when = time_zones.localize(_parse(value))
    return f"{when.day} {when:%b %Y, %H:%M} {time_zones.name_offset(when)}"


def format_spoken_date(value: str | datetime, precision: str) -> str:
    """Format an instant as precisely as it is known, by the clock that is shown."""
    return time_zones.format_local(_parse(value), Precision(precision))


def build_time(value: str | datetime, precision: str | None = None) -> Markup:
    """Build the element of an instant by the clock that is shown: its title says it in UTC.

    With a `precision` it is what somebody said, as precisely as that is known.
    """
    words = format_moment(value) if precision is None else format_spoken_date(value, precision)
    title = Markup("")
    is_hourly = precision is None or Precision(precision) in time_zones.HOURLY
    if is_hourly and time_zones.read_shown_zone() != "UTC":
        when = _parse(value)
        title = Markup(' title="{} {:%b %Y, %H:%M} UTC"').format(when.day, when)
    return Markup('<time datetime="{}"{}>{}</time>').format(value, title, words)


def localize_print_line(claim: Mapping[str, Any]) -> str:
    """Return a claim's print line with the time of the claim by the clock that is shown."""
    moment, precision = _parse(claim["claimed_at"]), Precision(claim["precision"])
    line: str = claim["print_line"]
    local = time_zones.format_local(moment, precision)
    return line.replace(format_date(moment, precision), local, 1)


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
