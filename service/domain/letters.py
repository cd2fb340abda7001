"""The Latin spelling of letters that Unicode does not decompose, Serbian Cyrillic among them."""

_LATIN = "đ dj ð d ł l ø o æ ae œ oe ı i ħ h ŧ t ŋ n þ th"
_CYRILLIC = (
    "а a б b в v г g д d ђ dj е e ж z з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t "
    "ћ c у u ф f х h ц c ч c џ dz ш s ѕ dz і i є je ґ g ы y э e ю ju я ja щ sc"
)
_PAIRS = f"{_LATIN} {_CYRILLIC}".split()
LATIN = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | {"ъ": "", "ь": ""})
"""A table for `str.translate`, from lower-case letters to plain Latin ones."""
