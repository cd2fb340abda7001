"""The database: the whole schema, its types, the two engines.  Dialects differ only in here."""
