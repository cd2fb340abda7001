"""The page of what waits for whoever looks."""
