"""Where events and state go."""
