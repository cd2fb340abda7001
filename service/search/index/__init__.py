"""What texts are found by: words, and the full-text index on each database."""
