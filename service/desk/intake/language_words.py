"""The words of each language by which a text says who spoke and when: days, verbs, offices.

The languages are those of print lines.  No library has these words: what CLDR (Babel) knows of a
weekday is how it stands in a calendar, not after “u” or “të”, and dateparser, tried on articles,
reads neither “u sredu” nor “të hënën” (decision 41).  A language that is not here is not read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from service.desk.intake import spellings
from service.desk.intake.spellings import choose, list_each
from service.domain.partial_dates import MONTHS as ENGLISH_MONTHS
from service.domain.print_phrases import PHRASES, Language

_DAY, _YEAR = r"(?P<day>\d\d?)", r"(?P<year>\d{4})\b"
_NAME = r"[^\W\d_][\w’'-]*"


def _compile(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class LanguageWords:
    """What tells a speaker and a day in one language."""

    days: tuple[re.Pattern[str], ...]
    """Phrases for a day.  Groups: `day`, `year`, `month_number`; w0 … w6 for weekdays from Monday
    on, m0 … m11 for months, o0 … for the days of a month in words, n0 … for that many days back."""
    until: re.Pattern[str]
    """Words before such a phrase with which it is no day of speaking: since, until."""
    saying: re.Pattern[str]
    """Verbs of saying."""
    bodies: tuple[re.Pattern[str], ...]
    """Names of organisations, in the first group."""
    offices: re.Pattern[str]
    """The role that ends where a name begins, in the group that matches."""
    appositions: re.Pattern[str]
    """The role that begins where a name ends."""
    unnamed: re.Pattern[str]
    """Somebody who is described and not named, in the first group."""
    withheld: re.Pattern[str]
    """Words that say that a name is withheld."""
    titles: re.Pattern[str]
    """An office with a capital, which is no part of a name."""
    no_names: frozenset[str]
    """Words that begin a sentence, and no name, in lower case."""
    endings: frozenset[str] = frozenset()
    """What may follow a surname in another case, without diacritics."""
    changed_endings: frozenset[str] = frozenset()
    """What may stand for the last a of a surname."""


def _build_offices(heads: str, before: str = "") -> re.Pattern[str]:
    """Build the pattern of a role, by the word with which it begins, up to the name."""
    return re.compile(rf"\b((?:{before})?(?:{heads})(?: {_NAME}){{0,6}}?),? $", re.IGNORECASE)


def _build_appositions(heads: str, before: str = "", article: str = "") -> re.Pattern[str]:
    """Build the pattern of a role, by the word with which it begins, after the name."""
    return re.compile(
        rf", (?:{article})?((?:{before})?(?:{heads})\b[^,.;:]{{0,60}})[,.]", re.IGNORECASE
    )


_PART_OF_DAY = r"(?:the (?:morning|afternoon|evening|night) of )?"
_ENGLISH_MONTH = list_each("m", ENGLISH_MONTHS, re.escape)
_ENGLISH_TITLES = (
    "Minister|President|General|Gen\\.|Secretary|Ambassador|Colonel|Col\\.|Major|Mayor|Director"
    "|Chief|Chancellor|Governor|Senator|Commissioner|Judge|Dr\\.|Mr\\.|Mrs\\.|Ms\\."
)
"""Offices that are written with a capital before a name."""
_ENGLISH_ROLE = r"(?!(?:if|that|when|and|or|but|by|to|while|as|than|after|before)\b)" + _NAME
ENGLISH = LanguageWords(
    days=_compile(
        rf"\b(?:late |early )?on {list_each('w', spellings.ENGLISH_WEEKDAYS, re.escape)}\b",
        rf"\bon {_PART_OF_DAY}{_DAY}(?:st|nd|rd|th)? {_ENGLISH_MONTH}\b(?:,? {_YEAR})?",
        rf"\bon {_PART_OF_DAY}{_ENGLISH_MONTH} {_DAY}(?:st|nd|rd|th)?\b(?:,? {_YEAR})?",
        rf"\bon {_PART_OF_DAY}the {list_each('o', spellings.ENGLISH_ORDINALS, re.escape)}\b"
        rf"(?: of {_ENGLISH_MONTH}\b)?",
        rf"\b{list_each('n', ('today', 'yesterday'), re.escape)}\b",
    ),
    until=re.compile(r"\b(?:since|until|till|before|after|from|by) $", re.IGNORECASE),
    saying=re.compile(
        r"\b(?:said|says|told|tells|added|adds|stated|states|announced|announces|claimed|claims"
        r"|insisted|insists|wrote|writes|replied|replies|according to|denied|denies|confirmed"
        r"|confirms|warned|warns|asked|asks)\b"
    ),
    bodies=(),
    offices=re.compile(
        rf"\b((?:[^\W\da-z][\w’'-]* ){{0,3}}(?:{_ENGLISH_TITLES})),? $"
        r"|\b(?:[Tt]he|[Ii]ts|[Tt]heir|[Hh]is|[Hh]er|[Oo]ur|[Aa]n?) "
        rf"((?!part,)(?:{_ENGLISH_ROLE} ){{0,3}}?{_ENGLISH_ROLE}?)(?: himself| herself)?,? $"
    ),
    appositions=re.compile(r", (?:the |an? |its )?((?!who\b|which\b)[^\W\d_][^,.;:]{1,48})[,.]"),
    unnamed=re.compile(r"\b([Aa]n? [^,.;:]{3,160}), (?:and )?who\b"),
    withheld=re.compile(r"\bname|\banonym|\bidentif|\bnot (?:be|speak|allowed|authori)", re.I),
    titles=re.compile(_ENGLISH_TITLES),
    no_names=spellings.split_words(
        "a after also an and as asked at before but by during for from he her his i if in it its "
        "late mr mrs ms my no of on once one or our she so that the their then there they this "
        "those through to two under until we what when where while who why with yet you "
        "january february march april may june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday"
    ),
)

_sr: Callable[[str], str] = spellings.spell_serbian
_sr_each, _sr_one = partial(list_each, spell=_sr), partial(choose, spell=_sr)
_MONTHS = PHRASES[Language.SR_LATN]
_SERBIAN_MONTH = _sr_each(
    "m",
    [f"{dated}/{alone}" for dated, alone in zip(_MONTHS.months, _MONTHS.lone_months, strict=True)],
)
_SERBIAN_BODIES = _sr_one(
    "ministarstvo vlada vojska skupština savet vijeće komisija agencija kancelarija uprava "
    "misija odbor direkcija zavod institut sindikat stranka policija univerzitet sud "
    "tužilaštvo predsedništvo"
)
_SERBIAN_OFFICES = _sr_one(
    "direktor direktorka ministar ministarka predsednik predsednica predsjednik premijer "
    "premijerka portparol portparolka načelnik načelnica general pukovnik major "
    "gradonačelnik gradonačelnica savetnik savetnica zamenik zamenica komandant sekretar "
    "sekretarka ambasador ambasadorka šef šefica inženjer inženjerka doktor doktorka "
    "poslanik poslanica stručnjak novinar novinarka"
)
_SERBIAN_RANK = rf"{_NAME}{_sr_one('ni ski na ska')} "
SERBIAN = LanguageWords(
    days=_compile(
        rf"\b{_sr('u')} {_sr_each('w', spellings.SERBIAN_WEEKDAYS)}\b",
        rf"\b{_DAY}\.? {_SERBIAN_MONTH}\b(?: {_YEAR})?",
        rf"\b{_sr_each('o', spellings.SERBIAN_ORDINALS)} {_SERBIAN_MONTH}\b(?: {_YEAR})?",
        rf"\b{_DAY}\. ?(?P<month_number>\d\d?)\. ?{_YEAR}",
        rf"\b{_sr_each('n', ('danas/jutros/večeras', 'juče/jučer/sinoć', 'prekjuče/prekjučer'))}\b",
    ),
    until=re.compile(rf"\b{_sr_one('od do pre prije posle poslije nakon za')} $", re.IGNORECASE),
    saying=re.compile(
        rf"\b(?:{_sr_one('rekao rekla rekli reklo kaže kažu kazao kazala izjavio izjavila tvrdi')}"
        rf"|{_sr_one('izjavili saopštio saopštila saopštilo saopštili tvrdio tvrdila tvrde dodao')}"
        rf"|{_sr_one('dodala naveo navela navelo navode poručio poručila istakao istakla')}"
        rf"|{_sr_one('demantovao demantovala demantovalo potvrdio potvrdila')}"
        rf"|{_sr_one('potvrdilo objavio objavila pita')}"
        rf"|{_sr('prema rečima')}|{_sr('po rečima')})\b",
        re.IGNORECASE,
    ),
    bodies=(
        # The head, then what it governs: words that end as a genitive does, and names.
        re.compile(
            rf"\b({spellings.capitalise(_SERBIAN_BODIES)}"
            rf"(?: (?!{_sr_one('je su se i u na nije nisu koji koja koje')}\b){_NAME}[aeiаеиhх]\b"
            rf"| {_sr('za')} {_NAME}){{0,3}})"
        ),
    ),
    offices=_build_offices(_SERBIAN_OFFICES, before=_SERBIAN_RANK),
    appositions=_build_appositions(_SERBIAN_OFFICES, before=_SERBIAN_RANK),
    unnamed=re.compile(
        rf"\b({_sr_one('jedan jedna neki neka')} [^,.;:]{{3,160}}), {_sr_one('koji koja')}\b",
        re.IGNORECASE,
    ),
    withheld=re.compile(
        rf"\b{_sr('anonim')}|\b{_sr_one('ime imena imenom imenovan imenovana identitet')}\b",
        re.IGNORECASE,
    ),
    titles=re.compile(_SERBIAN_OFFICES, re.IGNORECASE),
    no_names=spellings.list_serbian(
        "i u na o a ali da za od do iz sa s po pri kad kada dok ako jer zato ovo to on ona oni one "
        "mi vi ja nije jeste posle prema prilikom tokom pre pored zbog takođe međutim dvojica troje"
        " jedan jedna neki neka svi niko njegov njen njihov naš ministarstvo ponedeljak utorak "
        "sreda četvrtak petak subota nedelja danas juče sinoć jutros"
    ),
    endings=frozenset(("a", "u", "e", "om", "em", "i")),
    changed_endings=frozenset(("e", "i", "u", "o", "om")),
)

_sq: Callable[[str], str] = spellings.spell_albanian
_sq_each, _sq_one = partial(list_each, spell=_sq), partial(choose, spell=_sq)
_ALBANIAN_MONTH = _sq_each("m", PHRASES[Language.SQ].months)
_ALBANIAN_OFFICES = _sq_one(
    "drejtori drejtoresha ministri ministrja presidenti presidentja kryeministri "
    "kryeministrja kryetari kryetarja zëdhënësi zëdhënësja gjenerali koloneli majori "
    "këshilltari këshilltarja zëvendësi komandanti sekretari sekretarja ambasadori "
    "ambasadorja shefi inxhinieri inxhinierja doktori deputeti deputetja gazetari gazetarja"
)
ALBANIAN = LanguageWords(
    days=_compile(
        rf"\b{_sq('të')} {_sq_each('w', spellings.ALBANIAN_WEEKDAYS)}\b",
        rf"\b{_sq_one('më datë')} (?:{_sq('datë')} )?{_DAY} {_ALBANIAN_MONTH}\b"
        rf"(?:(?: {_sq('të vitit')})? {_YEAR})?",
        rf"\b{_DAY}\.(?P<month_number>\d\d?)\.{_YEAR}",
        rf"\b{_sq_each('n', ('sot/sonte', 'dje/mbrëmë', 'pardje'))}\b",
    ),
    until=re.compile(rf"\b{_sq_one('deri nga pas para prej që')} $", re.IGNORECASE),
    saying=re.compile(
        rf"\b(?:{_sq_one('tha thanë thotë thonë deklaroi deklaruan shtoi shprehu')}"
        rf"|{_sq_one('njoftoi njoftuan pohoi pohuan mohoi mohuan konfirmoi konfirmuan')}"
        rf"|{_sq_one('shkroi pyeti sipas')})\b",
        re.IGNORECASE,
    ),
    bodies=(
        re.compile(
            rf"\b({spellings.capitalise(_sq_one('ministria qeveria ushtria kuvendi këshilli'))}"
            rf"(?: {_sq_one('e i të së për')} {_NAME})*"
            rf"|{spellings.capitalise(_sq_one('komisioni agjencia zyra bordi policia misioni'))}"
            rf"(?: {_sq_one('e i të së për')} {_NAME})*"
            rf"|{spellings.capitalise(_sq_one('instituti partia gjykata prokuroria universiteti'))}"
            rf"(?: {_sq_one('e i të së për')} {_NAME})*)"
        ),
    ),
    offices=_build_offices(_ALBANIAN_OFFICES),
    appositions=_build_appositions(_ALBANIAN_OFFICES),
    unnamed=re.compile(
        rf"\b({_sq('një')} [^,.;:]{{3,160}}), (?:i cili|e cila|{_sq('që')})\b", re.IGNORECASE
    ),
    withheld=re.compile(rf"\banonim|\bemri|\bemrin|\b{_sq('emër')}|\bidentit", re.IGNORECASE),
    titles=re.compile(_ALBANIAN_OFFICES, re.IGNORECASE),
    no_names=spellings.list_albanian(
        "në i e të dhe ai ajo ata ato ne ju unë një kjo ky këto por nga për me pa se që nëse kur "
        "pas para sipas deri sot dje mbrëmë edhe gjatë asnjë disa të gjithë"
    ),
    endings=frozenset(("i", "u", "it", "ut", "in", "un", "n", "s", "t", "ja", "je", "es", "en")),
    changed_endings=frozenset(("es", "en", "e")),
)

_fr: Callable[[str], str] = spellings.spell_french
_fr_each, _fr_one = partial(list_each, spell=_fr), partial(choose, spell=_fr)
_FRENCH_MONTH = _fr_each("m", PHRASES[Language.FR].months)
_FRENCH_WEEKDAY = _fr_one(" ".join(spellings.FRENCH_WEEKDAYS))
_FRENCH_OFFICES = _fr_one(
    "directeur directrice ministre président présidente porte-parole général colonel "
    "commandant commandante maire conseiller conseillère adjoint adjointe secrétaire "
    "ambassadeur ambassadrice chef cheffe ingénieur ingénieure docteur docteure député "
    "députée journaliste"
)
FRENCH = LanguageWords(
    days=_compile(
        rf"\b(?:{_fr('ce')} )?{_fr_each('w', spellings.FRENCH_WEEKDAYS)}"
        rf"(?: (?:dernier|matin|soir|{_fr('après-midi')}))?\b(?! (?:prochain|\d|1er))",
        rf"\b(?:(?:le|ce) (?:{_FRENCH_WEEKDAY} )?|{_FRENCH_WEEKDAY} )"
        rf"{_DAY}(?:er)? {_FRENCH_MONTH}\b(?: {_YEAR})?",
        rf"\b(?:le|ce) {_fr_each('o', ('premier',))} {_FRENCH_MONTH}\b(?: {_YEAR})?",
        rf"\b(?:le )?{_DAY}/(?P<month_number>\d\d?)/{_YEAR}",
        rf"\b{_fr_each('n', ('aujourd’hui', 'hier', 'avant-hier'))}\b",
    ),
    until=re.compile(
        r"\b(?:les?|une?|chaque|tous les|avant|après|depuis|d[’']ici|dès|du?|de|au?|à|pour|entre"
        r"|et|ou|jusqu[’']au?|jusqu[’']à|avant-) $|avant-$",
        re.IGNORECASE,
    ),
    saying=re.compile(
        rf"\b(?:{_fr_one('dit disent déclare déclaré affirme affirmé affirment annoncé annonce')}"
        rf"|{_fr_one('ajoute ajouté précise précisé assure assuré indique indiqué explique')}"
        rf"|{_fr_one('expliqué souligne souligné dément démenti confirme confirmé')}"
        rf"|{_fr_one('demande demandé écrit répond répondu estime estimé')}"
        rf"|selon|{_fr('d’après')})\b",
        re.IGNORECASE,
    ),
    bodies=(
        re.compile(
            rf"\b((?i:{_fr_one('ministère gouvernement armée assemblée conseil commission agence')}"
            rf"|{_fr_one('bureau office mission direction institut parti police université cour')}"
            rf"|parquet|union|croix-rouge)"
            rf"(?: (?:de la|du|des|de|pour la) (?:[^\W\d_a-zà-ÿ][\w’'-]*|{_NAME} [^\W\d_a-zà-ÿ]"
            rf"[\w’'-]*)| (?:de l|d)[’']{_NAME})+)"
        ),
    ),
    offices=_build_offices(_FRENCH_OFFICES, before="premier |première |vice-"),
    appositions=_build_appositions(
        _FRENCH_OFFICES,
        before="premier |première |vice-",
        article="le |la |l[’']|un |une |son |sa |leur ",
    ),
    unnamed=re.compile(r"\b(une? [^,.;:]{3,160}), (?:et )?qui\b", re.IGNORECASE),
    withheld=re.compile(r"\banonym|\bnom\b|\bidentit", re.IGNORECASE),
    titles=re.compile(_FRENCH_OFFICES, re.IGNORECASE),
    no_names=spellings.split_words(
        "le la les un une des du de l d il elle ils elles nous vous je on et mais ou où si dans à "
        "au aux en ce cette ces selon après avant pour par sur lorsque quand son sa ses leur leurs "
        "hier aujourd’hui lundi mardi mercredi jeudi vendredi samedi dimanche"
    ),
)

LANGUAGES: dict[str, LanguageWords] = {
    "en": ENGLISH,
    "sq": ALBANIAN,
    "fr": FRENCH,
    **dict.fromkeys(spellings.SERBIAN_TAGS, SERBIAN),
}


def get_words(tag: str) -> LanguageWords | None:
    """Return the words of a language by its tag; None for a language that is not read."""
    return LANGUAGES.get(tag.partition("-")[0].lower())
