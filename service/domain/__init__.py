"""The rulebook: standard library only, no input or output."""
