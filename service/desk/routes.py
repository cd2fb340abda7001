"""Every page's router."""

from service.desk import (
    assets,
    board,
    claim_forms,
    claims,
    intake,
    parties,
    review,
    search,
    signing_in,
    statements,
    stories,
    webhook_forms,
    webhooks,
)

routers = (
    assets.router,
    board.router,
    claim_forms.router,
    claims.router,
    intake.router,
    parties.router,
    review.router,
    search.router,
    signing_in.router,
    statements.router,
    stories.router,
    webhook_forms.new_router,
    webhooks.router,
    webhook_forms.router,
)
