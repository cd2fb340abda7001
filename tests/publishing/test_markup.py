"""Whatever a text holds, it stays a text: in XML, in HTML, and in a script of data."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from service.publishing import markup

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "&lt;b&gt; &amp; \" ' >",
    "a\x00\x01\x08\x0b\x0c\x1f\x7f\x85b",
    "lines\r\nand\ttabs\rand\u2028more\u2029",
    "\ufffe\uffff\U0001f9ff\U0010ffff",
    "\u202eright to left\u202c \u200f\u061c",
)
texts = st.one_of(st.text(st.characters(codec="utf-8")), st.sampled_from(HOSTILE))


def keep_xml_characters(text: str) -> str:
    """What XML 1.0 has room for, by its production 2."""
    return "".join(
        each
        for each in text
        if each in "\t\n\r"
        or "\x20" <= each <= "\ud7ff"
        or "\ue000" <= each <= "\ufffd"
        or each >= "\U00010000"
    )


@given(texts)
@example("".join(HOSTILE))
def test_xml_parser_reads_the_text_that_was_escaped(text: str) -> None:
    """As content and as an attribute, white space of every kind included; only what XML cannot
    hold is gone."""
    safe = markup.escape_xml(text)
    element = ElementTree.fromstring(f'<e a="{safe}">{safe}</e>')
    assert len(element) == 0
    assert (element.text or "", element.get("a")) == (
        keep_xml_characters(text),
        keep_xml_characters(text),
    )


@given(texts)
@example("".join(HOSTILE))
def test_script_data_does_not_end_its_script(text: str) -> None:
    """A browser's parser sees one script element, and a reader of JSON the very text."""
    script = markup.render_script_json({"text": text})
    assert json.loads(script) == {"text": text}
    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(script)
    events: list[str] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            events.append(tag)

        def handle_data(self, data: str) -> None:
            events.append(data)

    Page().feed(f'<script type="application/ld+json">{script}</script>')
    assert events == ["script", script]
