"""Renders mails: plain text of 72 columns and HTML, threaded by claim.

Everything of an announcement is on lines without breaks, so none can begin a header.  Nothing is
loaded from anywhere when a mail is read, and the one link is to the claim's page.
"""

import html
import textwrap
from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from service.webhooks.announcements import Announcement

COLUMNS = 72
SUBJECT_LENGTH = 200
POLICY = SMTP.clone(max_line_length=78)
PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="color-scheme" content="light dark"><title>{title}</title></head>\n'
    '<body style="margin:0;padding:24px 16px;font:16px/1.5 Georgia,serif">\n'
    '<div style="max-width:36em;margin:0 auto">\n{body}\n</div></body></html>\n'
)
SMALL = "font:14px/1.5 system-ui,sans-serif;opacity:.75"
HEADING = "font:600 14px/1.4 system-ui,sans-serif;margin:0 0 4px"
CLAIM = "font-size:22px;line-height:1.3;margin:0 0 12px;font-weight:normal"
QUOTE = "margin:12px 0;padding:0 0 0 12px;border-left:2px solid #999"


def render_mail(
    announcement: Announcement,
    *,
    message: str,
    endpoint: str,
    recipient: str,
    mail_from: str,
    sent_at: datetime,
) -> bytes:
    """Render a mail with its headers; the same for the same message at every attempt."""
    name, sender = parseaddr(mail_from)
    local, _, domain = sender.rpartition("@")
    mail = EmailMessage(POLICY)
    mail["From"] = Address(name, local, domain)
    mail["To"] = Address(addr_spec=recipient)
    mail["Subject"] = write_subject(announcement)
    mail["Date"] = format_datetime(sent_at)
    mail.set_content(write_text(announcement), cte="quoted-printable")
    mail.add_alternative(write_html(announcement), subtype="html", cte="quoted-printable")
    mail.set_boundary(f"=_{message}")
    # Ids and addresses as they are: the library would encode those that are longer than a line.
    lines = [f"Message-ID: <{message}.{endpoint}@{domain}>", "Auto-Submitted: auto-generated"]
    if announcement.thread:
        thread = f"<claim.{announcement.thread}@{domain}>"
        lines += [f"In-Reply-To: {thread}", f"References: {thread}"]
    if announcement.unsubscribe:
        lines += [
            f"List-Unsubscribe: <{announcement.unsubscribe}>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii") + mail.as_bytes()


def write_subject(announcement: Announcement) -> str:
    """Write the status and the claim on one line."""
    subject = ": ".join(filter(None, (announcement.heading, announcement.claim)))
    if len(subject) > SUBJECT_LENGTH:
        subject = subject[: SUBJECT_LENGTH - 1].rstrip() + "…"
    return subject


def write_text(announcement: Announcement) -> str:
    """Write the plain text, of 72 columns; an address is on a line of its own."""
    return "\n\n".join(_list_paragraphs(announcement)) + "\n"


def _list_paragraphs(announcement: Announcement) -> Iterator[str]:
    yield _wrap(announcement.heading)
    if announcement.explanation:
        yield _wrap(announcement.explanation)
    if announcement.claim:
        by = f" ({announcement.claimant})" if announcement.claimant else ""
        yield _wrap(f"{announcement.claim}{by}")
    if announcement.print_line:
        yield _wrap(announcement.print_line)
    if announcement.facts:
        yield "\n".join(_wrap(f"{label}: {words}") for label, words in announcement.facts)
    for quote in announcement.quotes:
        yield "\n".join(
            (_wrap(f"“{quote.words}”", "> "), _wrap(f"— {quote.voice} {quote.stance}", "> "))
        )
    for item in announcement.items:
        address = f"\n  {item.url}" if item.url else ""
        yield _wrap(f"* {item.summary}", later="  ") + address
    if announcement.url:
        yield announcement.url
    if announcement.unsubscribe:
        yield f"Unsubscribe:\n{announcement.unsubscribe}"


def _wrap(words: str, begin: str = "", later: str | None = None) -> str:
    return textwrap.fill(
        words,
        COLUMNS,
        initial_indent=begin,
        subsequent_indent=begin if later is None else later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def write_html(announcement: Announcement) -> str:
    """Write the HTML: styles within, no script, nothing from elsewhere."""
    lines = [_build_tag("p", HEADING, announcement.heading)]
    if announcement.explanation:
        lines.append(_build_tag("p", "margin:0 0 12px", announcement.explanation))
    if announcement.claim:
        lines.append(_build_tag("h1", CLAIM, announcement.claim))
    if announcement.claimant:
        lines.append(_build_tag("p", SMALL, announcement.claimant))
    if announcement.print_line:
        lines.append(_build_tag("p", "margin:0 0 12px", announcement.print_line))
    lines += [
        f'<p dir="auto" style="margin:0 0 4px"><span style="{SMALL}">{html.escape(label)}:</span> '
        f"{html.escape(words)}</p>"
        for label, words in announcement.facts
    ]
    lines += [
        f'<blockquote dir="auto" style="{QUOTE}">“{html.escape(quote.words)}”<br>'
        f'<span style="{SMALL}">— {html.escape(f"{quote.voice} {quote.stance}")}</span>'
        "</blockquote>"
        for quote in announcement.quotes
    ]
    for item in announcement.items:
        words = html.escape(item.summary)
        link = f'<a href="{html.escape(item.url)}">{words}</a>' if item.url else words
        lines.append(f'<p dir="auto" style="margin:0 0 8px">{link}</p>')
    if announcement.url:
        lines.append(_build_link(announcement.url, announcement.url_words, "margin:16px 0"))
    if announcement.unsubscribe:
        lines.append(_build_link(announcement.unsubscribe, "Unsubscribe", SMALL))
    title = html.escape(write_subject(announcement))
    return PAGE.format(title=title, body="\n".join(lines))


def _build_tag(tag: str, style: str, words: str) -> str:
    return f'<{tag} dir="auto" style="{style}">{html.escape(words)}</{tag}>'


def _build_link(url: str, words: str, style: str) -> str:
    return f'<p style="{style}"><a href="{html.escape(url)}">{words}</a></p>'
