"""The types of fields that people fill in, whatever they write: JSON, a form or a seed file.

Texts are by the one policy (`domain/texts.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import ErrorDetails

from service.domain import addresses, texts
from service.domain.account_bounds import EMAIL, LONGEST_EMAIL, LONGEST_NAME
from service.domain.names import LONGEST_SLUG, SHORTEST_SLUG

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
COUNTRY = r"^[A-Z]{2}$"
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
SHA256 = r"^[0-9a-f]{64}$"

PATTERNS_IN_WORDS = {
    SLUG: "take small letters, digits and hyphens between them, such as white-house",
    LANGUAGE: "give a language as its code: en, sr, sq",
    EMAIL: "this is no address of the form ana@example.org",
    COUNTRY: "give a country as two letters: RS, US",
    SHA256: "give a SHA-256 as 64 digits and small letters from a to f",
}


def describe_fault(fault: ErrorDetails) -> str:
    """Describe what is wrong with a field: of a text that does not fit, what to write instead."""
    if fault["type"] == "string_pattern_mismatch":
        pattern = fault["ctx"]["pattern"]
        if pattern in PATTERNS_IN_WORDS:
            return PATTERNS_IN_WORDS[pattern]
    return fault["msg"].removeprefix("Value error, ")


class In(BaseModel):
    """What is sent: unknown fields are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """A text of 1 to `most` characters that `clean`, a function of `domain/texts.py`, has passed.

    `trimmed`: white space at its ends is taken off.
    """

    most: int
    clean: Callable[[str], str]
    trimmed: bool = True

    def __iter__(self) -> Iterator[object]:
        yield StringConstraints(
            strip_whitespace=self.trimmed or None, min_length=1, max_length=self.most
        )
        yield AfterValidator(self._check)

    def _check(self, text: str) -> str:
        clean_text = self.clean(text)
        # The composed form of a few letters is longer than they are.
        if len(clean_text) > self.most:
            raise ValueError(f"a text has at most {self.most} characters in composed form (NFC)")
        return clean_text


Slug = Annotated[
    str, StringConstraints(pattern=SLUG, min_length=SHORTEST_SLUG, max_length=LONGEST_SLUG)
]
Country = Annotated[str, StringConstraints(pattern=COUNTRY)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=EMAIL, max_length=LONGEST_EMAIL),
    AfterValidator(texts.check_address),
]
Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2048),
    AfterValidator(addresses.clean_address),
]
# Printed within sentences, or shown beside what people sign with their names.
Name = Annotated[str, Text(LONGEST_NAME, texts.clean_name)]
PersonName = Annotated[str, Text(200, texts.clean_name)]
FullName = Annotated[str, Text(300, texts.clean_name)]
# One line.
Title = Annotated[str, Text(300, texts.clean_line)]
Headline = Annotated[str, Text(500, texts.clean_line)]
Label = Annotated[str, Text(40, texts.clean_line)]
Code = Annotated[str, Text(64, texts.clean_line)]
Tag = Annotated[str, Text(50, texts.clean_line)]
# Several lines.
Reason = Annotated[str, Text(2000, texts.clean_prose)]
ClaimText = Annotated[str, Text(2000, texts.clean_prose)]
Description = Annotated[str, Text(5000, texts.clean_prose)]
LongQuote = Annotated[str, Text(10_000, texts.clean_prose, trimmed=False)]
Context = Annotated[str, StringConstraints(max_length=200), AfterValidator(texts.clean_context)]
"""What stands before or after a quote: it may be empty or blank."""
