"""Text from right to left within text of ours, so that it moves nothing around it.

In plain text a stored text is set between U+2068 and U+2069, which isolate it as `<bdi>` does in
HTML; texts without such letters are left as they are.  What is meant to be pasted, print lines in
the API, holds no direction marks.
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
