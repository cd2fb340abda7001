"""Notices: what people follow, and what they are told of it and of what waits for them."""
