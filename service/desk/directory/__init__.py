"""Pages of parties and speakers."""
