"""The sentences of print lines, in every language that there are any in.

A `Phrases` holds all sentences of one language, so a new sentence is a field, and mypy asks each
language for it.  Names, roles and labels stand in them as they are recorded: nothing inflects them,
so each sentence is worded to take a name as it is.  A pair is for one name and for several.  No
native speaker has checked the languages other than English yet (docs/print-lines.md).
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from service.domain.claims import Finding, Precision, Stance, Status


class Language(StrEnum):
    """A language of print lines; `sr` is Serbian in Cyrillic letters."""

    EN = "en"
    SR = "sr"
    SR_LATN = "sr-Latn"
    SQ = "sq"
    FR = "fr"


Pair = tuple[str, str]
"""A sentence for one name, and for several."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one language."""

    months: tuple[str, ...]
    """Their names within a date, from January on."""
    lone_months: tuple[str, ...]
    """Their names where there is no day."""
    day: str
    month: str
    year: str
    joint: str
    """What stands between the last two of several names."""
    on_day: str
    in_month: str
    in_year: str
    claimed: str
    unattributed: str
    confirmed: str
    supported: str
    supported_partly: Pair
    denied: Pair
    disputed: str
    disputed_by: str
    requested: Pair
    awaiting: str
    unconfirmed: str
    imported: str
    imported_unconfirmed: str
    imported_supported: str
    statuses: dict[Status, str]
    """The statuses that others give, within `imported`."""
    override: str
    override_confirmed: str
    desk: str
    findings: dict[Finding, str]
    unnamed: dict[Stance, str]
    of_party: str
    silent: Pair
    declined: Pair
    withdrawn: str
    superseded: str
    void: str
    hold: str
    """It stands before the whole line."""


def _split(months: str) -> tuple[str, ...]:
    return tuple(months.split())


ENGLISH = Phrases(
    months=_split(
        "January February March April May June July August September October November December"
    ),
    lone_months=(),
    day="{day} {month} {year}",
    month="{month} {year}",
    year="{year}",
    joint=" and ",
    on_day="on {date}",
    in_month="in {date}",
    in_year="in {date}",
    claimed="Claimed by {name} ({about}).",
    unattributed="Unattributed claim ({about}).",
    confirmed="Independently confirmed by {names}.",
    supported="Supported by {names}; the desk has not confirmed it.",
    supported_partly=("{names} backs part of it.", "{names} back part of it."),
    denied=("{names} denies it.", "{names} deny it."),
    disputed="Disputed.",
    disputed_by="Disputed by {names}.",
    requested=("{names} has asked for confirmation.", "{names} have asked for confirmation."),
    awaiting="Awaiting confirmation.",
    unconfirmed="No independent party has confirmed it.",
    imported="Imported as {status} from {by} (label “{label}”).",
    imported_unconfirmed="This desk has not confirmed it itself.",
    imported_supported="Supported by {names}; this desk has not confirmed it itself.",
    statuses={
        Status.ASSERTED: "asserted",
        Status.AWAITING_CONFIRMATION: "awaiting confirmation",
        Status.CONFIRMED: "confirmed",
        Status.DISPUTED: "disputed",
    },
    override="This status was set by an editor's override of the usual rules.",
    override_confirmed="Confirmed by an editor's override of the usual rules.",
    desk="The desk",
    findings={
        Finding.REFUTED: "{by} found it refuted.",
        Finding.CONFLICTING: "{by} found the evidence conflicting.",
        Finding.UNPROVABLE: "{by} found that it cannot be proved.",
    },
    unnamed={
        Stance.SUPPORTS: "{source}, not named, supports it.",
        Stance.CONTRADICTS: "{source}, not named, denies it.",
        Stance.REQUESTS_CONFIRMATION: "{source}, not named, has asked for confirmation.",
    },
    of_party="{description} of {party}",
    silent=(
        "{names} did not answer a request for comment.",
        "{names} did not answer a request for comment.",
    ),
    declined=("{names} declined to comment.", "{names} declined to comment."),
    withdrawn="The claimant has withdrawn it.",
    superseded="Superseded {when} by “{text}”.",
    void="Do not use: the desk recorded this claim by mistake.",
    hold="HOLD: do not use while the desk checks.",
)
SERBIAN = Phrases(
    months=_split(
        "јануара фебруара марта априла маја јуна јула августа септембра октобра новембра децембра"
    ),
    lone_months=_split(
        "јануар фебруар март април мај јун јул август септембар октобар новембар децембар"
    ),
    day="{day}. {month} {year}",
    month="{month} {year}",
    year="{year}",
    joint=" и ",
    on_day="({date})",
    in_month="({date})",
    in_year="({date})",
    claimed="Тврди: {name} ({about}).",
    unattributed="Тврдња без познатог извора ({about}).",
    confirmed="Независно потврђено; потврдили: {names}.",
    supported="Подржавају: {names}; редакција није потврдила тврдњу.",
    supported_partly=(
        "Део тврдње подржава: {names}.",
        "Део тврдње подржавају: {names}.",
    ),
    denied=("Тврдњу пориче: {names}.", "Тврдњу поричу: {names}."),
    disputed="Оспорено.",
    disputed_by="Оспорено; оспоравају: {names}.",
    requested=("Потврду је затражио извор: {names}.", "Потврду су затражили: {names}."),
    awaiting="Чека се потврда.",
    unconfirmed="Није потврдила ниједна независна страна.",
    imported="Преузето као „{status}“; извор: {by} (ознака „{label}“).",
    imported_unconfirmed="Ова редакција то није сама потврдила.",
    imported_supported="Подржавају: {names}; ова редакција то није сама потврдила.",
    statuses={
        Status.ASSERTED: "изречено",
        Status.AWAITING_CONFIRMATION: "чека потврду",
        Status.CONFIRMED: "потврђено",
        Status.DISPUTED: "оспорено",
    },
    override="Овај статус одредио је уредник мимо уобичајених правила.",
    override_confirmed="Потврђено одлуком уредника мимо уобичајених правила.",
    desk="редакција",
    findings={
        Finding.REFUTED: "Налаз (извор: {by}): тврдња је оповргнута.",
        Finding.CONFLICTING: "Налаз (извор: {by}): докази су опречни.",
        Finding.UNPROVABLE: "Налаз (извор: {by}): тврдња се не може доказати.",
    },
    unnamed={
        Stance.SUPPORTS: "Неименовани извор ({source}) подржава тврдњу.",
        Stance.CONTRADICTS: "Неименовани извор ({source}) пориче тврдњу.",
        Stance.REQUESTS_CONFIRMATION: "Неименовани извор ({source}) тражи потврду.",
    },
    of_party="{description}, {party}",
    silent=(
        "На молбу за коментар није стигао одговор ({names}).",
        "На молбе за коментар није стигао одговор ({names}).",
    ),
    declined=("Коментар је одбијен ({names}).", "Коментар је одбијен ({names})."),
    withdrawn="Ко је тврдњу изнео, повукао ју је.",
    superseded="Замењено новијом тврдњом {when}: „{text}“.",
    void="Не користити: редакција је ову тврдњу забележила грешком.",
    hold="ЗАДРЖАНО: не користити док редакција проверава.",
)
ALBANIAN = Phrases(
    months=_split("janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor dhjetor"),
    lone_months=(),
    day="{day} {month} {year}",
    month="{month} {year}",
    year="{year}",
    joint=" dhe ",
    on_day="më {date}",
    in_month="në {date}",
    in_year="në {date}",
    claimed="Pohuar nga {name} ({about}).",
    unattributed="Pohim pa burim të njohur ({about}).",
    confirmed="Konfirmuar në mënyrë të pavarur nga {names}.",
    supported="Mbështetur nga {names}; redaksia nuk e ka konfirmuar.",
    supported_partly=(
        "{names} e mbështet pjesërisht.",
        "{names} e mbështesin pjesërisht.",
    ),
    denied=("{names} e mohon.", "{names} e mohojnë."),
    disputed="I kundërshtuar.",
    disputed_by="Kundërshtuar nga {names}.",
    requested=("{names} ka kërkuar konfirmim.", "{names} kanë kërkuar konfirmim."),
    awaiting="Në pritje të konfirmimit.",
    unconfirmed="Asnjë palë e pavarur nuk e ka konfirmuar.",
    imported="Importuar si „{status}“ nga {by} (etiketa „{label}“).",
    imported_unconfirmed="Kjo redaksi nuk e ka konfirmuar vetë.",
    imported_supported="Mbështetur nga {names}; kjo redaksi nuk e ka konfirmuar vetë.",
    statuses={
        Status.ASSERTED: "i pohuar",
        Status.AWAITING_CONFIRMATION: "në pritje të konfirmimit",
        Status.CONFIRMED: "i konfirmuar",
        Status.DISPUTED: "i kundërshtuar",
    },
    override="Ky status u vendos nga një redaktor jashtë rregullave të zakonshme.",
    override_confirmed="Konfirmuar me vendim të një redaktori jashtë rregullave të zakonshme.",
    desk="Redaksia",
    findings={
        Finding.REFUTED: "{by}: pohimi u përgënjeshtrua.",
        Finding.CONFLICTING: "{by}: provat janë kontradiktore.",
        Finding.UNPROVABLE: "{by}: pohimi nuk mund të provohet.",
    },
    unnamed={
        Stance.SUPPORTS: "{source}, pa u emëruar, e mbështet.",
        Stance.CONTRADICTS: "{source}, pa u emëruar, e mohon.",
        Stance.REQUESTS_CONFIRMATION: "{source}, pa u emëruar, ka kërkuar konfirmim.",
    },
    of_party="{description} ({party})",
    silent=(
        "{names} nuk iu përgjigj një kërkese për koment.",
        "{names} nuk iu përgjigjën një kërkese për koment.",
    ),
    declined=("{names} nuk pranoi të komentojë.", "{names} nuk pranuan të komentojnë."),
    withdrawn="Kush e bëri pohimin, e ka tërhequr.",
    superseded="Zëvendësuar {when} nga „{text}“.",
    void="Mos e përdorni: redaksia e regjistroi këtë pohim gabimisht.",
    hold="NË PRITJE: mos e përdorni derisa redaksia e verifikon.",
)
FRENCH = Phrases(
    months=_split(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ),
    lone_months=(),
    day="{day} {month} {year}",
    month="{month} {year}",
    year="{year}",
    joint=" et ",
    on_day="le {date}",
    in_month="en {date}",
    in_year="en {date}",
    claimed="Affirmé par {name} ({about}).",
    unattributed="Affirmation sans auteur connu ({about}).",
    confirmed="Confirmé de façon indépendante par {names}.",
    supported="Soutenu par {names} ; la rédaction ne l’a pas confirmé.",
    supported_partly=(
        "{names} en confirme une partie.",
        "{names} en confirment une partie.",
    ),
    denied=("{names} le dément.", "{names} le démentent."),
    disputed="Contesté.",
    disputed_by="Contesté par {names}.",
    requested=("{names} a demandé confirmation.", "{names} ont demandé confirmation."),
    awaiting="En attente de confirmation.",
    unconfirmed="Aucune partie indépendante ne l’a confirmé.",
    imported="Repris comme « {status} » de la source suivante : {by} (mention « {label} »).",
    imported_unconfirmed="Cette rédaction ne l’a pas confirmé elle-même.",
    imported_supported="Soutenu par {names} ; cette rédaction ne l’a pas confirmé elle-même.",
    statuses={
        Status.ASSERTED: "affirmé",
        Status.AWAITING_CONFIRMATION: "en attente de confirmation",
        Status.CONFIRMED: "confirmé",
        Status.DISPUTED: "contesté",
    },
    override="Ce statut a été fixé par un rédacteur en chef hors des règles habituelles.",
    override_confirmed="Confirmé par décision d’un rédacteur en chef hors des règles habituelles.",
    desk="La rédaction",
    findings={
        Finding.REFUTED: "{by} l’a jugé réfuté.",
        Finding.CONFLICTING: "{by} a jugé les éléments contradictoires.",
        Finding.UNPROVABLE: "{by} a jugé que cela ne peut être prouvé.",
    },
    unnamed={
        Stance.SUPPORTS: "Source non nommée ({source}) : elle le soutient.",
        Stance.CONTRADICTS: "Source non nommée ({source}) : elle le dément.",
        Stance.REQUESTS_CONFIRMATION: "Source non nommée ({source}) : elle demande confirmation.",
    },
    of_party="{description}, {party}",
    silent=(
        "{names} n’a pas répondu à une demande de commentaire.",
        "{names} n’ont pas répondu à une demande de commentaire.",
    ),
    declined=(
        "{names} n’a pas souhaité faire de commentaire.",
        "{names} n’ont pas souhaité faire de commentaire.",
    ),
    withdrawn="L’auteur de l’affirmation l’a retirée.",
    superseded="Remplacé {when} par « {text} ».",
    void="Ne pas utiliser : la rédaction a enregistré cette affirmation par erreur.",
    hold="RETENU : ne pas utiliser pendant que la rédaction vérifie.",
)

_LATIN = {
    **dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True)),
    "љ": "lj",
    "њ": "nj",
    "џ": "dž",
}
_TRANSLITERATION = str.maketrans(
    _LATIN | {letter.upper(): latin.capitalize() for letter, latin in _LATIN.items()}
)


def write_in_latin(words: Any) -> Any:
    """Return Serbian words, or a tuple or the values of a dictionary of them, in Latin letters:
    each letter has its own there."""
    if isinstance(words, str):
        return words.translate(_TRANSLITERATION)
    if isinstance(words, dict):
        return {key: write_in_latin(text) for key, text in words.items()}
    return tuple(map(write_in_latin, words))


def _write_phrases_in_latin(phrases: Phrases) -> Phrases:
    latin = {field.name: write_in_latin(getattr(phrases, field.name)) for field in fields(phrases)}
    return replace(phrases, **latin)


PHRASES: dict[Language, Phrases] = {
    Language.EN: ENGLISH,
    Language.SR: SERBIAN,
    Language.SR_LATN: _write_phrases_in_latin(SERBIAN),
    Language.SQ: ALBANIAN,
    Language.FR: FRENCH,
}
"""Every language of print lines."""


def format_date(moment: datetime, precision: Precision, language: Language = Language.EN) -> str:
    """Return `2 October 2023`, with the time in UTC if it is known; `October 2023` or `2023` where
    the day is not."""
    phrases = PHRASES[language]
    if precision is Precision.YEAR:
        return phrases.year.format(year=moment.year)
    if precision is Precision.MONTH:
        name = (phrases.lone_months or phrases.months)[moment.month - 1]
        return phrases.month.format(month=name, year=moment.year)
    first = "1er" if language is Language.FR and moment.day == 1 else moment.day
    name = phrases.months[moment.month - 1]
    day = phrases.day.format(day=first, month=name, year=moment.year)
    if precision is Precision.DAY:
        return day
    if precision is Precision.SECOND:
        return f"{day}, {moment:%H:%M:%S} UTC"
    return f"{day}, {moment:%H:%M} UTC"


def format_when(moment: datetime, precision: Precision, language: Language = Language.EN) -> str:
    """Return `on 2 October 2023`, `in October 2023` or `in 2023`, without an hour."""
    phrases = PHRASES[language]
    coarse = precision if precision in (Precision.YEAR, Precision.MONTH) else Precision.DAY
    date = format_date(moment, coarse, language)
    pattern = {
        Precision.YEAR: phrases.in_year,
        Precision.MONTH: phrases.in_month,
        Precision.DAY: phrases.on_day,
    }[coarse]
    return pattern.format(date=date)


def join_names(names: list[str], language: Language = Language.EN) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])}{PHRASES[language].joint}{names[-1]}"
