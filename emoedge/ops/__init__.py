"""What a daemon needs to live long: health, backoff, clock, systemd."""
