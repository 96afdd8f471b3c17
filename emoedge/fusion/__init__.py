"""From observations to beliefs, and from beliefs to episodes."""
