"""The append-only record of every subject: its writer, its chains, and its newest events."""
