"""search

The rows of the search index are made here as the service of release 0017 makes them: English and
Serbian stemmed by Snowball, Albanian by its endings, a term's first digit saying where it stands.
A later release that reads words otherwise indexes again in a migration of its own.
"""

import json
import re
import unicodedata
from functools import lru_cache
from itertools import groupby

import sqlalchemy as sa
from alembic import op
from snowballstemmer.english_stemmer import EnglishStemmer
from snowballstemmer.serbian_stemmer import SerbianStemmer
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = {"claim_search": "claim_words", "statement_search": "statement_words"}
BATCH = 500
identifier = sa.Uuid(as_uuid=False)
indexed_words = sa.Text().with_variant(TSVECTOR(), "postgresql")
STRETCHES_FUNCTION = """
    CREATE FUNCTION claimdesk_stretches() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.words := NEW.words || array_to_tsvector(ARRAY[
        '9p' || (NEW.number >> 10), '9q' || (NEW.number >> 14), '9r' || (NEW.number >> 18)
      ]);
      RETURN NEW;
    END $$
    """


def table(name, ids, others):
    columns = [sa.column(column, identifier) for column in ids.split()]
    return sa.table(name, *columns, *map(sa.column, others.split()))


claims = table("claims", "id origin_statement", "state")
events = table("events", "claim", "number type data")
links = table("links", "claim statement", "")
quotes = table("quotes", "statement", "text language position")
parties = table("parties", "", "slug name full_name root")
speakers = table("speakers", "id", "name role")
statements = table("statements", "id speaker", "party")
claim_search = sa.table(
    "claim_search",
    sa.column("claim", identifier),
    sa.column("words", indexed_words),
    sa.column("former", sa.Text()),
)
statement_search = sa.table(
    "statement_search", sa.column("statement", identifier), sa.column("words", indexed_words)
)


def upgrade() -> None:
    connection = op.get_bind()
    dialect = connection.dialect.name
    for name, subject, more in (
        ("claim_search", "claim", [sa.Column("former", sa.Text(), nullable=False)]),
        ("statement_search", "statement", []),
    ):
        op.create_table(
            name,
            sa.Column(
                "number",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                autoincrement=True,
                nullable=False,
            ),
            sa.Column(subject, identifier, nullable=False),
            sa.Column("words", indexed_words, nullable=False),
            *more,
            sa.ForeignKeyConstraint(
                [subject], [f"{subject}s.id"], name=op.f(f"fk_{name}_{subject}_{subject}s")
            ),
            sa.PrimaryKeyConstraint("number", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(subject, name=op.f(f"uq_{name}_{subject}")),
        )
    if dialect == "postgresql":
        op.execute(STRETCHES_FUNCTION)
    for name, index in INDEXES.items():
        for statement in list_triggers(dialect, name, index):
            op.execute(statement)
    # What is recorded already is found from now on too.
    index_claims(connection)
    index_statements(connection)
    if dialect == "postgresql":
        for name, index in INDEXES.items():
            # What waits to be sorted in is read by every search: it is kept short.
            op.execute(
                f"CREATE INDEX {index} ON {name} USING gin (words)"
                " WITH (gin_pending_list_limit = 512)"
            )


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, index in INDEXES.items():
        if sqlite:
            op.execute(f"DROP TABLE {index}")
        op.drop_table(name)
    if not sqlite:
        op.execute("DROP FUNCTION claimdesk_stretches()")


def list_triggers(dialect, name, index):
    if dialect == "postgresql":
        return [
            f"CREATE TRIGGER {name}_stretches BEFORE INSERT OR UPDATE OF words ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION claimdesk_stretches()"
        ]
    add = f"INSERT INTO {index} (rowid, words) VALUES (NEW.number, NEW.words)"  # noqa: S608
    values = "('delete', OLD.number, OLD.words)"
    remove = f"INSERT INTO {index} ({index}, rowid, words) VALUES {values}"  # noqa: S608
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5(words, content='{name}', "
        "content_rowid='number', tokenize='ascii')",
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {name} BEGIN {add}; END",
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {name} BEGIN {remove}; END",
        f"CREATE TRIGGER {name}_update AFTER UPDATE OF words ON {name} BEGIN {remove}; {add}; END",
    ]


# Rows of the index.


def index_claims(connection):
    full_names = read_full_names(connection)
    low = None
    while True:
        query = sa.select(claims.c.id, claims.c.state).order_by(claims.c.id).limit(BATCH)
        batch = connection.execute(query.where(claims.c.id > low) if low else query).all()
        if not batch:
            return
        high = batch[-1].id

        def within(key, low=low, high=high):
            return [key <= high, *([key > low] if low else ())]

        spoken = sa.union(
            sa.select(links.c.statement).where(*within(links.c.claim)),
            sa.select(claims.c.origin_statement).where(*within(claims.c.id)),
        )
        said = read_quotes(connection, quotes.c.statement.in_(spoken))
        former = find_former_terms(connection, said, within(events.c.claim))
        rows = [
            make_claim_row(
                connection, json.loads(row.state), said, full_names, former.get(row.id, ())
            )
            for row in batch
        ]
        connection.execute(sa.insert(claim_search), rows)
        low = high


def make_claim_row(connection, state, said, full_names, former):
    """The row of a claim; `said` are its statements' quotes, `former` the terms of what it was
    found by before."""
    words = write_line(list_claim_fields(state, said, full_names), list_labels(state), former)
    return {
        "claim": state["id"],
        "words": write_words(connection, words),
        "former": " ".join(sorted(former)),
    }


def index_statements(connection):
    root = parties.alias("root")
    spoken = (
        sa.select(
            statements.c.id,
            statements.c.party,
            parties.c.name,
            parties.c.full_name,
            parties.c.root,
            root.c.name.label("root_name"),
            statements.c.speaker,
            speakers.c.name.label("speaker_name"),
            speakers.c.role,
        )
        .join(parties, parties.c.slug == statements.c.party, isouter=True)
        .join(root, root.c.slug == parties.c.root, isouter=True)
        .join(speakers, speakers.c.id == statements.c.speaker, isouter=True)
        .order_by(statements.c.id)
        .limit(BATCH)
    )
    batch = connection.execute(spoken).all()
    while batch:
        said = read_quotes(connection, quotes.c.statement.in_([row.id for row in batch]))
        rows = []
        for row in batch:
            fields = [read_quote(quote, 1) for quote in said[row.id]]
            if row.party is not None:
                speaker = {"name": row.speaker_name, "role": row.role} if row.speaker else None
                voice = {
                    "party": row.party,
                    "name": row.name,
                    "root": row.root,
                    "root_name": row.root_name,
                    "speaker": speaker,
                }
                names = [*list_names(voice), *([("party", row.full_name)] if row.full_name else ())]
                fields += [read_name(text) for _, text in names]
            words = write_words(connection, write_line(fields, levels=(1, 2)))
            rows.append({"statement": row.id, "words": words})
        connection.execute(sa.insert(statement_search), rows)
        batch = connection.execute(spoken.where(statements.c.id > batch[-1].id)).all()


def read_quotes(connection, which):
    """The quotes of statements, as texts with their languages."""
    said = {}
    for row in connection.execute(
        sa.select(quotes).where(which).order_by(quotes.c.statement, quotes.c.position)
    ):
        said.setdefault(row.statement, []).append((row.text, row.language))
    return said


def read_full_names(connection):
    rows = connection.execute(sa.select(parties.c.slug, parties.c.full_name))
    return {slug: full_name for slug, full_name in rows if full_name is not None}


def write_words(connection, line):
    """A line of terms as its column has it: a tsvector on PostgreSQL."""
    if connection.dialect.name == "sqlite":
        return line
    postings = {}
    for place, term in enumerate(line.split(), start=1):
        if term != "0":
            places = postings.setdefault(term, [])
            if term[0] in "123":
                places.append(str(place))
    return " ".join(
        f"'{term}':{','.join(places)}" if places else f"'{term}'"
        for term, places in postings.items()
    )


# What a claim was found by before.

TAKING = ("claim.amended", "claim.absorbed", "link.retracted", "party.changed", "speaker.changed")


def find_former_terms(connection, said, within):
    taking = sa.select(events.c.claim).where(*within, events.c.type.in_(TAKING))
    lines = connection.execute(
        sa.select(events)
        .where(events.c.claim.in_(taking))
        .order_by(events.c.claim, events.c.number)
    ).all()
    former = {}
    for claim, history in groupby(lines, key=lambda line: line.claim):
        state = None
        for line in history:
            before, state = state, apply(state, line.type, json.loads(line.data))
            if line.type in TAKING:
                former.setdefault(claim, set()).update(list_lost_terms(before, state, said))
    return former


def apply(state, type, data):
    """What is searched of a claim, after an event."""
    if type == "claim.created":
        return {
            "text": data["text"],
            "claimant": data["claimant"],
            "origin_statement": data["origin_statement"],
            "links": [],
        }
    links = state["links"]
    if type == "claim.amended":
        return state | {"text": data.get("text", state["text"])}
    if type in ("link.created", "claim.absorbed"):
        added = [data["link"]] if type == "link.created" else data["links"]
        return state | {"links": [*links, *added]}
    if type == "link.retracted":
        return state | {
            "links": [
                link | {"retracted": True} if link["id"] == data["link"] else link for link in links
            ]
        }
    if type in ("party.changed", "speaker.changed"):
        claimant = state["claimant"]
        return state | {
            "claimant": claimant and rename(claimant, data),
            "links": [link | {"voice": rename(link["voice"], data)} for link in links],
        }
    return state


def rename(voice, data):
    if "description" in voice:
        return voice
    if "parties" in data:
        return voice | data["parties"].get(voice["party"], {})
    speaker = voice["speaker"]
    if speaker is None or speaker["id"] != data["speaker"]:
        return voice
    return voice | {"speaker": speaker | {"name": data["name"], "role": data["role"]}}


def list_lost_terms(before, after, said):
    kept = {name for voice in list_voices(after) for name in list_names(voice)}
    lost = [
        read_name(name[1])
        for voice in list_voices(before)
        for name in list_names(voice)
        if name not in kept
    ]
    if before["text"] != after["text"]:
        lost.append(read_text(1, before["text"], (0,)))
    still = list_statements(after)
    for statement in list_statements(before):
        if statement not in still:
            lost += [read_quote(quote) for quote in said[statement]]
    terms = set()
    for _, exact, renderings in lost:
        terms.update("8" + word for word in exact)
        terms.update("7" + stem for rendering in renderings for stem in rendering)
    return terms


# Terms: 1 text, 2 text and names, 3 all, as stems; 4 to 6 the same as written; 7 and 8 what no
# longer stands; 9 labels; 0 parts one text from the next.

POSITIONS = {1: 1_000, 2: 4_000, 3: 11_000}
REPEATS, UNPLACED = 255, 6_000
NO_ROOM = {2: "9full0names", 3: "9full0quotes"}
LANGUAGES = {
    **dict.fromkeys(("sr", "hr", "bs", "me", "sh", "cnr"), 1),
    **dict.fromkeys(("sq", "sqi", "alb"), 2),
}
ENDINGS = [
    "ave",
    "eve",
    "ive",
    "se",
    "ne",
    "te",
    "it",
    "ut",
    "at",
    "et",
    "in",
    "un",
    "en",
    "es",
    "i",
    "u",
    "a",
    "e",
]
LETTERS = [
    "đ",
    "dj",
    "ð",
    "d",
    "ł",
    "l",
    "ø",
    "o",
    "æ",
    "ae",
    "œ",
    "oe",
    "ı",
    "i",
    "ħ",
    "h",
    "ŧ",
    "t",
    "ŋ",
    "n",
    "þ",
    "th",
    "а",
    "a",
    "б",
    "b",
    "в",
    "v",
    "г",
    "g",
    "д",
    "d",
    "ђ",
    "dj",
    "е",
    "e",
    "ж",
    "z",
    "з",
    "z",
    "и",
    "i",
    "ј",
    "j",
    "к",
    "k",
    "л",
    "l",
    "љ",
    "lj",
    "м",
    "m",
    "н",
    "n",
    "њ",
    "nj",
    "о",
    "o",
    "п",
    "p",
    "р",
    "r",
    "с",
    "s",
    "т",
    "t",
    "ћ",
    "c",
    "у",
    "u",
    "ф",
    "f",
    "х",
    "h",
    "ц",
    "c",
    "ч",
    "c",
    "џ",
    "dz",
    "ш",
    "s",
    "ѕ",
    "dz",
    "і",
    "i",
    "є",
    "je",
    "ґ",
    "g",
    "ы",
    "y",
    "э",
    "e",
    "ю",
    "ju",
    "я",
    "ja",
    "щ",
    "sc",
]
LATIN = str.maketrans(dict(zip(LETTERS[::2], LETTERS[1::2], strict=True)) | {"ъ": "", "ь": ""})
GROUPED = r"(?<![^\W_])\d{1,3}(?:[.,'’\u00a0\u2009\u202f]\d{3})+(?!\d)"
MARKS = (
    r"\u00ad\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200d\u2060\u20d0-\u20ff\ufe20-\ufe2f"
)
WORD = re.compile(rf"{GROUPED}|[^\W_](?:[^\W_]|[{MARKS}]|['’ʼ](?=[^\W_]))*")
english, serbian = EnglishStemmer(), SerbianStemmer()


def list_voices(state):
    """Who speaks on a claim: its claimant, and who takes a stance that was not retracted."""
    standing = [link["voice"] for link in state["links"] if not link.get("retracted")]
    # Sources that are not named came later, and so did the index that finds them.
    standing = [voice for voice in standing if "description" not in voice]
    return [*([state["claimant"]] if state["claimant"] else ()), *standing]


def list_names(voice):
    texts = dict.fromkeys((voice["party"], voice["name"], voice["root"], voice["root_name"]))
    names = [("party", text) for text in texts]
    if voice["speaker"] is not None:
        name, role = voice["speaker"]["name"], voice["speaker"]["role"]
        names.append(("speaker", f"{name}, {role}" if role else name))
    return names


def list_statements(state):
    standing = (link["statement"] for link in state["links"] if not link.get("retracted"))
    return dict.fromkeys((state["origin_statement"], *standing))


def list_claim_fields(state, said, full_names):
    """All that a claim is found by, read as it is asked for."""
    yield read_text(1, state["text"], (0,))
    seen = set()
    for voice in list_voices(state):
        full = full_names.get(voice["party"])
        for name in (*list_names(voice), *([("party", full)] if full else ())):
            if name not in seen:
                seen.add(name)
                yield read_name(name[1])
    for statement in list_statements(state):
        yield from map(read_quote, said.get(statement, ()))


def list_labels(state):
    labels = {"kind": state["kind"], "story": state["story"]}
    if state["claimant"]:
        labels["claimant"] = state["claimant"]["party"]
    return [f"9{name}0{value.replace('-', '0')}" for name, value in labels.items() if value]


def read_quote(quote, level=3):
    text, language = quote
    primary = (language or "").partition("-")[0].lower()
    return read_text(level, text, (LANGUAGES.get(primary, 0),))


def read_name(text):
    return read_text(2, text, (0, 1, 2))


@lru_cache(maxsize=8192)
def read_text(level, text, languages):
    """A text at its level: its words as written, and their stems for each language."""
    exact = tuple(filter(None, (fold(match.group()) for match in WORD.finditer(text))))
    forms = [stem(word) for word in exact]
    renderings = (tuple(form[language] for form in forms) for language in languages)
    return level, exact, tuple(dict.fromkeys(renderings))


@lru_cache(maxsize=1 << 16)
def fold(word):
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    letters = re.sub(r"['’ʼ]s$", "", decomposed).translate(LATIN)
    kept = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in letters
        if letter.isalnum()
    )
    return kept.encode()[:40].decode(errors="ignore")


@lru_cache(maxsize=1 << 16)
def stem(word):
    """The stems of a folded word in English, Serbian and Albanian."""
    albanian = word
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            albanian = word.removesuffix(ending)
            break
    if len(albanian) > 4 and albanian[-1] in "aeiu":
        albanian = albanian[:-1]
    return (
        fold(english.stemWord(word)) or word,
        fold(serbian.stemWord(word)) or word,
        albanian,
    )


def write_line(fields, labels=(), former=(), levels=(1, 2, 3)):
    """What is indexed: placed terms level by level, as far as there is room, then those without
    places."""
    placed = {level: [] for level in levels}
    written = {level: {} for level in levels}

    def is_full(level):
        return len(placed[level]) >= POSITIONS[level]

    for level, exact, renderings in fields:
        if is_full(levels[-1]):
            break
        if level != 1 and is_full(level):
            continue
        unlike = [
            word for word, *stems in zip(exact, *renderings, strict=True) if word not in stems
        ]
        for target in levels:
            if level <= target and not is_full(target):
                for rendering in renderings:
                    placed[target] += [*(f"{target}{stem}" for stem in rendering), "0"]
                written[target] |= dict.fromkeys(f"{target + 3}{word}" for word in unlike)
    unplaced = dict.fromkeys(labels)
    if 3 in placed:
        unplaced |= {full: None for level, full in NO_ROOM.items() if is_full(level)}
    for words in written.values():
        unplaced |= words
    unplaced |= dict.fromkeys(sorted(former))
    kept = (term for level in levels for term in limit_repeats(placed[level][: POSITIONS[level]]))
    return " ".join([*kept, *list(unplaced)[:UNPLACED]])


def limit_repeats(terms):
    """The terms with gaps for a term's places beyond those that PostgreSQL keeps."""
    counts = {}
    kept = []
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
        kept.append(term if term == "0" or counts[term] <= REPEATS else "0")
    return kept
