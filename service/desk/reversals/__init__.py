"""Voids and ways back: a form beside whatever ends something."""
