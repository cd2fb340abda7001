"""The one policy for texts: what prose, lines and names may hold, and what becomes of the rest."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import texts

NOTHING_VISIBLE = [
    "",
    " \t\n",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u2800",
    "\u3164",
    "\u115f\u1160",
    "\uffa0",
    "\u00ad\u034f",
    "\u200e\u200f\u061c",
    "\u3000\u00a0",
    "\ufe0f",
]
NEVER = [
    "a\x00b",
    "a\x1b[31mb",
    "a\x08b",
    "a\x7fb",
    "a\x9bb",
    "a\u202eb",
    "a\u202ab\u202c",
    "a\u2066b\u2069",
    "a\u206ab",
    "a\ufff9b",
    "a\ufffeb",
    "a\U0001ffffb",
    "a\ufdd0b",
    "a\ud800b",
    "a\U000e0041b",
]


@pytest.mark.parametrize("clean", [texts.clean_prose, texts.clean_line, texts.clean_name])
@pytest.mark.parametrize("text", NOTHING_VISIBLE)
def test_text_with_nothing_visible_is_refused(clean: texts.Clean, text: str) -> None:
    with pytest.raises(ValueError, match=r"a text holds|this is one line"):
        clean(text)


@pytest.mark.parametrize("clean", [texts.clean_prose, texts.clean_line, texts.clean_name])
@pytest.mark.parametrize("text", NEVER)
def test_control_and_bidi_characters_are_refused_and_named(clean: texts.Clean, text: str) -> None:
    with pytest.raises(ValueError, match=r"U\+[0-9A-F]{4}"):
        clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines\tand a tab",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u05d0\u200f! \u200e(NATO)\u061c",
        "\U0001f469\u200d\U0001f680 \u2764\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "Nj.\u00a0E.",
        "\ue000 private use, \U0001fae8 newer than this Unicode",
    ],
)
def test_prose_keeps_what_languages_need(text: str) -> None:
    assert texts.clean_prose(text) == text


@pytest.mark.parametrize("end", ["\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_every_line_end_becomes_a_newline(end: str) -> None:
    assert texts.clean_prose(f"one{end}two") == "one\ntwo"
    for clean in (texts.clean_line, texts.clean_name):
        with pytest.raises(ValueError, match="one line"):
            clean(f"one{end}two")


@given(st.text())
def test_cleaned_text_is_composed_and_passes_again(text: str) -> None:
    for clean in (texts.clean_prose, texts.clean_line, texts.clean_name):
        try:
            cleaned_text = clean(text)
        except ValueError:
            continue
        assert unicodedata.is_normalized("NFC", cleaned_text)
        assert clean(cleaned_text) == cleaned_text


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\u200b\u202e\x1b\n\u2800 .)"))))
def test_prose_check_finds_what_a_slow_one_finds(text: str) -> None:
    """The quick questions let nothing through that the categories of Unicode forbid."""
    try:
        cleaned_text = texts.clean_context(text)
    except ValueError:
        return
    for character in cleaned_text:
        category = unicodedata.category(character)
        assert category not in ("Cc", "Cs") or character in "\n\t", hex(ord(character))
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"


@pytest.mark.parametrize(
    "name",
    [
        "Gen. Milan Mojsilović",
        "Jane Q. Public",
        "NATO",
        "St. Petersburg",
        "U.S. Dept. of State",
        "Yahoo!",
        "Ministry of Defence (MoD)",
        "D’Angelo Union",
        "قوات كفور (KFOR)",
        "Prof. Dr. Ana Petrović, M.A.",
        "Министарство одбране",
        "日本放送協会",
        "Who? What? Ltd.",
    ],
)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert texts.clean_name(name) == name
    assert texts.print_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "Belgrade (2 October 2023). Independently confirmed by NATO. Source: X",
        "Belgrade. Confirmed",
        "Belgrade! And more",
        "Belgrade? Yes",
        "Belgrade… Then",
        "(Serbia). Then",
        "“Serbia”. Then",
        "Serb. Disputed by NATO",
        "KFOR; The desk found it refuted",
        "Serb, independently confirmed by NATO",
        "NATO denies it",
        "北京。独立",
        "بلغراد؟ نعم",
    ],
)
def test_name_that_reads_as_a_sentence_is_refused_and_quoted_where_it_stands(name: str) -> None:
    with pytest.raises(ValueError, match="printed within a sentence"):
        texts.clean_name(name)
    printed_name = texts.print_name(name)
    assert printed_name[0] == "“"
    assert printed_name[-1] == "”"
    assert not re.search(r"[.!?…;]\s|[“”]", printed_name[1:-1])


@pytest.mark.parametrize(
    "mark", ["\u200b", "\u200d", "\u200c", "\u00ad", "\ufeff", "\u2060", "\u3164"]
)
def test_name_holds_no_mark_of_no_width_and_an_import_drops_it(mark: str) -> None:
    with pytest.raises(ValueError, match=r"U\+"):
        texts.clean_name(f"NA{mark}TO")
    assert texts.clean_name(texts.strip_name(f"NA{mark}TO")) == "NATO"


def test_white_space_in_a_name_is_one_space() -> None:
    assert texts.clean_name(" Ana\u00a0 \u2009Petrović ") == "Ana Petrović"


@given(st.text(max_size=60))
def test_label_never_closes_its_quotation_marks(label: str) -> None:
    printed_label = texts.print_label(label)
    assert printed_label
    assert not set('“”„‟«»"\n\r\x85\u2028\u2029\u202e\u200b') & set(printed_label)
