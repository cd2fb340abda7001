"""What a query finds: pages of claims and of statements."""
