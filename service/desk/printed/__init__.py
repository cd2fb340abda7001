"""The page of what was printed, and its forms."""
