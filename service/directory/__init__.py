"""Parties, speakers and sources: who speaks, and where it was read."""
