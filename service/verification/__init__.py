"""`claimdesk verify`: every stored state proved from the record, and the record from its hashes."""
