"""The words on badges, in every language of print lines.

No native speaker has checked the languages other than English yet (docs/print-lines.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from service.domain.claims import Status
from service.domain.labels import STATUSES
from service.domain.print_phrases import Language, write_in_latin


@dataclass(frozen=True, slots=True)
class BadgeWords:
    """The words on badges in one language; `marks` are by what they are in English."""

    statuses: Mapping[Status, str]
    void: str
    hold: str
    as_of: str
    marks: Mapping[str, str]


MARKS = (
    "refuted",
    "conflicting evidence",
    "unprovable",
    "imported",
    "challenged",
    "override",
    "withdrawn",
    "superseded",
    "merged",
    "recorded by mistake",
    "do not use",
)


def _build(
    statuses: tuple[str, ...], void: str, hold: str, as_of: str, marks: tuple[str, ...]
) -> BadgeWords:
    return BadgeWords(
        dict(zip(Status, statuses, strict=True)),
        void,
        hold,
        as_of,
        dict(zip(MARKS, marks, strict=True)),
    )


_SERBIAN = (
    ("Изречено", "Чека потврду", "Потврђено", "Оспорено"),
    "Поништено",
    "Задржано",
    "стање: {date}",
    (
        "оповргнуто",
        "опречни докази",
        "недоказиво",
        "преузето",
        "оспоравано",
        "мимо правила",
        "повучено",
        "замењено",
        "спојено",
        "забележено грешком",
        "не користити",
    ),
)

BADGE_WORDS: dict[Language, BadgeWords] = {
    Language.EN: _build(tuple(STATUSES.values()), "Void", "Hold", "as of {date}", MARKS),
    Language.SR: _build(*_SERBIAN),
    Language.SR_LATN: _build(*write_in_latin(_SERBIAN)),
    Language.SQ: _build(
        ("I pohuar", "Në pritje të konfirmimit", "I konfirmuar", "I kundërshtuar"),
        "I anuluar",
        "Në pritje",
        "gjendja më {date}",
        (
            "i përgënjeshtruar",
            "prova kontradiktore",
            "i paprovueshëm",
            "i importuar",
            "i vënë në dyshim",
            "jashtë rregullave",
            "i tërhequr",
            "i zëvendësuar",
            "i bashkuar",
            "i regjistruar gabimisht",
            "mos e përdorni",
        ),
    ),
    Language.FR: _build(
        ("Affirmé", "En attente de confirmation", "Confirmé", "Contesté"),
        "Annulé",
        "Retenu",
        "au {date}",
        (
            "réfuté",
            "éléments contradictoires",
            "invérifiable",
            "repris d’ailleurs",
            "mis en doute",
            "hors règles",
            "retiré",
            "remplacé",
            "fusionné",
            "enregistré par erreur",
            "ne pas utiliser",
        ),
    ),
}
"""The words of every language."""
