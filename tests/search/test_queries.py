"""Queries as they are typed, words as they are read, and what finds what."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.errors import Unsearchable
from service.search.finding import snippets
from service.search.index import index_rebuild, ranking, searchable_fields, stemmer, tokenizer
from service.search.index.query_parser import Prefix, parse_query
from service.search.index.ranking import Tier
from service.search.index.searchable_fields import Field, Level, Quoted
from tests.search.pairs import load

KINDS = {Level.TEXT: "text", Level.NAMES: "speaker", Level.QUOTES: "quote"}


def build_fields(text: str, *, names: tuple[str, ...] = (), quotes: Any = ()) -> list[Field]:
    """The fields of a claim; a quote is a text in English or (text, language)."""
    quote_texts = [
        Quoted(*quote) if isinstance(quote, tuple) else Quoted(quote, "en") for quote in quotes
    ]
    return [
        searchable_fields.read_text(text),
        *(searchable_fields.read_name("speaker", name) for name in names),
        *map(searchable_fields.read_quote, quote_texts),
    ]


def is_found(query: str, text: str, **fields: Any) -> bool:
    return ranking.rank_fields(parse_query(query), build_fields(text, **fields)) is not None


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("vucevic", "Miloš Vučević said"),
        ("VUČEVIĆ", "Milos Vucevic said"),
        ("Вучевић", "Miloš Vučević said"),
        ("Vučević", "рекао је Милош Вучевић"),
        ("djokovic", "Đoković"),
        ("Ђоковић", "Djokovic"),
        ("đoković", "ЂОКОВИЋ"),
        ("ljubljana", "Љубљана"),
        ("dzamija", "џамија"),
        ("džamija", "dzamija"),
        ("withdraw", "the withdrawal of troops"),
        ("withdrawals", "they withdraw"),
        ("reduced troops", "Serbia reduces its troop level"),
        ("troops reduced", "Serbia reduced troops"),
        ("8350", "from 8,350 to 4,500"),
        ("8.350", "from 8,350 to 4,500"),
        ("8,350", "from 8\u202f350 on"),
        ("8’350", "from 8350 on"),
        ("1,234,567", "1234567 people"),
        ('"operating regime"', "the operating regimes of units"),
        ("“operating regime”", "the operating regime"),
        ("serbia", "Serbia’s army"),
        ("obrien", "Mr O'Brien"),
        ("state-department", "the State Department says"),
        ("withdr*", "a withdrawal"),
        ("ВУЧ*", "Vučević"),
        ("serbia -troops", "Serbia says so"),
        ('serbia -"kosovo border"', "Serbia and the border of Kosovo"),
        ("ﬁre", "Fire at the border"),
        ("serbia - kosovo", "Kosovo and Serbia"),
        ("& serbia !", "Serbia"),
        ("NATO KFOR", "KFOR is NATO's"),
        ("c\u0301ao", "ćao"),
        ("co\u00adoperation", "cooperation"),
    ],
)
def test_query_finds_words_in_any_form(query: str, text: str) -> None:
    """Case, accents, script, word forms, digit groups and order make no difference."""
    assert is_found(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("vucic", "Miloš Vučević said"),
        ("835", "from 8,350 to 4,500"),
        ("50", "from 8,350"),
        ('"regime operating"', "the operating regime"),
        ('"regime of normal"', "the regime, of things normal"),
        ("serbia -troops", "Serbia reduced troops"),
        ("serbia -withdrawals", "Serbia will withdraw"),
        ('serbia -"kosovo border"', "Serbia at the Kosovo border"),
        ("serbia -tro*", "Serbia reduced troops"),
        ("withdrawx*", "a withdrawal"),
        ("state-department", "the department of state"),
        ("serbia kosovo", "Serbia"),
    ],
)
def test_query_finds_nothing_without_all_its_terms(query: str, text: str) -> None:
    """All of it must be found, as it stands, and nothing that is excluded."""
    assert not is_found(query, text)


def test_each_text_is_stemmed_in_its_language() -> None:
    """Serbian and Albanian inflect otherwise than English, and names everywhere."""
    for query, text, language in (
        ("vojska", "povlačenje vojske", "sr"),
        ("војска", "povlačenje vojskom", "sr-Latn"),
        ("jedinica", "povučene jedinicama", "hr"),
        ("qeveri", "tha qeveria", "sq"),
        ("qeverisë", "tha qeverinë", "sq-XK"),
        ("presidenti", "i presidentit", "sq"),
        ("Kosovë", "e Kosovës", "sq"),
        ('"presidenti i kosovës"', "presidenti i Kosovës", "sq"),
    ):
        assert is_found(query, "", quotes=[(text, language)]), (query, text)
    for query in ("Vučevića", "Vucevicu", "vucevic", "Вучевићу", "mil*"):
        assert is_found(query, "", names=("Miloš Vučević, Defence Minister",)), query


READINGS = (2, "53e65528ee231d39e0e471742a8600ec56ca444bc000c5a1d167cfbf66f67f6e")
"""The version of the index, and the SHA-256 of how labelled pairs and `INFLECTIONS` are read."""
INFLECTIONS = {
    "sr": (
        "vojska vojske vojsci vojskom povlačenje povučene jedinica jedinicama granica граници "
        "ministar ministarstvo predsednik predsednika izjavio saopšteno Косова на Косову "
        "војника полицијом Vučević Vučevića Mojsiloviću bezbednosti"
    ),
    "sq": (
        "ushtria ushtrisë ushtrinë ushtrive ministër ministri ministrave ministrash trupat trupash "
        "qeveria qeverisë kufirit kufijve presidentit presidentes presidentesh Kosova Kosovës "
        "Kosovën policisë forcat forcave deklaroi tërhequr vogël vogla zyrtarëve zyrtarësh "
        "vendosh shkosh"
    ),
    "en": (
        "troops withdrawn withdrawal withdrawing confirmed confirmation officials stationed "
        "ministries minister's spokesmen denies denied relationships"
    ),
}
"""Words with many endings, by language: the labelled pairs are in English for the most part."""


def test_words_are_read_as_desks_have_indexed_them() -> None:
    """Another stem of any word asks every desk for a new index, and it is to be built."""
    pairs = load("choosing") + load("judging")
    texts = sorted({claim.text for pair in pairs for claim in (pair.one, pair.other)})
    readings = [searchable_fields.read_text(text).readings for text in texts]
    readings += [
        searchable_fields.read_quote(Quoted(text, language)).readings
        for language, text in INFLECTIONS.items()
    ]
    digest = sha256(repr(readings).encode()).hexdigest()
    assert (index_rebuild.VERSION, digest) == READINGS, (
        "words are read in another way, unless only the words of this test changed: raise "
        f'index_rebuild.VERSION, and let READINGS be (that version, "{digest}")'
    )


def test_rank_is_better_the_closer_the_words_stand() -> None:
    """As one phrase in the wording, in the wording, with the names, anywhere; no phrase crosses
    from one text into the next."""
    query = parse_query("reduced troops")
    for fields, tier in (
        (build_fields("Serbia reduced troops"), Tier.TOGETHER),
        (build_fields("Troops were reduced"), Tier.TEXT),
        (build_fields("It was reduced", names=("Minister of troops",)), Tier.NAMES),
        (build_fields("It was reduced", quotes=("the troops",)), Tier.ANYWHERE),
        (build_fields("", quotes=("reduced", "troops")), Tier.ANYWHERE),
        (build_fields("reduced"), None),
    ):
        assert ranking.rank_fields(query, fields) is tier
    assert not is_found('"reduced troops"', "", quotes=("reduced", "troops"))
    assert ranking.rank_fields(parse_query("troops"), build_fields("troops")) is Tier.TEXT
    assert (
        ranking.rank_fields(parse_query("reduc* troops"), build_fields("reduced troops"))
        is Tier.TEXT
    )


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("", "no word"),
        ("   ", "no word"),
        ("!!! … ,", "no word"),
        ('""', "no word"),
        ("ь", "no word"),
        ('"operating regime', "not closed"),
        ('a"b', "not closed"),
        ("“", "not closed"),
        ("-serbia", "exclusions alone"),
        ('-"a b" -c', "exclusions alone"),
        ("*", "before an asterisk"),
        ("se*", "before an asterisk"),
        ("serbia -a*", "before an asterisk"),
        ("*serbia", "end of a word"),
        ("ser*bia", "end of a word"),
        ("serbia**", "end of a word"),
        ("serbia\x00", "NUL"),
        ("a " * 17, "at most 16 words"),
        ('"' + "a " * 17 + '"', "at most 16 words"),
        ("a" * 501, "at most 500 characters"),
    ],
)
def test_refusal_of_a_query_says_what_to_do(query: str, advice: str) -> None:
    """It names the parameter and the remedy."""
    with pytest.raises(Unsearchable, match=advice) as refusal:
        parse_query(query)
    assert refusal.value.extras["errors"][0]["loc"] == ["query", "q"]


def test_prefix_may_follow_a_hyphen() -> None:
    """The part before the hyphen is a word of its own."""
    query = parse_query("state-depart*")
    assert Prefix("depart") in query.required
    assert len(query.required) == 2


@given(st.text(max_size=600))
@example('-"')
@example("-\x00-\"*'")
@example("\ud800")
def test_any_text_is_parsed_or_refused(typed: str) -> None:
    """What is parsed asks for something."""
    try:
        query = parse_query(typed)
    except Unsearchable:
        return
    assert query.required
    ranking.rank_fields(query, build_fields(typed))


@given(st.text())
@example("ϓ")
@example("𝐕㎏")
@example("ǆ")
@example("İ")
@example("1\u20442")
def test_normalizing_a_word_twice_changes_nothing(text: str) -> None:
    """A normalized word is letters and digits, in lower case, and of bounded length."""
    word = tokenizer.normalize_word(text)
    assert tokenizer.normalize_word(word) == word
    assert word == "" or (word.isalnum() and len(word.encode()) <= tokenizer.MAX_WORD_BYTES)


WORDS = st.sampled_from(
    ["Serbia", "troops", "reduced", "8,350", "Vučević", "Вучевић", "the", "…", "withdrawal,"]
)
SENTENCE = st.lists(WORDS, max_size=90).map(" ".join)


@given(SENTENCE, st.lists(SENTENCE, max_size=3), st.lists(WORDS, min_size=1, max_size=3))
@example("Serbia " * 60, [], ["Serbia"])
def test_marks_hold_words_of_the_query(text: str, quotes: list[str], words: list[str]) -> None:
    """Marks lie within their snippet, in order, apart, and hold a word of the query each."""
    try:
        query = parse_query(" ".join(words))
    except Unsearchable:
        return
    fields = build_fields(text, quotes=quotes)
    found_snippets = snippets.list_snippets(query, fields)
    if ranking.rank_fields(query, fields) is not None:
        assert found_snippets
    assert len(found_snippets) <= snippets.MAX_SNIPPETS
    for each in found_snippets:
        assert len(each["text"]) <= snippets.EXCERPT_CHARACTERS + 42
        assert each["text"].strip("…") in " ".join((text, *quotes))
        last = -1
        assert each["marks"]
        for start, end in each["marks"]:
            assert last < start < end <= len(each["text"])
            last = end
            marked_field = searchable_fields.read_field(
                "quote", Level.QUOTES, each["text"][start:end], (stemmer.ENGLISH,)
            )
            assert any(term.find_in(marked_field) for term in query.required)


def test_snippet_shows_marks_with_their_surroundings() -> None:
    """The text first; then a quote only for what was not yet found; marks count characters."""
    before, after = "word " * 40, " word" * 80
    query = parse_query('"operating regime" vucevic')
    found_snippets = snippets.list_snippets(
        query,
        build_fields(
            "The operating regime",
            names=("Miloš Vučević, Defence Minister",),
            quotes=("Vučević again",),
        ),
    )
    assert found_snippets == [
        {"field": "text", "text": "The operating regime", "marks": [[4, 20]]},
        {"field": "speaker", "text": "Miloš Vučević, Defence Minister", "marks": [[6, 13]]},
    ]
    (long,) = snippets.list_snippets(parse_query("regime"), build_fields(f"{before}regime{after}"))
    (mark,) = long["marks"]
    assert long["text"][slice(*mark)] == "regime"
    assert long["text"].startswith("…word")
    assert long["text"].endswith("…")
