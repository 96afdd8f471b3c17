"""The configuration: one frozen tree, each field with unit, range and description."""

from emoedge.config.tree import Config

__all__ = ["Config"]
