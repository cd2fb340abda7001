"""One word in several spellings: with another apostrophe, hyphen, script or ending."""

import pytest

from service.domain import names
from service.search.index import stemmer
from tests.search.test_queries import is_found

SAME = {
    "apostrophes": ("O'Neill", "O’Neill", "O‘Neill", "OʼNeill", "O＇Neill", "oneill"),
    "hyphens": ("re-opening", "reopening", "re‐opening", "re‑opening", "re–opening", "re—opening"),
    "soft hyphens": ("cooperation", "co\u00adoperation", "co-operation", "co\u200boperation"),
    "endings after an apostrophe": ("Iğdır", "Iğdır'da", "IĞDIR’ın", "igdir", "Igdir'dan", "ığdır"),
    "articles": ("ambassade", "l'ambassade", "L’Ambassade"),
    "letters left out": ("Qur'an", "Quran", "Qur’an"),
    "numbers": ("F-16", "F16", "F–16"),
    "đ": ("Đukanović", "Djukanović", "Dukanovic", "Ђукановић", "đukanovic", "DJUKANOVIĆ"),
    "Serbian in both scripts": ("vojska", "vojske", "војсци", "Војском", "vojsku"),
    "Serbian plurals": ("granica", "granice", "граници", "granicama"),
    "Albanian cases": ("ushtria", "ushtrisë", "ushtrinë", "ushtri", "ushtrive"),
    "Albanian ë": ("ministër", "ministri", "ministrit", "ministrin", "ministrave"),
    "Albanian plurals": ("trupat", "trupave", "trupash", "trupa"),
    "Albanian names": ("Kosova", "Kosovës", "Kosovën", "Kosovë"),
    "emoji": ("🕊", "🕊️"),
    "emoji of any colour": ("👍", "👍🏽", "👍🏿"),
    "flags": ("🇷🇸",),
    "families": ("👨\u200d👩\u200d👧",),
    "half width": ("ガザ", "ｶﾞｻﾞ"),
}


@pytest.mark.parametrize("spellings", SAME.values(), ids=list(SAME))
def test_every_spelling_finds_every_other(spellings: tuple[str, ...]) -> None:
    """Alone, in a sentence, and within a phrase."""
    for query in spellings:
        for spelling in spellings:
            assert is_found(query, spelling), (query, spelling)
            assert is_found(query, f"12: {spelling}, 13."), (query, spelling)
            assert is_found(f'"12 {query} 13"', f"11 12 {spelling} 13 14"), (query, spelling)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("Neill", "Mr O'Neill said"),
        ("O'Neill", "Mr Neill said"),
        ("opening", "the re-opening"),
        ('"reopening of the border"', "the re-opening of the border"),
        ('"re-opening of the border"', "the reopening of the border"),
        ("reop*", "the re-opening"),
        ("alassad", "al-Assad"),
        ("assad", "al-Assad"),
        ("don’t", "they dont"),
        ("Ivoire", "Côte d'Ivoire"),
        ("中国", "中国军队撤退"),
        ("军队", "中国军队撤退"),
        ("中国军队", "中国军队撤退"),
        ("军", "中国军队撤退"),
        ("退", "中国军队撤退"),
        ("中国*", "中国军队撤退"),
        ("2023年", "2023年10月"),
        ("東京", "東京都に行く"),
        ("กองทัพ", "กองทัพไทยถอน"),
        ("ไทย", "กองทัพไทยถอน"),
        ("🔥 fire", "a fire 🔥🔥🔥"),
        ('"ceasefire 🕊️"', "ceasefire 🕊 now"),
    ],
)
def test_part_of_a_word_or_text_is_found(query: str, text: str) -> None:
    """Parts of compounds, and any run of characters in a text without spaces."""
    assert is_found(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("ort", "O'Neill"),
        ("中军", "中国军队"),
        ("国中", "中国军队"),
        ("军队国", "中国军队"),
        ("🔥", "🕊"),
        ("810", "8-10 people"),
        ("don", "they don't"),
        ("🇷🇸", "🇽🇰"),
    ],
)
def test_what_only_looks_alike_is_not_found(query: str, text: str) -> None:
    assert not is_found(query, text)


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("The army withdrew from the border", (stemmer.ENGLISH,)),
        ("Vojska se povlači od granice", (stemmer.SERBIAN,)),
        ("Војска", (stemmer.SERBIAN,)),
        ("Ushtria u tërhoq nga kufiri dhe nuk është atje", (stemmer.ALBANIAN,)),
        ("Troops withdrew", stemmer.LANGUAGES),
    ],
)
def test_language_of_a_text_is_told_by_its_common_words(
    text: str, languages: tuple[int, ...]
) -> None:
    """Where they do not tell, the text is stemmed in every language."""
    words = names.normalize_spelling(text).split()
    assert stemmer.guess_languages(text, words) == tuple(languages)


@pytest.mark.parametrize("spellings", [SAME["apostrophes"], SAME["đ"]])
def test_names_are_folded_as_words_are(spellings: tuple[str, ...]) -> None:
    """What search takes for one word is one party, and one speaker."""
    assert len({names.normalize_spelling(spelling) for spelling in spellings}) == 1
    marked_name = f"{spellings[0][0]}\u200d{spellings[0][1:]}"
    assert names.normalize_spelling(marked_name) == names.normalize_spelling(spellings[0])
