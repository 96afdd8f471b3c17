"""The configuration: one frozen tree, each field with unit, range and description."""

from emoedge.config.loader import default_config, find, load
from emoedge.config.tree import Config

__all__ = ["Config", "default_config", "find", "load"]
