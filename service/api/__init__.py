"""The JSON API: routes parse, call one command or query, and answer."""
