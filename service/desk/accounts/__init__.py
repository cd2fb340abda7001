"""Pages of people, keys, sessions and the desk's policy."""
