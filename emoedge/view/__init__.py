"""The local page: live picture, belief, timeline."""
