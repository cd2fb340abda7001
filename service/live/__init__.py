"""The event stream: what all streams of a process share."""
