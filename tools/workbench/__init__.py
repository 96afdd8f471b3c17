"""What the tools share: data readers, training recipes, conversion, metrics and plots."""
