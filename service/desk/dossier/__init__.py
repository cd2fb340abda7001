"""The document that assessors of fact-checkers read."""
