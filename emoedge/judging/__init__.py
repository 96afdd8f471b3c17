"""Judges single photographs and recorded phrases, without a run around them."""
