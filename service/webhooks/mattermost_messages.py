"""Renders messages for Mattermost's incoming webhooks, which take Markdown in `text`.

Of a text's own, no sign of Markdown, no HTML and no mention takes effect: signs are escaped,
entities stand for `&`, `<` and `>` (Mattermost reads `<!channel>` as Slack does), and an invisible
space after `@`, and within `:name:`, ends what would be a mention or an emoji.
"""

import re

import orjson

from service.webhooks.announcements import Announcement, join_parts, list_links

LENGTH = 4000
"""What every version takes; later ones take four times as much."""
PART_LENGTH = 1200
GAP = "\u200b"
SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~])")
EMOJI = re.compile(r":(?=[A-Za-z0-9_+-]+:)")
ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|tel):|\bwww\.")


def render_message(announcement: Announcement) -> bytes:
    """Render the body of the POST."""
    parts = [f"**{escape_text(announcement.heading)}**"]
    if announcement.claim:
        by = f" ({announcement.claimant})" if announcement.claimant else ""
        parts.append(escape_text(f"{announcement.claim}{by}"))
    if announcement.print_line:
        parts.append(escape_text(announcement.print_line))
    parts += [f"*{label}:* {escape_text(words)}" for label, words in announcement.facts]
    parts += [
        f"> “{escape_text(quote.words)}” — {escape_text(f'{quote.voice} {quote.stance}')}"
        for quote in announcement.quotes
    ]
    for item in announcement.items:
        link = f" [Open]({escape_url(item.url)})" if item.url else ""
        parts.append(f"- {escape_text(item.summary)}{link}")
    links = [f"[{words}]({escape_url(url)})" for url, words in list_links(announcement)]
    return orjson.dumps({"text": join_parts(parts, links, LENGTH)})


def escape_text(words: str) -> str:
    """Escape a text, so that it shows as it is; cut where it is very long."""
    short_words = words if len(words) <= PART_LENGTH else words[: PART_LENGTH - 1] + "…"
    entities = short_words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain_text = ADDRESS.sub(lambda match: match[0][:-1] + GAP + match[0][-1], entities)
    quiet = EMOJI.sub(f":{GAP}", plain_text).replace("@", f"@{GAP}")
    return SIGNS.sub(r"\\\1", quiet)


def escape_url(url: str) -> str:
    """Write an address of ours so that no sign of it ends the link."""
    return url.replace("(", "%28").replace(")", "%29")
