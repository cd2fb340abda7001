"""The append-only record of every subject: its one writer, its chains, its tail."""
