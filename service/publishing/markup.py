"""Make texts from anywhere safe for XML, and data safe for scripts in HTML."""

import re
from html import escape

import orjson

from service.views import JsonObject

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no character of XML 1.0 (production 2), escaped or not."""
# A parser turns these into other white space unless they are references (XML 1.0, 2.11 and 3.3.3).
SPACES = {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
IN_SCRIPTS = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def escape_xml(text: str) -> str:
    """Return `text` as content or as the value of an attribute, of XML as well as of HTML.

    What XML cannot hold at all is left out.
    """
    escaped_text = escape(FORBIDDEN.sub("", text))
    for space, reference in SPACES.items():
        escaped_text = escaped_text.replace(space, reference)
    return escaped_text


def render_script_json(data: JsonObject) -> str:
    """Return `data` as JSON that may stand inside `<script>`.

    Nothing in it ends the element, opens a comment or ends a line of JavaScript (HTML, 4.12.1.3;
    RFC 8259 lets any character be escaped).
    """
    text = orjson.dumps(data).decode()
    for character, escape_sequence in IN_SCRIPTS.items():
        text = text.replace(character, escape_sequence)
    return text
