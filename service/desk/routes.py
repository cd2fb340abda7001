"""Every page's router."""

from service.desk import assets, board, claim_forms, claims, intake, review, signing_in, stories

routers = (
    assets.router,
    board.router,
    claims.router,
    claim_forms.router,
    intake.router,
    review.router,
    signing_in.router,
    stories.router,
)
