"""Corrections: a form for whatever was recorded wrongly, and what was corrected of a thing."""
