"""A desk with words of every kind to search for, and what the rulebook alone finds in it."""

import random
from dataclasses import dataclass, field
from typing import Any

from service.search.index import query_parser, ranking, searchable_fields
from service.search.index.ranking import Tier
from service.search.index.searchable_fields import Field, Quoted
from tests.support.desk import SOURCE, Desk

PARTIES: dict[str, tuple[str, str | None, str | None]] = {
    "belgrade": ("Belgrade", "Government of Serbia", None),
    "washington": ("Washington", "Government of the United States", None),
    "state-department": ("State Department", "United States Department of State", "washington"),
    "pristina": ("Pristina", "Government of Kosovo", None),
    "nato": ("NATO", "North Atlantic Treaty Organization", None),
}
MOJSILOVIC = {"name": "Gen. Milan Mojsilović", "role": "chief of staff"}
VUCEVIC = {"name": "Miloš Vučević", "role": "Defence Minister"}
MILLER = {"name": "Matthew Miller", "role": "State Department spokesman"}
KURTI = {"name": "Albin Kurti", "role": "Prime Minister"}
DJOKOVIC = {"name": "Đorđe Đoković", "role": None}
# text, claimant, speaker, further fields, quotes of the origin, links: (party, speaker, quotes).
CLAIMS: list[tuple[str, str | None, Any, dict[str, Any], list[Any], list[Any]]] = [
    (
        "Serbia has returned the operating regime of its units to normal",
        "belgrade",
        MOJSILOVIC,
        {"story": "border", "tags": ["troops"]},
        ["“The operating regime of the units … along the administrative line” is normal"],
        [("washington", MILLER, ["We are waiting to see confirmation of this"])],
    ),
    (
        "Serbia cut its troops near Kosovo from 8,350 to 4,500",
        "belgrade",
        MOJSILOVIC,
        {"story": "border", "kind": "figure", "tags": ["troops"]},
        ["the number of troops was reduced from 8,350 to 4,500"],
        [("state-department", MILLER, ["If true, it would be a welcome step"])],
    ),
    (
        "NATO will be reinforced by 600 British soldiers, 4.500 in all",
        "nato",
        None,
        {"kind": "figure"},
        ["KFOR's mission (4 500) gets 600 more"],
        [],
    ),
    (
        "Belgrade was behind the armed group of 24 September",
        "pristina",
        KURTI,
        {"story": "attack"},
        [("Sulmi u krye nga Beogradi; qeveria e Kosovës e di", "sq")],
        [("belgrade", VUCEVIC, [("Војска се повукла са границе", "sr")])],
    ),
    (
        "The commando was set up by Milan Radoičić",
        None,
        None,
        {"story": "attack", "tags": ["attack"]},
        ["The group was organised by a businessman from the north"],
        [],
    ),
    (
        "The army could enter Kosovo if the President ordered it",
        "belgrade",
        VUCEVIC,
        {"story": "border", "kind": "prediction"},
        [("Povlačenje vojske nije znak slabosti", "sr-Latn"), ("Withdrawing is no weakness", "en")],
        [("nato", None, ["KFOR patrols saw units withdraw"])],
    ),
    ("Troops withdrew; normal regime again", "pristina", None, {}, ["units of troops"], []),
    ("Ђоковић је у Љубљани", "belgrade", DJOKOVIC, {}, [("Рекао је да је ту", "sr")], []),
    ("A lie'; DROP TABLE claims; -- <b>bold</b> 🇷🇸 שלום", "nato", None, {}, ["\u200fevil"], []),
    ("Administrative lines are no borders", "belgrade", None, {"story": "border"}, ["…"], []),
    (
        "The re-opening of the crossing at Iğdır'da, Mr O’Neill said 🔥🔥",
        None,
        None,
        {},
        ["reopening: don't"],
        [("nato", None, [("中国军队撤退到2023年的边界", "zh"), ("กองทัพไทยถอนทหาร 🕊️", "th")])],
    ),
    (
        "Vojska se vratila na granicu, kaže Đukanović",
        "belgrade",
        None,
        {},
        [("Ushtrisë iu urdhërua nga ministri", "sq"), ("Ђукановић — и војници", "sr")],
        [],
    ),
]
QUERIES = [
    "vucevic", "VUČEVIĆ", "Вучевић", "вучевића", "mojsilovic general", "djokovic", "Đoković",
    "ђорђе", "ljubljana", "withdraw", "withdrawal", "withdrawals troops", "troops withdrew",
    "troops", "troop normal", "normal troops", "serbia", "serbian", "kosovo serbia", "belgrade",
    "united states", "government", "government serbia", '"united states"', '"of serbia"',
    "state-department", "spokesman confirmation", "minister", "8350", "8,350", "8.350 4500",
    "4500", "4500 british", "835", "50", "24 september", '"operating regime"', '"regime operating"',
    '"operating regimes" units', '"administrative line"', "administrative -line", "line border",
    "troops -serbia", 'units -"operating regime"', "kosovo -army -group", "belgrade -vojska",
    "withdr*", "ВОЈС*", "operat* norm*", "kos*", "administrat* -border*", "vojska", "војске",
    "povlačenje", "qeveri", "qeverisë", "kosovë", "beograd", "border", "the", "of the",
    "radoicic", "milan", "milan radoičić", "milan -radoičić", "bold", "' OR 1", "1=1",
    "NEAR(serbia kosovo)", "words:serbia", "claim_words MATCH", "serbia & kosovo", "a | b | c",
    "!serbia", "serbia <-> has", "serbia:A", "(serbia", "{serbia}", "^serbia", "serbia AND kosovo",
    "NOT serbia", "שלום", "evil", "\\serbia", "%", "zzz", "O'Neill", "neill", "oneill said",
    "reopening", "re‑open", '"reopening of the crossing"', "Iğdır", "igdir’den", "dont", "🔥", "🕊",
    "中国", "军队", "军", "退到", "中军", "2023年", "กองทัพ", "ไทย", "vojske", "војсци", "vojnik",
    "dukanovic", "Djukanović -vojska", "ushtria", "ministrit", "reop*", "crossing 🔥 -🕊",
]  # fmt: skip


def invent_queries(seed: int, count: int) -> list[str]:
    """Queries of one to three words, phrases, beginnings and exclusions out of these claims."""
    rng = random.Random(seed)
    texts: list[str] = [
        piece
        for text, _, speaker, _, statements, links in CLAIMS
        for piece in (
            text,
            *(speaker.values() if speaker else ()),
            *(read_text_and_language(quote)[0] for quote in statements),
            *(read_text_and_language(quote)[0] for _, _, words in links for quote in words),
        )
        if piece
    ]

    def invent_part() -> str:
        words = [word.strip('"*-,.;:()“”…') for word in rng.choice(texts).split()]
        words = [word for word in words if word] or ["serbia"]
        first = rng.randrange(len(words))
        kind = rng.random()
        if kind < 0.2:
            return '"' + " ".join(words[first : first + rng.randint(1, 3)]) + '"'
        if kind < 0.3 and words[first][:3].isalpha() and len(words[first]) > 3:
            return words[first][:3] + "*"
        if kind < 0.4:
            return rng.choice((str.upper, str.title, str.lower))(words[first])
        return ("-" if kind > 0.9 else "") + words[first]

    return [" ".join(invent_part() for _ in range(rng.randint(1, 3))) for _ in range(count)]


@dataclass
class Corpus:
    """Claims in the order in which they were recorded, with the fields they are found by."""

    ids: list[str] = field(default_factory=list)
    fields: dict[str, list[Field]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def find(self, typed: str) -> list[str]:
        """What the rulebook finds: by tier, then the newest first."""
        query = query_parser.parse_query(typed)
        claims_by_tier: dict[Tier, list[str]] = {tier: [] for tier in Tier}
        for claim in reversed(self.ids):
            tier = ranking.rank_fields(query, self.fields[claim])
            if tier is not None:
                claims_by_tier[tier].append(claim)
        return [claim for tier in Tier for claim in claims_by_tier[tier]]


async def record_corpus(desk: Desk) -> Corpus:
    """Record the claims above."""
    for slug, (name, full_name, parent) in PARTIES.items():
        party = {"slug": slug, "name": name, "full_name": full_name, "parent": parent}
        await desk.post("/v1/parties", party)
    for slug in ("border", "attack"):
        await desk.post("/v1/stories", {"slug": slug, "title": slug})
    corpus = Corpus()
    for text, claimant, speaker, fields, utterances, links in CLAIMS:
        body: dict[str, Any] = {
            "text": text,
            "kind": "event",
            "claimant": claimant,
            "speaker": speaker,
            "claimed_at": f"2023-10-0{2 - len(corpus.ids) % 2}T00:00:00Z",
            "origin": {"quotes": list(map(_build_quote, utterances))},
        }
        claim = (await desk.post("/v1/claims", body | fields))["id"]
        voices, quotes = [(claimant, speaker)], [*utterances]
        for party, speaker_name, words in links:
            statement = {
                "party": party,
                "speaker": speaker_name,
                "said_at": "2023-10-02T00:00:00Z",
                "quotes": list(map(_build_quote, words)),
            }
            await desk.post(
                f"/v1/claims/{claim}/links", {"statement": statement, "stance": "comments"}
            )
            voices.append((party, speaker_name))
            quotes += words
        corpus.ids.append(claim)
        corpus.texts[claim] = text
        corpus.fields[claim] = [
            searchable_fields.read_text(text),
            *(each for voice in voices for each in build_name_fields(*voice)),
            *(
                searchable_fields.read_quote(Quoted(*read_text_and_language(quote)))
                for quote in quotes
            ),
        ]
    return corpus


def read_text_and_language(statement: Any) -> tuple[str, str]:
    return statement if isinstance(statement, tuple) else (statement, "en")


def _build_quote(statement: Any) -> dict[str, Any]:
    text, language = read_text_and_language(statement)
    return {"text": text, "language": language, "source": SOURCE}


def build_name_fields(party: str | None, speaker: Any) -> list[Field]:
    if party is None:
        return []
    name, full_name, parent = PARTIES[party]
    find = [party, name, full_name or "", *([parent, PARTIES[parent][0]] if parent else ())]
    fields = [searchable_fields.read_name("party", each) for each in find]
    if speaker is not None:
        role = f", {speaker['role']}" if speaker["role"] else ""
        fields.append(searchable_fields.read_name("speaker", speaker["name"] + role))
    return fields
