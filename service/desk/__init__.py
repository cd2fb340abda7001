"""The desk: pages on which fact-checkers work and journalists look things up.

Server-rendered; each page reads through the queries, and each form changes through the commands,
that the API has too.  Everything works without JavaScript: the scripts of `layout` only make it
live and quicker.
"""
