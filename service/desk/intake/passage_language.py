"""Tells the language of a passage by its script, letters and common words, or says nothing.

A library that knows short quotes well (lingua) weighs 160 MB and cannot say what it saw; here what
told the language is shown (decision 41).
"""

import re
from typing import NamedTuple

from service.desk.intake import spellings


class ToldLanguage(NamedTuple):
    """A language, and by what it was told."""

    tag: str
    reason: str


SHARED = ", which Bosnian and Croatian have too"
LEAST = 2
"""How many different words have to tell, or one and a letter."""
_SCRIPTS = (
    ("ar", "Arabic", re.compile("[\u0600-\u06ff]")),
    ("he", "Hebrew", re.compile("[\u0590-\u05ff]")),
    ("el", "Greek", re.compile("[\u0370-\u03ff]")),
)
_PERSIAN = re.compile("[پچژگٹڈڑے]")
"""Letters that Arabic lacks, of Persian, Urdu and others."""
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_CYRILLIC_LETTERS = (
    ("mk", re.compile("[ѓќѕ]", re.IGNORECASE)),
    ("sr", re.compile(r"[ђћ]|ије\b", re.IGNORECASE)),
    ("uk", re.compile("[іїєґ]", re.IGNORECASE)),
    ("ru", re.compile("[ыэё]", re.IGNORECASE)),
)
"""What one language has and none of the others that are written so."""
_LATIN_LETTERS = (
    ("sr", re.compile("[čćđšž]", re.IGNORECASE)),
    ("sq", re.compile("ë", re.IGNORECASE)),
    ("fr", re.compile("[çéèêàùœ]", re.IGNORECASE)),
)
"""What a language has, and others too: it tells nothing by itself."""
_IJEKAVIAN = re.compile(
    r"\b(?:vrijem|prije\b|gdje\b|poslije|riječ|mjest|vijeć|svijet|dvije\b|tjed|tko\b|uvijek)|"
    r"\b(?:вријем|прије\b|гдје\b|послије|ријеч|мјест|вијећ|свијет|двије\b|увијек)",
    re.IGNORECASE,
)
"""Serbian, Bosnian, Croatian or Montenegrin: nothing says which."""
_TELLING = {
    "en": "the and are were have had has with from that they this which been not his their our we "
    "of is was will would",
    "sr": "i u su nije nisu koji koja koje će ćemo sam što šta ili zbog kod kao iz nema bio bila "
    "sve je ne da smo bilo na se za od ali ranije posle pre dve gde mi",
    "sq": "nuk është jemi janë nga dhe në për një kjo ky këto ata ajo ka kanë kemi ishte ishin "
    "por asnjë edhe si ne të e i do më me pa që unë eshte jane nje",
    "fr": "les des une est sont nous vous ils elles qui pas dans avec pour cette été mais aux du "
    "la le un et ne que je j’ai c’est",
    "sl": "in ki v so je da ne smo bilo se za na pri tudi ni bo",
    "cs": "a že je se v na byl byla jsme není za i u od",
    "de": "der die das und ist nicht wir sie ein eine mit von zu in was war",
    "it": "il che di è non la le un una per con sono noi si i e da in",
    "es": "el los las que de es no un una por con son la se y en más",
    "nl": "de het een en van is niet wij zijn was we of in had",
    "pt": "o os as que de é não um uma por com são da do se e em",
    "mk": "и на се да е од што ќе не во беше ние за со",
    "ru": "и в не на что мы это был была с за от по как",
    "bg": "и на се да е от не в беше ние за със са",
}
"""Common words of languages, and of others that share some of them."""
_WORDS = {
    tag: frozenset(words.split())
    | ({spellings.spell_cyrillic(word) for word in words.split()} if tag == "sr" else set())
    for tag, words in _TELLING.items()
}
_OFFERED = frozenset(("en", "sr", "sq", "fr"))
_NO_NAME = re.compile(r"\b[^\W\d_A-ZČĆĐŠŽÇÉÈÊËÀ]\w*")
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")


def tell_language(words: str) -> ToldLanguage | None:
    """Tell the language of some words; None where nothing tells it for certain."""
    for tag, script, pattern in _SCRIPTS:
        if pattern.search(words):
            return None if _PERSIAN.search(words) else ToldLanguage(tag, f"{script} letters")
    is_cyrillic = bool(_CYRILLIC.search(words))
    letters = _CYRILLIC_LETTERS if is_cyrillic else _LATIN_LETTERS
    # A name keeps its letters in any language that writes it so.
    plain = words if is_cyrillic else " ".join(_NO_NAME.findall(words))
    signs = {tag: match[0] for tag, pattern in letters if (match := pattern.search(plain))}
    if _IJEKAVIAN.search(words):
        return None
    if is_cyrillic and len(signs) == 1:
        [(tag, sign)] = signs.items()
        return ToldLanguage(tag, f"“{sign}”")
    return _tell_by_words(words, signs, is_cyrillic)


def _tell_by_words(words: str, signs: dict[str, str], is_cyrillic: bool) -> ToldLanguage | None:
    """Tell a language by the words that no other has."""
    spoken_words = dict.fromkeys(word.casefold().replace("'", "’") for word in _WORD.findall(words))
    own: dict[str, list[str]] = {tag: [] for tag in _WORDS}
    for word in spoken_words:
        tags = [tag for tag, own_words in _WORDS.items() if word in own_words]
        if len(tags) == 1:
            own[tags[0]].append(word)
    ranked = sorted(own, key=lambda tag: -len(own[tag]))
    best, second = ranked[0], len(own[ranked[1]])
    sign = "" if is_cyrillic or len(signs) > 1 else signs.get(best, "")
    if best not in _OFFERED or len(own[best]) + bool(sign) < LEAST or second * 2 > len(own[best]):
        return None
    if signs and best not in signs and not is_cyrillic:
        return None
    signs_read = ", ".join(f"“{each}”" for each in [*own[best][:3], *([sign] if sign else [])])
    return ToldLanguage(best, signs_read + (SHARED if best == "sr" and not is_cyrillic else ""))
