"""Webhooks: endpoints, the outbox, and the dispatcher that leases, delivers and settles."""
