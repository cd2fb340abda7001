"""Reads what a message says into words for people, before a format lays them out.

The bodies are those of Standard Webhooks (`claims/webhook_bodies.py`, `bodies.py`), or a person's
notice: `data` then has a `summary`, and may have a `claim`, `print_line`, `items` (each with a
`summary` and a `url`), `url` and `unsubscribe`.  Nothing here is escaped: renderers do that.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from service.domain.claims import DecisionKind, Finding, Stance, Status
from service.domain.labels import DECISIONS, FINDINGS, STANCES, STATUSES
from service.domain.webhooks import EventType
from service.webhooks import bodies

Data = Mapping[str, Any]
TEXT_LENGTH = 1000
"""What is shown of one text: nothing is left out of a claim or print line of usual length."""
OPEN = "Open in Claimdesk"
LINK_WORDS = {"contact.question": "Confirm this address", "contact.outdated": "Open the claim"}
"""Where the link of a message is to be called otherwise."""
MOST_FACTS, MOST_QUOTES, MOST_ITEMS = 8, 5, 50
SINGLE, SEVERAL = "1 place", "{} places"
INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e]")
"""Controls, and signs that turn the direction of what follows them."""
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ISOLATES, ISOLATES_END = "\u2066\u2067\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that somebody said about the claim."""

    voice: str
    stance: str
    words: str


@dataclass(frozen=True, slots=True)
class Item:
    """One notice of several that are told together."""

    summary: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told, on lines without breaks."""

    heading: str
    claim: str | None = None
    claimant: str | None = None
    thread: str | None = None
    """The id of the claim: what is told about one claim belongs together."""
    print_line: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    quotes: tuple[Quote, ...] = ()
    items: tuple[Item, ...] = ()
    url: str | None = None
    unsubscribe: str | None = None
    explanation: str | None = None
    """What somebody must know who may know nothing of this service; in mails alone."""
    url_words: str = OPEN


def list_links(announcement: Announcement) -> list[tuple[str, str]]:
    """List the addresses of this service that a message ends with, each with its words."""
    links = (
        (announcement.url, announcement.url_words),
        (announcement.unsubscribe, "Unsubscribe"),
    )
    return [(url, words) for url, words in links if url]


def join_parts(parts: Sequence[str], links: Sequence[str], length: int) -> str:
    """Join what was rendered to a text of at most `length`: parts that do not fit are left out, and
    the links stay."""
    ending = " · ".join(links)
    text = parts[0]
    for part in parts[1:]:
        if len(text) + len(part) + len(ending) + 6 > length:
            text += "\n\n…"
            break
        text += f"\n\n{part}"
    return f"{text}\n\n{ending}" if ending else text


def read_announcement(messages: Sequence[bytes], *, with_quotes: bool = True) -> Announcement:
    """Read one message, or several about one claim, oldest first, as one announcement."""
    read = [_read_body(body, with_quotes) for body in messages]
    last = read[-1]
    if len(read) == 1:
        return last
    return Announcement(
        clean_text("; ".join(dict.fromkeys(announcement.heading for announcement in read))),
        last.claim,
        last.claimant,
        last.thread,
        next((each.print_line for each in reversed(read) if each.print_line), None),
        tuple(dict.fromkeys(fact for each in read for fact in each.facts))[-MOST_FACTS:],
        tuple(dict.fromkeys(quote for each in read for quote in each.quotes))[:MOST_QUOTES],
        tuple(item for each in read for item in each.items)[:MOST_ITEMS],
        last.url,
        last.unsubscribe,
        last.explanation,
        last.url_words,
    )


def clean_text(text: object) -> str:
    """Return a text on one line, without controls, cut where it is very long."""
    line = " ".join(INVISIBLE.sub("", str(text)).split())
    isolate_count = sum(line.count(sign) for sign in ISOLATES)
    if len(line) > TEXT_LENGTH:
        line = line[: TEXT_LENGTH - 1].rstrip() + "…"
    if isolate_count != line.count(ISOLATES_END):
        line = line.translate(dict.fromkeys(map(ord, ISOLATES + ISOLATES_END)))
    return line


def _read_body(body: bytes, with_quotes: bool) -> Announcement:
    message = orjson.loads(body if with_quotes else bodies.remove_quotes(body))
    kind, data = message["type"], message["data"]
    describe = HEADINGS.get(kind)
    heading = describe(data) if describe else str(data.get("summary") or kind)
    claim = data.get("claim") or {}
    links = [link for name in ("cites", "links") for link in data.get(name) or ()]
    if isinstance(data.get("link"), dict):
        links.append(data["link"])
    quotes = [_read_quote(link) for link in links if link.get("quote")]
    claimant = claim.get("claimant")
    return Announcement(
        clean_text(heading),
        clean_text(claim["text"]) if claim else None,
        clean_text(_name_voice(claimant["name"], claimant.get("speaker"))) if claimant else None,
        str(claim["id"]) if claim else None,
        clean_text(data["print_line"]) if data.get("print_line") else None,
        tuple(_list_facts(data))[:MOST_FACTS],
        tuple(quotes[:MOST_QUOTES]),
        tuple(
            Item(clean_text(item["summary"]), _read_url(item.get("url")))
            for item in (data.get("items") or ())[:MOST_ITEMS]
        ),
        _read_url(data.get("url") or claim.get("url")),
        _read_url(data.get("unsubscribe")),
        clean_text(data["explanation"]) if data.get("explanation") else None,
        LINK_WORDS.get(kind, OPEN),
    )


def _read_url(url: object) -> str | None:
    """Return an address of this service, if it is one that a link may have."""
    text = str(url or "")
    is_link = text.startswith(("https://", "http://")) and not re.search(r"[\s<>|\"\\]", text)
    return text if is_link and text.isascii() else None


def _read_quote(link: Data) -> Quote:
    name = link.get("party_name") or link.get("description") or "Somebody"
    stance = STANCES[Stance(link["stance"])] + (" (if true)" if link.get("conditional") else "")
    voice = clean_text(_name_voice(name, link.get("speaker")))
    return Quote(voice, stance, clean_text(link["quote"]))


def _name_voice(party: str, speaker: Data | None) -> str:
    if not speaker:
        return party
    role = f", {speaker['role']}" if speaker.get("role") else ""
    return f"{party} ({speaker['name']}{role})"


def _list_facts(data: Data) -> list[tuple[str, str]]:
    """List what else is to be known, each with its name."""
    facts: list[tuple[str, str]] = []
    for label, name in FACTS:
        if data.get(name) not in (None, "", []):
            facts.append((label, clean_text(_write_value(data[name]))))
    before, after = data.get("before") or {}, data.get("after") or {}
    for name, value in after.items():
        change = f"{_write_value(before.get(name))} → {_write_value(value)}"
        facts.append((_write_label(name), clean_text(change)))
    for name, value in (data.get("changes") or {}).items():
        if name != "material":
            facts.append((_write_label(name), clean_text(_write_value(value))))
    for use in data.get("uses") or ():
        place = use.get("title") or use.get("where") or use.get("url") or ""
        address = use.get("url")
        words = place if address in (None, place) else f"{place}, {address}"
        facts.append(("Printed", clean_text(words)))
    return facts


def _write_label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _write_value(value: object) -> str:
    if value in (None, "", []):
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_write_value, value))
    if isinstance(value, str) and INSTANT.fullmatch(value):
        return f"{value[:10]} {value[11:16]} UTC"
    if isinstance(value, dict):
        if "text" in value:
            return str(value["text"])
        return ", ".join(str(part) for part in value.values() if part is not None)
    return str(value)


FACTS = (
    ("May be printed now", "printed_now"),
    ("Could be printed then", "printed_then"),
    ("Reason", "reason"),
    ("Comment", "comment"),
    ("Decided by", "decided_by"),
    ("Approved by", "approved_by"),
    ("Proposed by", "proposed_by"),
    ("On hold until", "until"),
    ("Address", "address"),
    ("What it is", "description"),
    ("Failing since", "failing_since"),
    ("Last event", "last_event"),
    ("Error", "error"),
)


def _say(words: str) -> Callable[[Data], str]:
    return lambda _data: words


def _name_status(status: str) -> str:
    return STATUSES[Status(status)]


def _describe_finding(data: Data) -> str:
    finding = data["finding"]
    return f"Found {FINDINGS[Finding(finding)]}" if finding else "Finding taken back"


def _describe_outdated(data: Data) -> str:
    count = data["count"]
    places = SINGLE if count == 1 else SEVERAL.format(count)
    return f"What was printed is outdated ({data['class']}) in {places}"


def _describe_proposal(data: Data) -> str:
    kind = DecisionKind(data.get("kind") or DecisionKind.STATUS)
    what = (
        f"the status {_name_status(data['to'])}" if kind is DecisionKind.STATUS else DECISIONS[kind]
    )
    return f"Waits for a second person: {what}"


def _describe_link(data: Data) -> str:
    link = data["link"]
    name = link.get("party_name") or link.get("description") or "Somebody"
    return f"{name} {STANCES[Stance(link['stance'])]}"


HEADINGS: Mapping[str, Callable[[Data], str]] = {
    EventType.CLAIM_CREATED: lambda data: f"Recorded: {_name_status(data['status'])}",
    EventType.CLAIM_STATUS_CHANGED: lambda data: (
        f"{_name_status(data['previous_status'])} → {_name_status(data['status'])}"
    ),
    EventType.CLAIM_AMENDED: lambda data: "Reworded" if "text" in data["changes"] else "Amended",
    EventType.CLAIM_MERGED: _say("Merged into another claim"),
    EventType.CLAIM_WITHDRAWN: _say("Withdrawn by the claimant"),
    EventType.CLAIM_CORRECTED: _say("Corrected: it was recorded wrongly"),
    EventType.CLAIM_VOIDED: _say("Void: recorded by mistake, do not use"),
    EventType.CLAIM_RESTORED: _say("Restored"),
    EventType.CLAIM_SEPARATED: _say("A claim of its own again"),
    EventType.HOLD_PLACED: _say("On hold: do not use"),
    EventType.HOLD_ENDED: _say("No longer on hold"),
    EventType.USE_OUTDATED: _describe_outdated,
    EventType.LINK_CREATED: _describe_link,
    EventType.LINK_RETRACTED: lambda data: f"Link retracted: {_describe_link(data)}",
    EventType.STATEMENT_CORRECTED: _say("A statement was corrected"),
    EventType.STATEMENT_WITHDRAWN: _say("A statement was withdrawn"),
    EventType.FINDING_CHANGED: _describe_finding,
    EventType.DECISION_PROPOSED: _describe_proposal,
    EventType.DECISION_REJECTED: _say("A proposal was rejected"),
    EventType.WEBHOOK_FAILING: lambda data: (
        f"A webhook has failed {data['failures']} times in a row"
    ),
    EventType.WEBHOOK_DISABLED: _say("A webhook was disabled"),
    EventType.WEBHOOK_RECOVERED: _say("A webhook is well again"),
    EventType.PING: lambda data: f"Claimdesk at {data['from']} reaches you",
}
"""What happened, in a few words."""
