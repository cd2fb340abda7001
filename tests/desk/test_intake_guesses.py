"""What is guessed of a selected passage, from the text around it, and what is never guessed."""

import sys
from datetime import date
from typing import Any

import orjson
import pytest

from service.desk.intake import (
    named_voices,
    nearby_text,
    passage_guesses,
    passage_language,
    spoken_days,
)
from service.desk.intake.nearby_text import Sentence
from service.desk.statements.statement_fields import KnownVoices
from tests.desk.browser.articles import Article, Passage, read_article
from tests.desk.conftest import People, parse_page, read_text, submit
from tests.support.desk import Desk

SLUICES = read_article("sluices")
THURSDAY = date(2024, 5, 16)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("he said on Monday", "2024-05-13"),
        ("he said on Thursday", "2024-05-16"),
        ("late on Friday evening she spoke", "2024-05-10"),
        ("read it on the afternoon of the twelfth", "2024-05-12"),
        ("read it on the thirtieth", "2024-04-30"),
        ("it says on 3 May", "2024-05-03"),
        ("it says on December 24", "2023-12-24"),
        ("it says on 24 December 2022", "2022-12-24"),
        ("told us yesterday", "2024-05-15"),
        ("on 31 February", None),
        ("turned the pages to the first of May", None),
        ("the Monday market", None),
        ("on 0 May 0000", None),
    ],
)
def test_words_for_a_day_are_resolved_against_the_article(words: str, day: str | None) -> None:
    assert resolve(words, "en") == day


def resolve(words: str, language: str) -> str | None:
    spoken_day = spoken_days.find_spoken_day([Sentence(words, 0)], THURSDAY, language)
    return spoken_day.day.isoformat() if spoken_day else None


@pytest.mark.parametrize(
    ("language", "words", "day"),
    [
        ("sr", "rekao je u sredu", "2024-05-15"),
        ("sr", "у четвртак је рекла", "2024-05-16"),
        ("sr-Latn", "rekla je u cetvrtak", "2024-05-16"),
        ("bs", "rekao je u ponedjeljak", "2024-05-13"),
        ("sr", "rekao je 12. maja 2023. godine", "2023-05-12"),
        ("sr", "дванаестог маја је рекао", "2024-05-12"),
        ("sr", "rekao je dvadeset i prvog aprila", "2024-04-21"),
        ("sr", "rekao je 12. 5. 2024.", "2024-05-12"),
        ("sr", "saopštila je juče", "2024-05-15"),
        ("sr", "прекјуче су рекли", "2024-05-14"),
        ("sr", "pre 12. maja nije bilo vode", None),
        ("sr", "na 12. 15. 2024.", None),
        ("sr", "sreda je bila mirna", None),
        ("sq", "tha të mërkurën", "2024-05-15"),
        ("sq", "tha te henen", "2024-05-13"),
        ("sq", "deklaroi më 12 maj 2024", "2024-05-12"),
        ("sq", "tha pardje", "2024-05-14"),
        ("sq", "deri më 12 maj", None),
        ("fr", "a-t-il déclaré lundi soir", "2024-05-13"),
        ("fr", "a-t-elle dit le lundi 6 mai 2024", "2024-05-06"),
        ("fr", "a-t-elle dit le 1er mai", "2024-05-01"),
        ("fr", "a-t-il dit avant-hier", "2024-05-14"),
        ("fr", "a-t-il dit aujourd'hui", "2024-05-16"),
        ("fr", "le marché du lundi", None),
        ("fr", "fermé le lundi", None),
        ("fr", "il viendra lundi prochain", None),
        ("fr", "depuis le 12 mai", None),
        ("de", "sagte er on Monday", None),
    ],
)
def test_days_are_read_in_the_language_of_the_article(
    language: str, words: str, day: str | None
) -> None:
    """In both scripts of Serbian, with and without accents; what is no day of speaking is none."""
    assert resolve(words, language) == day


def test_year_one_has_no_days_before_it() -> None:
    assert spoken_days.find_spoken_day([Sentence("on Monday", 0)], date(1, 1, 2), "en") is None


SERBIAN = (
    "U Lumasu je poplava odnela most. „Niko nas nije upozorio“, rekla je u sredu gradonačelnica "
    "Lumasa Ana Marić.\n\nDirektor Vodoprivrede Petar Simić rekao je 12. maja 2024. godine da su "
    "„sve ustave bile zatvorene“. Ministarstvo odbrane saopštilo je da vojska pomaže. Jedan "
    "stariji inženjer, koji je tražio da mu se ime ne navodi, kaže da su „ustave bile otvorene“."
)
CYRILLIC = (
    "„Нико нас није упозорио“, рекла је у среду градоначелница Лумаса Ана Марић.\n\n"
    "Министарство одбране саопштило је да војска „помаже“."
)
ALBANIAN = (
    "“Askush nuk na paralajmëroi”, tha të mërkurën kryetarja e Lumasit, Ana Mariq. Sipas "
    "Ministria e Mbrojtjes, ushtria “po ndihmon”."
)
FRENCH = (
    "« Personne ne nous a prévenus », a déclaré mercredi la maire de Lumas, Anne Marchand.\n\n"
    "Le ministère de la Défense affirme que l’armée « apporte son aide »."
)


@pytest.mark.parametrize(
    ("language", "text", "words", "speaker", "role", "party", "verb"),
    [
        ("sr", SERBIAN, "Niko nas", "Ana Marić", "gradonačelnica Lumasa", "", "rekla"),
        ("sr", SERBIAN, "sve ustave", "Petar Simić", "direktor Vodoprivrede", "", "rekao"),
        ("sr", SERBIAN, "vojska", "", "", "Ministarstvo odbrane", "saopštilo"),
        ("sr", CYRILLIC, "Нико нас", "Ана Марић", "градоначелница Лумаса", "", "рекла"),
        ("sr", CYRILLIC, "помаже", "", "", "Министарство одбране", "саопштило"),
        ("sq", ALBANIAN, "Askush nuk", "Ana Mariq", "kryetarja e Lumasit", "", "tha"),
        ("sq", ALBANIAN, "po ndihmon", "", "", "Ministria e Mbrojtjes", "Sipas"),
        ("fr", FRENCH, "Personne ne", "Anne Marchand", "maire de Lumas", "", "déclaré"),
        ("fr", FRENCH, "apporte son", "", "", "ministère de la Défense", "affirme"),
    ],
)
def test_voices_are_read_in_the_language_of_the_article(
    language: str, text: str, words: str, speaker: str, role: str, party: str, verb: str
) -> None:
    """Names with the role before them and the verb of saying; organisations by what they are."""
    begin = text.index(words)
    sentences = nearby_text.list_sentences(text, begin, begin + len(words))
    voices = named_voices.find_voices(sentences, KnownVoices([], []), [], language)
    offered = {(each.speaker, each.role, each.verb) for each in voices.new if each.speaker}
    bodies = {(each.new_party, each.verb) for each in voices.new if not each.speaker}
    assert ((speaker, role, verb) in offered) if speaker else ((party, verb) in bodies)


def test_unnamed_source_is_offered_as_a_serbian_text_has_it() -> None:
    begin = SERBIAN.index("ustave bile otvorene")
    sentences = nearby_text.list_sentences(SERBIAN, begin, begin + 10)
    voices = named_voices.find_voices(sentences, KnownVoices([], []), [], "sr")
    assert "jedan stariji inženjer" in [voice.description for voice in voices.new]


@pytest.mark.parametrize(
    ("language", "sentence", "names"),
    [
        ("sr", "Prema rečima Petra Simića, most je pao.", ["Petar Simic", "Simić", "Симић"]),
        ("sr", "Са Симићем је разговарала Марићева.", ["Simić"]),
        ("sr", "Rekao je Vuki.", ["Ana Vuka"]),
        ("sq", "Simiqi tha se ura ra.", ["Petar Simiq"]),
        ("en", "He met Simić’s driver.", ["Simić"]),
    ],
)
def test_known_speakers_are_found_in_every_case(
    language: str, sentence: str, names: list[str]
) -> None:
    for name in names:
        speaker = {"id": name, "name": name, "role": None, "party": "lumas"}
        voices = KnownVoices([], [speaker])  # type: ignore[list-item]
        offered = named_voices.find_voices([Sentence(sentence, 0)], voices, [], language)
        assert [voice.speaker for voice in offered.known] == [name], name
        other = speaker | {"name": "Simićević"}
        voices = KnownVoices([], [other])  # type: ignore[list-item]
        offered = named_voices.find_voices([Sentence(sentence, 0)], voices, [], language)
        assert not offered.known


def test_text_of_a_language_that_is_not_read_offers_nobody_new() -> None:
    """In German every noun has a capital."""
    sentence = Sentence("Der Direktor Peter Schmidt sagte am Montag", 0)
    offered = named_voices.find_voices([sentence], KnownVoices([], []), [], "de")
    assert (offered.known, offered.new) == ((), ())


def test_quoted_days_are_left_aside_and_the_nearest_counts() -> None:
    """A speaker’s Sunday is not when it was said; what the next sentence says comes later."""
    text = "On Tuesday he spoke. “We saw it on Sunday,” he said. On Wednesday he left."
    sentences = nearby_text.list_sentences(text, text.index("We saw"), text.index(",” he"))
    assert [sentence.distance for sentence in sentences] == [-1, 0, 1]
    spoken_day = spoken_days.find_spoken_day(sentences, THURSDAY, "en")
    assert spoken_day is not None
    assert (spoken_day.day, spoken_day.words) == (date(2024, 5, 14), "On Tuesday")


@pytest.mark.parametrize("around", ["The Ab Cd, who ", "“We” saw. ", "on Monday\n", "the a b c "])
def test_guesses_look_no_further_than_their_reach(around: str) -> None:
    """A text that was pasted without empty lines is one paragraph: its length costs nothing."""
    far = around * (50_000 // len(around))
    near = "On Tuesday Ivan Petrov, its director, spoke. It is late, he said."
    text = f"Ana Ilic said so. {far}. {near} {far}. Ben Lee said so."
    begin = text.index("It is late")
    sentences = nearby_text.list_sentences(text, begin, begin + len("It is late"))
    assert sum(len(sentence.text) for sentence in sentences) <= 3 * nearby_text.REACH
    assert "On Tuesday Ivan Petrov, its director, spoke." in [each.text for each in sentences]
    whole = nearby_text.list_sentences(text, 0, len(text))
    assert sum(len(sentence.text) for sentence in whole) <= 3 * nearby_text.REACH
    assert whole[0].text == "Ana Ilic said so."


@pytest.mark.parametrize("passage", SLUICES.passages, ids=range(len(SLUICES.passages)))
def test_language_and_quotation_are_those_of_the_words(passage: Passage) -> None:
    begin = SLUICES.text.index(passage.words)
    assert nearby_text.judge_quotation(SLUICES.text, begin, begin + len(passage.words))
    assert not nearby_text.judge_quotation(SLUICES.text, begin, begin + len(passage.words) + 5)
    language = passage_language.tell_language(passage.words)
    assert (language.tag if language else "en") == passage.language


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("ارتفع عدد القتلى", "ar"),
        ("این یک گزارش است", None),
        ("Двојица држављана Србије", "sr"),
        ("Није било никога, а ћутали су", "sr"),
        ("Ми се бринемо", None),
        ("Мы это видели", "ru"),
        ("Ці люди", "uk"),
        ("Ne nuk e dimë", "sq"),
        ("Les troupes sont parties", "fr"),
        ("Vlada je rekla da su trupe otišle", "sr"),
        ("Kažu da prije nisu bili u Lumasu", None),
        ("Mi smo rekli, da je v redu in da ne bo", None),
        ("Není to pravda, řekl", None),
        ("Die Männer waren in der Stadt", None),
        ("Wij hebben het niet gezien", None),
        ("Non è vero che la polizia", None),
        ("We met Đorđe and they have it", "en"),
        ("Noël", None),
        ("We left", None),
        ("Zzz", None),
    ],
)
def test_language_is_told_only_where_something_tells(words: str, language: str | None) -> None:
    """Neither one letter that several languages have nor a word or two is enough."""
    answer = passage_language.tell_language(words)
    assert (answer.tag if answer else None) == language


def test_what_told_a_language_is_said() -> None:
    answer = passage_language.tell_language("Ne nuk e dimë")
    assert answer is not None
    assert answer.reason == "“nuk”, “ë”"


@pytest.mark.parametrize(
    ("words", "wording", "kind"),
    [
        ("Three people drowned that night, and we know their names,", "Three people", "figure"),
        ("About 4,500 soldiers left.", "About 4,500 soldiers left", "figure"),
        ("If they left, we shall see", "If they left, we shall see", "prediction"),
        ("The army left", "The army left", None),
    ],
)
def test_first_clause_is_offered_as_a_claim(words: str, wording: str, kind: str | None) -> None:
    offered = passage_guesses.propose_wording(words)
    assert offered.startswith(wording)
    assert not offered.endswith(",")
    assert passage_guesses.guess_kind(offered) == kind


async def begin(people: People, article: Article, story: str = "") -> str:
    answer = await submit(
        people.checker,
        "/intake",
        "/intake",
        url=article.url,
        title=article.title,
        published_on=article.published_on,
        text=article.text.strip(),
        story=story,
    )
    assert answer.status_code == 303, read_text(answer)
    return str(answer.headers["location"])


async def read_guesses(people: People, place: str, words: str) -> Any:
    at = SLUICES.text.strip().index(words)
    answer = await people.checker.get(
        f"{place}/guesses", params={"begin": at, "end": at + len(words)}
    )
    assert answer.status_code == 200, read_text(answer)
    return parse_page(answer)


def list_voices(page: Any, group: str) -> list[dict[str, str]]:
    return [orjson.loads(each.get("data-fill")) for each in page.cssselect(f"#{group} button")]


async def test_who_is_named_is_offered_with_role_and_party(desk: Desk, people: People) -> None:
    """Somebody new with the role and party that the text gives; once recorded, as known, and
    again wherever else in the text.  Basis and stance are nobody’s guess."""
    place = await begin(people, SLUICES)
    first, second, *_ = SLUICES.passages
    page = await read_guesses(people, place, first.words)
    voice = list_voices(page, "offered-voices")[0]
    assert voice == {
        "speaker": "Ivan Petrov",
        "role": "director",
        "party": "",
        "new_party": "Water Board",
        "description": "",
    }
    guessed = orjson.loads(page.get_element_by_id("guesses").get("data-fill"))
    assert guessed == {
        "rendering": "verbatim",
        "language": "sr",
        "said_on": "2024-05-12",
        "said_in": "",
    }
    assert not page.cssselect("#offered-wording"), "a claim is worded in the article’s language"
    answer = await submit(
        people.checker,
        place,
        f"{place}/passages",
        quote=first.words,
        claim=first.claim,
        said_on="2023-10-01",  # by the clock of this desk the article lies ahead
        language="sr",
        **{name: value for name, value in voice.items() if value},
    )
    assert answer.status_code == 303, read_text(answer)
    page = await read_guesses(people, place, second.words)
    [voice_again] = list_voices(page, "offered-again")
    assert voice_again == voice | {"party": "water-board", "new_party": ""}
    assert not page.cssselect("#offered-speakers"), "nobody is named in the sentence beside it"
    page = await read_guesses(people, place, SLUICES.passages[12].words)
    [unnamed, *_] = list_voices(page, "offered-voices")
    assert unnamed["description"] == "a man who has worked at the dam for twenty years"
    assert unnamed["speaker"] == unnamed["party"] == ""


async def test_claims_that_share_words_come_first(desk: Desk, people: People) -> None:
    await desk.record_parties()
    other = await desk.record_claim(text="The barracks at Raška are empty")
    like = await desk.record_claim(text="Three people drowned in Lumas")
    place = await begin(people, SLUICES)
    page = await read_guesses(people, place, "Our divers recovered three bodies")
    assert other["id"] not in page.get_element_by_id("guesses").get("data-likely")
    page = await read_guesses(people, place, SLUICES.passages[4].words)
    assert page.get_element_by_id("guesses").get("data-likely").split()[0] == like["id"]


async def test_places_outside_the_text_are_refused(desk: Desk, people: People) -> None:
    place = await begin(people, SLUICES)
    for begin_at, end in (("0", "0"), ("-1", "5"), ("9", "3"), ("90000", "90001"), ("x", "3")):
        answer = await people.checker.get(
            f"{place}/guesses", params={"begin": begin_at, "end": end}
        )
        assert answer.status_code == 422, (begin_at, end)
    missing_answer = await people.checker.get(
        "/intake/00000000-0000-7000-8000-000000000000/guesses", params={"begin": 0, "end": 1}
    )
    assert missing_answer.status_code == 404


async def test_recorded_passages_lead_to_their_correction(desk: Desk, people: People) -> None:
    """The mark in the text leads to the passage as recorded, with the ways to set it right for
    whoever may; the text as copied has nothing of it.  Forgetting it is asked about."""
    place = await begin(people, SLUICES)
    await submit(
        people.checker,
        place,
        f"{place}/passages",
        quote=SLUICES.passages[4].words,
        new_party="Teslin",
        claim="Three people drowned",
        said_on="2023-10-01",
    )
    page = parse_page(await people.checker.get(place))
    assert page.get_element_by_id("text").text_content() == SLUICES.text.strip()
    [link] = page.cssselect("#text a")
    assert link.get("href") == "#passage-1"
    passage = page.get_element_by_id("passage-1")
    ends = [each.get("href").rpartition("/")[2] for each in passage.cssselect("p a")]
    intake = place.rpartition("/")[2]
    assert ends[1:] == [f"correction?intake={intake}", f"void?intake={intake}"]
    [finish] = page.cssselect("form[action$='/finish']")
    assert finish.getparent().tag == "details"


def count_calls(text: str) -> int:
    """Count the calls, of Python and of C, that guesses near “It is late” make."""
    begin = text.index("It is late")
    sentences = nearby_text.list_sentences(text, begin, begin + len("It is late"))
    count = 0

    def note_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note_call)
    try:
        spoken_days.find_spoken_day(sentences, THURSDAY, "en")
        named_voices.find_voices(sentences, KnownVoices([], []), [], "en")
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("around", ["The Ab Cd, who ", "“We” saw. ", "on Monday\n", "the a b c "])
def test_guesses_work_no_more_for_a_longer_text(around: str) -> None:
    """Four times as long a text without empty lines takes as many calls."""
    near = "On Tuesday Ivan Petrov, its director, spoke. It is late, he said."
    short, long = (
        count_calls(f"{around * times}. {near} {around * times}.") for times in (1_000, 4_000)
    )
    assert short > 0
    assert long <= short * 1.2, (short, long)


@pytest.mark.parametrize(
    "name", ["Ministry of Defence", "Serbian Ministry of Defence", "Court of Human Rights"]
)
def test_name_of_an_organisation_goes_on_after_of(name: str) -> None:
    sentence = Sentence(f"Of late the {name} said that it had left", 0)
    offered = named_voices.find_voices([sentence], KnownVoices([], []), [], "en")
    assert [voice.new_party for voice in offered.new] == [name]


async def test_page_of_a_long_article_is_under_50_kilobytes(desk: Desk, people: People) -> None:
    """With its text, as many claims as are offered, and a dozen parties."""
    await desk.record_parties()
    for number in range(12):
        await desk.post("/v1/parties", {"slug": f"party-{number}", "name": f"Party {number}"})
    await desk.post("/v1/stories", {"slug": "sluices", "title": "The sluices"})
    for number in range(32):
        text = f"{number} of the houses below the bridge of Lumas were lost that night"
        await desk.record_claim(text=text, story="sluices")
    page = await people.checker.get(await begin(people, SLUICES, story="sluices"))
    assert len(parse_page(page).cssselect("#stands > li")) == 30
    assert len(page.content) < 50_000
