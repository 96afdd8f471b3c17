"""What `emoedge doctor` looks at, one stage a module; each gives findings with the remedy."""
