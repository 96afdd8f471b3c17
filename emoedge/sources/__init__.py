"""What can be unplugged: cameras, microphones and the files that stand in for them."""
