"""Export and import: of whole desks, of others' claims, and of seed files."""
