"""What the desk's words mean: legends beside the marks and the page of help are made of this."""

from service.domain.claims import Basis, Stance, Status

STATUSES = {
    Status.ASSERTED: "Somebody claims it. Nobody else has said anything that bears on it yet.",
    Status.AWAITING_CONFIRMATION: "Somebody asked whether it is so, or backs it without being "
    "enough to rely on. Nothing contradicts it.",
    Status.CONFIRMED: "Independent parties vouch for it from what they saw or from documents, and "
    "a second person at the desk agreed.",
    Status.DISPUTED: "Another party contradicts it. That is not to say that it is false: see "
    "whether the desk found it refuted.",
}
STANCES = {
    Stance.SUPPORTS: "says that the claim is so",
    Stance.CONTRADICTS: "says that the claim is not so",
    Stance.REQUESTS_CONFIRMATION: "wants to see it confirmed, and takes no side",
    Stance.COMMENTS: "speaks about it without taking a side; it never counts",
}
BASES = {
    Basis.OWN_OBSERVATION: "They were there, or measured it themselves. It counts.",
    Basis.DOCUMENTS: "They show or cite documents. It counts.",
    Basis.THIRD_PARTY: "They have it from somebody else, who is the one to ask. It does not count.",
    Basis.RESTATES_CLAIMANT: "They repeat what the claimant said. It does not count.",
    Basis.UNSTATED: "They do not say what they know it from. It is where every form begins, and "
    "it does not count: a word that rests on nothing confirms nothing, and a bare denial only "
    "challenges what is confirmed.",
}
SEVERAL = {
    Stance.SUPPORTS: "support",
    Stance.CONTRADICTS: "contradict",
    Stance.REQUESTS_CONFIRMATION: "ask for confirmation",
    Stance.COMMENTS: "comment",
}
"""What several parties do that take the same stance."""
EMPTY_GROUPS = {
    Status.ASSERTED: "Nothing is merely asserted: others have spoken to every claim.",
    Status.AWAITING_CONFIRMATION: "Nothing waits. A claim comes here when somebody asks for "
    "confirmation, or backs it without being enough to rely on.",
    Status.CONFIRMED: "Nothing is confirmed yet. That takes an independent party that saw it or "
    "has documents, and two people here.",
    Status.DISPUTED: "Nothing is disputed. A claim comes here by itself when another party "
    "contradicts it.",
}
"""What stands on the board where no claim has a status."""
