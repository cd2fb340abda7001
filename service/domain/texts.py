"""Checks and cleans all texts from outside: what a prose field, a line or a name may hold.

Every field that stores text goes through one of these functions, whether the API, a form, the
command line, a seed file or an import brings it (a test walks the OpenAPI document).  Each returns
the text in Unicode's composed form (NFC) or raises `ValueError` with what to do about it.

- `clean_prose`: several lines; newline and tab stay, every line end becomes one newline.
- `clean_line`: one line.
- `clean_name`: one line that is printed inside our own sentences (`domain/print_line.py`).
  Nothing in it is invisible, and nothing in it reads as the end of a sentence of ours.
- `check_address`: a URL or e-mail address, kept byte for byte.

Direction marks, joiners and non-joiners (LRM, RLM, ALM, ZWJ, ZWNJ) stay in prose and lines:
Arabic, Persian and Serbian texts need them.  Embeddings, overrides and isolates (U+202A to U+202E,
U+2066 to U+2069) do not: what they begin goes on in the text that follows ours, and pages isolate
foreign text themselves.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

Clean = Callable[[str], str]

BIDI_CONTROLS = "\u202a-\u202e\u2066-\u206f"
"""Embeddings, overrides and isolates, with the formatting characters that Unicode deprecates."""
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""What Unicode calls default-ignorable, and the blanks that are letters or symbols to it."""
_LAST_OF_PLANES = [
    f"{chr(plane | 0xFFFE)}-{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
]
_NONCHARACTERS = "".join(["\ufdd0-\ufdef", *_LAST_OF_PLANES])
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_NEVER = f"{_CONTROLS}{BIDI_CONTROLS}\ufff9-\ufffb\ud800-\udfff{_NONCHARACTERS}"
# Tags spell the flags of England, Scotland and Wales; anywhere else they hide words.
_HIDDEN_TAG = re.compile("[\U000e0000-\U000e007f](?<![\U0001f3f4\U000e0020-\U000e007e].)")

_LINE_ENDS = "\r\x85\u2028\u2029"
_LINE_END = re.compile(f"\r\n|[{_LINE_ENDS}]")
# Few ranges, for speed: they hold more than what is refused, but such characters are rare.
_SUSPECT = re.compile(
    f"[{_CONTROLS}{BIDI_CONTROLS}\ufff9-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\U0001fffe-\U0010ffff]"
)
_REFUSED_IN_PROSE = re.compile(f"[{_NEVER}]")
_REFUSED_IN_LINE = re.compile(f"[{_NEVER}\t\n\u2028\u2029]")
_REFUSED_IN_NAME = re.compile(f"[{_NEVER}\t\n\u2028\u2029{INVISIBLE}]")
_REFUSED_IN_ADDRESS = re.compile(rf"[{_NEVER}{INVISIBLE}\s]")
_VISIBLE = re.compile(rf"[^\s{_NEVER}{INVISIBLE}]")
_UNSEEN_IN_NAME = re.compile(f"[{BIDI_CONTROLS}{INVISIBLE}]")
_BLANK_IN_NAME = re.compile(f"[{_CONTROLS}\t\n\u2028\u2029]")

_CLOSERS = "\"'”’»›)\\]}）］｝〉》」』⟩❩﹚⦆"
_STOPS = ".!?…‽؟۔։።․﹒﹖﹗܁܂ꓸǃ⁇⁈⁉‼᠃᠉᙮⸮⸼︒︕︖"
"""What ends a sentence, or reads as if it did (UTS 39); not the letters that look like `?`, with
which words of living languages end."""
# What sentences of a print line begin with, but for those that begin with a name.
_OPENINGS = "|".join(
    (
        "Claimed by",
        "Unattributed claim",
        "Confirmed by",
        "Supported by",
        "Disputed",
        "Imported as",
        "The desk",
        "This desk",
        "This status",
        "The claimant",
    )
)
_SENTENCE_END = re.compile(
    # After a closing bracket or a long word: no abbreviation ends so ("Gen.", "Jane Q.").
    rf"(?:[{_CLOSERS}]|[^\W\d_]{{5,}})[{_STOPS}]+[{_CLOSERS}]*\s"
    # Full stops of scripts that put no space behind them.
    r"|[。．｡！？।॥]."
    # After what may be an abbreviation, only where one of our sentences follows.
    rf"|[{_STOPS};:][{_CLOSERS}]*\s+(?:{_OPENINGS})\b",
    re.IGNORECASE,
)
_OUR_WORDS = re.compile(
    r"\b(?:independently confirmed|awaiting confirmation|no independent party|"
    r"asked for confirmation|(?:denies|deny|supports) it|backs? part of it|found it refuted|"
    r"found the evidence conflicting|did not answer a request)\b",
    re.IGNORECASE,
)
"""What stands in a print line alone: nobody is called so."""
_OUR_BEGINNING = re.compile(
    r"(?:(?:claimed|confirmed|supported|disputed) by|unattributed claim|imported as|this status was"
    r"|(?:the|this) (?:desk|claimant) (?:found|has|had))\b"
    rf"|(?:disputed|(?:the|this) (?:desk|claimant))[{_STOPS};: ]*$",
    re.IGNORECASE,
)
"""What sentences of ours begin with, and what a verb of ours makes one of: some sentences begin
with a name."""


def clean_prose(text: str) -> str:
    """Check a text of several lines and return it in NFC, with each line end as one newline."""
    text = clean_context(text)
    _require_visible(text)
    return text


def clean_context(text: str) -> str:
    """Check what stands around a quote as `clean_prose` does.  It may be empty or blank."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if any(end in text for end in _LINE_ENDS):
        text = _LINE_END.sub("\n", text)
    # The cheap checks first: most texts are printable except for their newlines.
    if not text.replace("\n", "").replace("\t", "").isprintable() and _SUSPECT.search(text):
        _refuse_character(_REFUSED_IN_PROSE, text)
        _refuse_character(_HIDDEN_TAG, text)
    return text


def clean_line(text: str) -> str:
    """Check a text of one line and return it in NFC, without white space at its ends."""
    text = unicodedata.normalize("NFC", text.strip())
    _refuse_character(_REFUSED_IN_LINE, text)
    _refuse_character(_HIDDEN_TAG, text)
    _require_visible(text)
    return text


def clean_name(text: str) -> str:
    """Check a name or role and return it in NFC, with each run of white space as one space."""
    text = unicodedata.normalize("NFC", text.strip())
    _refuse_character(_REFUSED_IN_NAME, text)
    _require_visible(text)
    text = " ".join(text.split())
    match = _SENTENCE_END.search(text)
    if match is not None:
        raise ValueError(
            f"a name is printed within a sentence, and '{match[0].strip()}' reads as the end of "
            "one: write it without that stop"
        )
    match = _OUR_WORDS.search(text) or _OUR_BEGINNING.match(text)
    if match is not None:
        raise ValueError(
            f"a name is printed within a sentence, and '{match[0]}' reads as what the desk says: "
            "write it without"
        )
    return text


def strip_name(text: str) -> str:
    """Remove from a name written elsewhere what `clean_name` refuses as invisible.

    Marks of no width are dropped, line ends and other control characters become spaces.
    """
    return " ".join(_BLANK_IN_NAME.sub(" ", _UNSEEN_IN_NAME.sub("", text)).split())


def strip_prose(text: str) -> str:
    """Remove embeddings, overrides and isolates from a text written elsewhere."""
    return _EMBEDDED.sub("", text)


_EMBEDDED = re.compile(f"[{BIDI_CONTROLS}]")


def check_address(text: str) -> str:
    """Return an address as it is, after a check that nothing in it is blank or invisible."""
    _refuse_character(_REFUSED_IN_ADDRESS, text)
    return text


def is_visible(text: str) -> bool:
    """Say whether a text holds anything visible."""
    return _VISIBLE.search(text) is not None


@lru_cache(maxsize=4096)
def print_name(name: str) -> str:
    """Return a name as it may stand in a print line, whatever it is.

    Most names pass `clean_name` and are returned as they are.  A name that begins or ends as our
    sentences do, or that an older release let in, is put in quotation marks, on one line, without
    invisible characters and without stops between its words.
    """
    try:
        if clean_name(name) == name and not _LIKE_OURS.search(name):
            return name
    except ValueError:
        pass
    return f"“{print_label(name).rstrip(f'{_STOPS};: ') or '…'}”"


@lru_cache(maxsize=4096)
def print_label(label: str) -> str:
    """Return a text for between quotation marks in a print line, so that it cannot close them."""
    line = strip_name(_NOT_PRINTED.sub("", label)).translate(_INNER_QUOTES)
    return _STOP_WITHIN.sub("", line) or "…"


_NOT_PRINTED = re.compile(f"[\ufff9-\ufffb\ud800-\udfff{_NONCHARACTERS}]")
_INNER_QUOTES = str.maketrans(dict.fromkeys('“”„‟«»"', "’"))
_LIKE_OURS = re.compile(
    rf"^(?:{_OPENINGS}|unattributed|awaiting|no independent|independently)\b"
    # Where a name begins our sentence, this would be one of its own.
    rf"|(?:claimed|confirmed|supported|disputed|denied|denies|asked|found)\b.*[{_STOPS};:]"
    rf"[{_CLOSERS}]*$",
    re.IGNORECASE,
)
_STOP_WITHIN = re.compile(rf"[{_STOPS};:](?=[{_CLOSERS}{_STOPS}]*\s)|[。．｡！？।॥](?=.)")


def _refuse_character(pattern: re.Pattern[str], text: str) -> None:
    match = pattern.search(text)
    if match is None:
        return
    character = match[0]
    if character in "\n\r\x0b\x0c\x85\u2028\u2029":
        raise ValueError("this is one line: take the line end out")
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        raise ValueError(f"a text holds no half of a character ({code})")
    name = unicodedata.name(character, "")
    if unicodedata.category(character) == "Cc":
        name = "NUL" if character == "\x00" else "a control character"
    raise ValueError(f"a text holds no {f'{code} ({name})' if name else code}: take it out")


def _require_visible(text: str) -> None:
    if not is_visible(text):
        raise ValueError("a text holds something that can be seen, more than white space")
