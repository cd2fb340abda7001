"""What a name has in common with all names that read like it."""

from functools import lru_cache

from disarm import normalize_confusables

LIGATURES = (("rn", "m"), ("vv", "w"), ("cl", "d"))
"""Letters that together read as one, which the library's table leaves out."""
STROKES = str.maketrans({"I": "l", "1": "l", "|": "l", "0": "O"})
"""What a stroke and a ring are read as where letters keep their case."""
SMALL = str.maketrans({"1": "l", "0": "o"})
"""The same where they do not: a small i is no stroke."""


@lru_cache(maxsize=8192)
def make_skeletons(name: str) -> frozenset[str]:
    """Give the skeletons of a name (UTS 39, section 4), as printed and in small letters.

    Two names read alike where they share one: case, width, look-alikes of other scripts, digits
    that pass for letters and letters that together pass for one make no difference.  NАTO with a
    Cyrillic А is NATO, and so are ＮＡＴＯ, nato and NAT0.  Курти and Kurti do not look alike, nor
    do "Office I" and "Office L".
    """
    plain = " ".join(normalize_confusables(name).split())
    return frozenset(
        {
            "as printed: " + _join_letters(plain.translate(STROKES)),
            "small: " + _join_letters(plain.casefold().translate(SMALL)),
        }
    )


def read_alike(first: str, second: str) -> bool:
    """Whether two names would be taken for each other in print."""
    return bool(make_skeletons(first) & make_skeletons(second))


def _join_letters(skeleton: str) -> str:
    for letters, one in LIGATURES:
        skeleton = skeleton.replace(letters, one)
    return skeleton
