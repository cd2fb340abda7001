"""Guesses what a form can say of a passage that was selected, each with why.

A guess stands in the form with its reason, or beside it to be taken; whoever records the passage
accepts what they see.  No basis and no stance is guessed: they are evidence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.claims.intake_views import ArticleView
from service.desk.intake import named_voices, nearby_text, passage_language, spoken_days
from service.desk.intake.named_voices import OfferedVoices
from service.desk.intake.spoken_days import SpokenDay
from service.desk.statements.statement_fields import KnownVoices
from service.domain.claims import Kind, Rendering
from service.domain.names import normalize_letters
from service.search.index import stemmer

DAYS_OFFERED = 6
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
    """The words and letters that told it; empty where it is the article's own."""
    spoken_day: SpokenDay | None
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
    spoken_day = (
        spoken_days.find_spoken_day(sentences, published, article["language"])
        if published
        else None
    )
    is_quoted = nearby_text.judge_quotation(text, begin, end)
    language = passage_language.tell_language(words)
    is_foreign = language is not None and _primary(language.tag) != _primary(article["language"])
    wording = "" if is_foreign else propose_wording(words)
    return PassageGuesses(
        rendering=Rendering.VERBATIM if is_quoted else Rendering.PARAPHRASE,
        language=language.tag if language and is_foreign else article["language"],
        language_reason=language.reason if language and is_foreign else "",
        spoken_day=spoken_day,
        days=_list_days(published),
        voices=named_voices.find_voices(
            sentences, voices, article["passages"], article["language"]
        ),
        wording=wording,
        kind=guess_kind(wording),
    )


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
