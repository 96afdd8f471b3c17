"""Side-by-side measurements of emoedge, a naive loop and other people's programs."""
