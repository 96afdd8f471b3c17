"""Conversion of Keras models into self-describing `.tflite` files: `convert(Request(...))`."""

from workbench.conversion.pipeline import Outcome, convert
from workbench.conversion.request import ConversionError, Request, map_labels, parse_labels

__all__ = ["ConversionError", "Outcome", "Request", "convert", "map_labels", "parse_labels"]
