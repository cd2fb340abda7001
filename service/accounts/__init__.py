"""People, keys and sessions, and the policy of the desk."""
