"""The generated desk's vocabulary: common words, a long tail of rare names, parties, publishers."""

from __future__ import annotations

import random
from itertools import accumulate


def _list(text: str) -> list[str]:
    return text.split()


COMMON = _list(
    """
    the of and to in that for on with by from has said will was troops border army government
    minister units forces statement police northern region officials military attack president
    deployed reported week support withdrawal agreement mission evidence plan armed group
    situation security council talks confirmed operation soldiers vehicles according area line
    number weapons commander ceasefire exchange return normal regime level reinforced reduced
    increased crossing road village city observers documents photographs satellite convoy
    artillery drones exercise reserve brigade battalion patrol checkpoint barracks airspace
    helicopter depot ministry embassy ambassador spokesman parliament committee inquiry court
    prosecutor arrest detained released wounded killed civilian casualties hospital school
    bridge railway port pipeline power station grid refinery sanctions export import tariff
    budget inflation growth percent million thousand hundred loan debt aid grant election ballot
    turnout candidate coalition opposition protest demonstration strike union workers teachers
    doctors vaccine outbreak cases laboratory sample test result water supply river dam flood
    drought harvest grain price market fuel gas oil coal emissions target climate summit treaty
    clause annex signed ratified suspended violated denied rejected accused responsible campaign
    intelligence network server breach data passport visa refugees camp shelter return asylum
    quota fence coast guard vessel tanker cargo seized route corridor annexation autonomy
    statute referendum municipality mayor ethnic minority language church property compensation
    pension salary contract tender company shares owner audit fraud bribe account transfer bank
    """
)

ADJECTIVES = _list(
    """
    Northern Southern Eastern Western Upper Lower Autumn Spring Winter Summer Coastal Mountain
    River Harbour Frontier Central Old New Great Little
    """
)
TOPICS = _list(
    """
    border election ceasefire budget outbreak flood pipeline summit inquiry strike
    """
)

CAPITALS = _list(
    """
    Washington Belgrade Pristina London Paris Berlin Rome Madrid Vienna Warsaw Prague Budapest
    Sofia Bucharest Athens Ankara Kyiv Moscow Minsk Chisinau Tirana Skopje Podgorica Sarajevo
    Zagreb Ljubljana Brussels Geneva Stockholm Oslo Helsinki Copenhagen Lisbon Dublin Tallinn
    Riga Vilnius Tbilisi Yerevan Baku
    """
)
OFFICES = (
    "Foreign Ministry",
    "Defence Ministry",
    "General Staff",
    "Police",
    "Interior Ministry",
    "Parliament",
)
ROLES = (
    "spokesman",
    "minister",
    "chief of staff",
    "ambassador",
    "police director",
    "member of parliament",
)
PUBLISHERS = (
    "Agency One",
    "The Morning Wire",
    "Danas",
    "Le Quotidien",
    "Abendblatt",
    "Il Corriere",
    "Koha",
    "El Diario",
    "The Border Post",
    "State Television",
    "Radio Free Valley",
    "The Evening Ledger",
    "Novosti",
    "Politika",
    "Gazeta",
    "The Harbour Times",
    "Channel Five",
    "The Dispatch",
    "Public Broadcaster",
    "The Independent Desk",
)

_ONSETS = _list(
    """
    b br c č d dr f g gr h j k kr l m mil n p pr r s st š t tr v vl z ž
    """
)
_MIDDLES = _list(
    """
    a e i o u an en in or ar ov ej
    """
)
_ENDS = _list(
    """
    ić ov ski man sen ez ini escu aitis adze ian oğlu
    """
)


def names(rng: random.Random, count: int) -> list[str]:
    """Distinct invented surnames, some with diacritics, to be a vocabulary's rare words."""
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = "".join(
            rng.choice(_ONSETS) + rng.choice(_MIDDLES) for _ in range(rng.randint(1, 3))
        )
        words[(syllables + rng.choice(_ENDS)).capitalize()] = None
    return list(words)


def zipf(count: int, exponent: float = 1.0) -> list[float]:
    """Cumulative weights of ranks 1..count, for `random.choices(cum_weights=...)`."""
    return list(accumulate(1 / rank**exponent for rank in range(1, count + 1)))
