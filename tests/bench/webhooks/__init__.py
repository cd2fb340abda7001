"""Webhooks under measurement: what the outbox costs, how fast and how soon is delivered, what one
bad endpoint and a long backlog do to the others.

`python -m tests.bench webhooks`
"""
