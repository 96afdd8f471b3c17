"""The few errors that cross a room's wall; each is caught at the edge of one room only."""

from __future__ import annotations


class EmoedgeError(Exception):
    """Base of all errors that emoedge raises on purpose; `str()` is one line for the user for each finding."""


class ConfigError(EmoedgeError):
    """The configuration cannot be used; `problems` holds every finding, one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class SourceError(EmoedgeError):
    """A camera, microphone or media file cannot be opened or read."""


class MediaError(SourceError):
    """A media file given on the command line cannot be read; exit code 65."""


class ModelError(EmoedgeError):
    """Model files are refused; a line for each names the file, the cause and the remedy."""


class DeliveryError(EmoedgeError):
    """A broker is unreachable or refuses us; exit code 69 where that ends a command."""
