"""Pages of claims: the board, a claim, its forms, the review queue."""
