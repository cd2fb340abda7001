"""What the forms of voids and ways back say, by the last part of their addresses."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormWords:
    """What a form is called, what it does, and what its button says."""

    title: str
    explanation: str
    button: str
    done: str
    """The word in the address of the page that follows, by which it says what was done."""


CLAIM: Mapping[str, FormWords] = {
    "void": FormWords(
        "Recorded by mistake",
        "Nobody may use a void claim: it leaves the board, lists, feeds, the search and its story; "
        "its print line, badge and page say not to use it. Whoever follows it is told. It stays in "
        "the record, and can be restored.",
        "Make it void",
        "voided",
    ),
    "restoration": FormWords(
        "It was no mistake",
        "The claim is what it was before it was void, as far as its evidence still holds. Where "
        "two people had agreed to what prints of it, a second person agrees to this, too.",
        "Restore the claim",
        "restored",
    ),
    "reinstatement": FormWords(
        "The claimant did not take it back",
        "The claim is in force again, with the status that it had, as far as its evidence still "
        "holds. Where two people had agreed to what prints of it, a second person agrees to this, "
        "too.",
        "Reinstate the claim",
        "reinstated",
    ),
    "separation": FormWords(
        "They are two claims",
        "This claim is one of its own again. Links that came with it leave the other claim and its "
        "parts come back, but not those that somebody has decided on since.",
        "Separate them",
        "separated",
    ),
}
LINK: Mapping[str, FormWords] = {
    "void": FormWords(
        "A link recorded by mistake",
        "It counts for nothing, and the claim is not found by it. It stays in the record, struck "
        "through, and can be restored.",
        "Make it void",
        "link-voided",
    ),
    "restoration": FormWords(
        "Give the link back",
        "It counts again, as if it had not been taken away. What was decided since stays.",
        "Restore the link",
        "link-restored",
    ),
}
STATEMENT: Mapping[str, FormWords] = {
    "void": FormWords(
        "Recorded by mistake",
        "A void statement counts for nothing on any claim: what rested on it falls by itself. "
        "Where a confirmed claim prints the denial in it, a second person agrees to leave that "
        "out. It stays in the record, struck through, and can be restored.",
        "Make it void",
        "statement-voided",
    ),
    "restoration": FormWords(
        "It was no mistake",
        "Its links count again on every claim. What was decided since stays.",
        "Restore the statement",
        "statement-restored",
    ),
    "reinstatement": FormWords(
        "Nobody took it back",
        "Its links count again on every claim, and a claim that was withdrawn with it is in force.",
        "Reinstate the statement",
        "statement-restored",
    ),
}
PARTY_SEPARATION = FormWords(
    "They are two parties",
    "It has its own name and place again, and is a voice of its own. Claims that fell when the two "
    "were merged stay as they are until somebody decides.",
    "Separate them",
    "parted",
)
SPEAKER_SEPARATION = FormWords(
    "They are two people",
    "What each of them said is shown with the own name and role again.",
    "Separate them",
    "parted",
)
SOURCE_SEPARATION = FormWords(
    "They are two sources",
    "Words that were read in it are shown with it as their source again.",
    "Separate them",
    "parted",
)
