"""From a frame to followed, classified faces."""
