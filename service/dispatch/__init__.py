"""The webhook worker: leases due deliveries, sends them, records what came of it."""
