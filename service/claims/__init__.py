"""Claims, their statements, links and decisions: the rulebook carried out on the database."""
