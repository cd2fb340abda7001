"""How the words of the languages are spelled in articles: both scripts, with and without accents.

A word of a list is written with its accents, in Latin letters, its other forms after slashes.
"""

import re
from collections.abc import Callable, Sequence

ENGLISH_WEEKDAYS = (
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
)
ENGLISH_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second"),
    *("twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh"),
    *("twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"),
)
SERBIAN_WEEKDAYS = (
    "ponedeljak/ponedjeljak",
    "utorak",
    "sredu/srijedu",
    "četvrtak",
    "petak",
    "subotu",
    "nedelju/nedjelju",
)
"""As they stand after “u”."""
_UNITS = ("prvog", "drugog", "trećeg", "četvrtog", "petog", "šestog", "sedmog", "osmog", "devetog")
SERBIAN_ORDINALS = (
    *_UNITS,
    *("desetog", "jedanaestog", "dvanaestog", "trinaestog", "četrnaestog", "petnaestog"),
    *("šesnaestog", "sedamnaestog", "osamnaestog", "devetnaestog", "dvadesetog"),
    *(f"dvadeset {unit}/dvadeset i {unit}" for unit in _UNITS),
    *("tridesetog", "trideset prvog/trideset i prvog"),
)
"""In the genitive, as the days of a month are."""
ALBANIAN_WEEKDAYS = ("hënën", "martën", "mërkurën", "enjten", "premten", "shtunën", "dielën")
"""As they stand after “të”."""
FRENCH_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
SERBIAN_TAGS = ("sr", "sh", "hr", "bs", "cnr", "me")
_PLAIN = {"č": "[čc]", "ć": "[ćc]", "š": "[šs]", "ž": "[žz]", "đ": "(?:đ|dj)"}
_PAIRS = {"lj": "љ", "nj": "њ", "dž": "џ"}
_CYRILLIC = dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True))


def spell_cyrillic(word: str) -> str:
    """Write a Serbian word in Cyrillic letters."""
    for latin, cyrillic in _PAIRS.items():
        word = word.replace(latin, cyrillic)
    return "".join(_CYRILLIC.get(letter, letter) for letter in word)


def spell_serbian(word: str) -> str:
    """Return a pattern for a Serbian word in both scripts, in Latin also without accents."""
    latin = "".join(_PLAIN.get(letter, re.escape(letter)) for letter in word)
    return f"(?:{latin}|{re.escape(spell_cyrillic(word))})"


def spell_albanian(word: str) -> str:
    """Return a pattern for an Albanian word, also without accents."""
    return re.escape(word).replace("ë", "[ëe]").replace("ç", "[çc]")


def spell_french(word: str) -> str:
    """Return a pattern for a French word, with either apostrophe."""
    return re.escape(word).replace("’", "[’']")


def split_words(words: str) -> frozenset[str]:
    return frozenset(words.split())


def list_serbian(words: str) -> frozenset[str]:
    """Return words in both scripts."""
    return frozenset((*words.split(), *map(spell_cyrillic, words.split())))


def list_albanian(words: str) -> frozenset[str]:
    """Return words with and without their ë."""
    return frozenset((*words.split(), *words.replace("ë", "e").split()))


def choose(words: str, spell: Callable[[str], str]) -> str:
    """Return a pattern for any one of the words."""
    return f"(?:{'|'.join(map(spell, words.split()))})"


def list_each(letter: str, words: Sequence[str], spell: Callable[[str], str]) -> str:
    """Return a pattern for any of the words, whose group says which: the letter and its number."""
    return "(?:{})".format(
        "|".join(
            f"(?P<{letter}{number}>{'|'.join(map(spell, forms.split('/')))})"
            for number, forms in enumerate(words)
        )
    )


def capitalise(pattern: str) -> str:
    """Return a pattern for what the other matches where it begins with a capital."""
    return rf"(?=[^\W\d_a-zčćšžđçëа-џ])(?i:{pattern})"
