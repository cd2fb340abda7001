"""The page of the corrections log."""
