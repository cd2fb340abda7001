"""Words, queries, and the full-text index on each database."""
