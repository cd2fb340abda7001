"""Isolates text that is written from right to left, so that it does not move what is around it.

A stored text is put between U+2068 and U+2069, which isolate plain text as `<bdi>` does HTML.
Texts without such letters stay as they are.  Print lines in the API, which are meant to be pasted,
hold no direction marks.
"""

import re

BEGIN, END = "\u2068", "\u2069"
_RIGHT_TO_LEFT = "\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
RUN = re.compile(rf"([{_RIGHT_TO_LEFT}]+(?:[\s'’.-]+[{_RIGHT_TO_LEFT}]+)*)")
"""Words from right to left that follow each other."""


def isolate_text(text: str) -> str:
    """Isolate a stored text that holds letters from right to left; escaped HTML stays escaped."""
    return BEGIN + text + END if RUN.search(text) else text


def isolate_words(text: str) -> str:
    """Isolate the words from right to left within a sentence of ours."""
    return RUN.sub(rf"{BEGIN}\1{END}", text)
