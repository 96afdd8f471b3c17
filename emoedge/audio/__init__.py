"""From samples to a voice gate, speech features and classified speech."""
