"""speakers are found by any spelling of their names"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# As the service folds names at this revision; a migration calls nothing that may change.
APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´′"))
LATIN = "đ dj ð d ł l ø o æ ae œ oe ı i ħ h ŧ t ŋ n þ th"
CYRILLIC = (
    "а a б b в v г g д d ђ dj е e ж z з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t "
    "ћ c у u ф f х h ц c ч c џ dz ш s ѕ dz і i є je ґ g ы y э e ю ju я ja щ sc"
)
NAMED = f"{LATIN} {CYRILLIC}".split()
LETTERS = str.maketrans(dict(zip(NAMED[::2], NAMED[1::2], strict=True)) | {"ъ": "", "ь": ""})
UNSEEN = re.compile(
    "[\u202a-\u202e\u2066-\u206f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2060-\u2065\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
RUN = re.compile(r"[^\W\d_]+")
CYRILLIC_LETTER, ASCII_LETTER = re.compile("[\u0400-\u052f]"), re.compile("[a-z]")
BATCH = 1000


def upgrade() -> None:
    connection = op.get_bind()
    key = "CAST(id AS VARCHAR(36))"
    query = f"SELECT {key}, party, name, role FROM speakers ORDER BY created_at, id"  # noqa: S608
    taken: set[tuple[str, str, str]] = set()
    changes = []
    for speaker, party, name, role in connection.execute(sa.text(query)).all():
        folded_name, folded_role = fold_spelling(name), fold_spelling(role or "")
        if (party, folded_name, folded_role) in taken:
            # Two spellings of one name: both stay, and new statements find the older speaker.
            folded_name = f"{folded_name}\n{spelled(speaker)}"
        taken.add((party, folded_name, folded_role))
        changes.append({"key": speaker, "name": folded_name, "role": folded_role})
    # None may have for a moment what another has still.
    connection.execute(
        sa.text(f"UPDATE speakers SET folded_name = '\n' || {key}")  # noqa: S608
    )
    change = sa.text(
        f"UPDATE speakers SET folded_name = :name, folded_role = :role WHERE {key} = :key"  # noqa: S608
    )
    for first in range(0, len(changes), BATCH):
        connection.execute(change, changes[first : first + BATCH])


def downgrade() -> None:
    """Nothing: a desk of before finds speakers by these as well, if by fewer spellings."""


def spelled(speaker: str) -> str:
    """An id as the service writes it: SQLite keeps 32 digits."""
    digits = speaker.replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def fold_spelling(name: str) -> str:
    plain = UNSEEN.sub("", name).translate(APOSTROPHES)
    words = filter(None, re.split(r"[\W_]+", fold(plain)))
    return " ".join(words) or fold(name)


def fold(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    letters = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in decomposed
        if not unicodedata.combining(letter)
    )
    latin = RUN.sub(lambda run: write_in_latin(run[0]), letters)
    return " ".join(re.sub("dj+", "d", latin).split())


def write_in_latin(letters: str) -> str:
    mixed = CYRILLIC_LETTER.search(letters) and ASCII_LETTER.search(letters)
    return letters if mixed else letters.translate(LETTERS)
