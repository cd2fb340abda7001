"""The API, attacked from outside."""
