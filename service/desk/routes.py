"""Every page's router."""

from service.desk import assets, board, signing_in

routers = (
    assets.router,
    board.router,
    signing_in.router,
)
