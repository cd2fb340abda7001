"""What a query finds: claims, statements, and claims that may be the same."""
