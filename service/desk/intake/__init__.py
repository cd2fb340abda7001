"""Pages on which an article is taken in."""
