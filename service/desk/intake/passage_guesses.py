"""Guesses what a form can say of a passage that was selected, each with why.

A guess stands in the form with its reason, or beside it to be taken; whoever records the passage
accepts what they see.  No basis and no stance is guessed: they are evidence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.claims.intake_views import ArticleView
from service.desk.intake import named_voices, nearby_text, spoken_days
from service.desk.intake.named_voices import OfferedVoices
from service.desk.statements.statement_fields import KnownVoices
from service.domain.claims import Kind, Rendering
from service.domain.names import normalize_letters
from service.search.index import stemmer

DAYS_OFFERED = 6
_SCRIPTS = (
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
)
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LETTERS = (
    ("sr", re.compile("[ђћљњџј]", re.IGNORECASE)),
    ("uk", re.compile("[іїєґ]", re.IGNORECASE)),
    ("ru", re.compile("[ыэёъ]", re.IGNORECASE)),
    ("sr", re.compile("[čćđšž]", re.IGNORECASE)),
    ("sq", re.compile("ë", re.IGNORECASE)),
)
"""Letters that one of the languages has and the others lack, in this order."""
_TAGS = {stemmer.ENGLISH: "en", stemmer.SERBIAN: "sr", stemmer.ALBANIAN: "sq"}
_NUMBER_FIRST = re.compile(
    r"(?:(?:about|almost|at least|nearly|over|more than|some) )?(?:\d[\d,.]*|(?:a |two |three )?"
    r"(?:hundred|thousand|dozen)|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-\w+)?)\b",
    re.IGNORECASE,
)
_FUTURE = re.compile(r"\b(?:will|shall|going to)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PassageGuesses:
    """What was understood of a passage, and from what."""

    rendering: Rendering
    language: str
    language_reason: str
    """Empty where it is the article's own."""
    said_on: date | None
    said_on_words: str
    days: tuple[date, ...]
    """The days up to the article's, the latest first, to be taken by one click."""
    voices: OfferedVoices
    wording: str
    """The first clause of the words, as the wording of a claim; empty in another language."""
    kind: Kind | None


def guess_passage(
    article: ArticleView, begin: int, end: int, voices: KnownVoices
) -> PassageGuesses:
    """Guess what the form can say of the words from `begin` to `end` of an article's text."""
    text = article["text"]
    words = text[begin:end]
    sentences = nearby_text.list_sentences(text, begin, end)
    published = _read_day(article["source"]["published_at"])
    spoken_day = spoken_days.find_spoken_day(sentences, published) if published else None
    is_quoted = nearby_text.judge_quotation(text, begin, end)
    language = guess_language(words) or article["language"]
    is_foreign = _primary(language) != _primary(article["language"])
    wording = "" if is_foreign else propose_wording(words)
    return PassageGuesses(
        rendering=Rendering.VERBATIM if is_quoted else Rendering.PARAPHRASE,
        language=language if is_foreign else article["language"],
        language_reason="the language of the words themselves" if is_foreign else "",
        said_on=spoken_day.day if spoken_day else None,
        said_on_words=spoken_day.words if spoken_day else "",
        days=_list_days(published),
        voices=named_voices.find_voices(sentences, voices, article["passages"]),
        wording=wording,
        kind=guess_kind(wording),
    )


def guess_language(words: str) -> str | None:
    """Guess a language by its script, then by letters, then by common words; None if none tells."""
    for tag, pattern in (*_SCRIPTS, *_LETTERS):
        if pattern.search(words):
            return tag
    if _CYRILLIC.search(words):
        return None
    plain = re.findall(r"\w+", normalize_letters(words))
    languages = stemmer.guess_languages(words, plain)
    return _TAGS[languages[0]] if len(languages) == 1 else None


def propose_wording(words: str) -> str:
    """Return the first clause of the words as a claim may be worded: whoever records it edits it.

    A clause that begins with when, if and the like is none by itself.
    """
    line = " ".join(words.split())
    clause = re.split(r"[,;.!?](?:\s|$)", line, maxsplit=1)[0]
    is_whole = len(clause.split()) < 4 or re.match(r"(?:if|when|while|as|for|since)\b", line, re.I)
    return (line if is_whole else clause).strip(' ,;:.“”„«»"')


def guess_kind(wording: str) -> Kind | None:
    """Guess what kind of claim a wording is; None where nothing tells."""
    if _FUTURE.search(wording):
        return Kind.PREDICTION
    return Kind.FIGURE if _NUMBER_FIRST.match(wording) else None


def rank_claims(words: str, claims: Sequence[tuple[str, str]]) -> list[str]:
    """Return the ids of claims that share words with a passage, the most first."""
    own = _stem_words(words)
    scores = {claim: len(own & _stem_words(text)) for claim, text in claims}
    return sorted((claim for claim in scores if scores[claim]), key=lambda each: -scores[each])


def _stem_words(text: str) -> set[str]:
    plain = re.findall(r"\w{4,}", normalize_letters(text))
    return {stemmer.stem_word(word, stemmer.ENGLISH) for word in plain}


def _list_days(published: date | None) -> tuple[date, ...]:
    if published is None or published.toordinal() <= DAYS_OFFERED:
        return ()
    return tuple(published - timedelta(days=back) for back in range(DAYS_OFFERED))


def _read_day(instant: str | None) -> date | None:
    return date.fromisoformat(instant[:10]) if instant else None


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
