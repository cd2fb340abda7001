"""Claimdesk: a claim-verification workflow service (see README.md for the map)."""
